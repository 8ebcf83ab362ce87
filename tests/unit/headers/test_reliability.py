"""Which of a header's attributes count, and how far they are believed."""

from dataclasses import replace

import pytest

from bodypart.error_rates import shipped
from bodypart.evidence import HeaderMatch
from bodypart.headers.reliability import about, leading
from bodypart.labels import LABELS, PLACE


def match(attribute, *labels, region=None):
    return HeaderMatch(attribute, "text", "text", labels, region)


HAND, FOOT = match("SeriesDescription", "hand"), match("ProtocolName", "foot")
ORDER = match("StudyDescription", "knee")


@pytest.mark.parametrize(
    ("evidence", "counts"),
    [
        ([HAND, FOOT], [HAND]),
        ([FOOT, HAND], [HAND]),
        ([match("SeriesDescription", "hand", "foot"), FOOT], [FOOT]),
        ([match("SeriesDescription", region="head"), FOOT], [FOOT]),
        ([FOOT, ORDER], [FOOT, ORDER]),
    ],
)
def test_of_each_origin_the_one_part_of_the_most_trusted_attribute_counts(evidence, counts):
    assert list(leading(evidence)) == counts


def test_several_parts_count_before_a_region():
    several = match("ProtocolName", "hand", "foot")
    assert leading([match("SeriesDescription", region="head"), several]) == (several,)


@pytest.mark.parametrize(
    ("attribute", "chance"),
    [("BodyPartExamined", 0.7), ("SeriesDescription", 1 / len(LABELS))],
)
def test_only_a_table_names_the_device_s_default_by_chance(attribute, chance):
    rates = replace(shipped().header, defaults={"chest": 0.7})
    found = about([match(attribute, "chest")], rates)
    assert found[PLACE["knee"]] == pytest.approx(rates.astray[attribute] * chance)


def test_a_hospital_s_own_numbers_count():
    rates = replace(shipped().header, astray={"SeriesDescription": 0.5})
    assert about([HAND], rates)[PLACE["hand"]] == pytest.approx(0.5 + 0.5 / len(LABELS))
