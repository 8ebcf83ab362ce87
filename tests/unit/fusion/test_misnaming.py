"""Which wrong headers are likely, and how likely."""

from dataclasses import replace

import pytest

from bodypart.error_rates import shipped
from bodypart.fusion.misnaming import header_evidence, kind_of_error
from bodypart.labels import BY_LABEL
from unit.fusion.readings import header


@pytest.mark.parametrize(
    ("said", "true", "kind"),
    [
        ("hand", "hand", None),
        ("hand", "finger", "whole"),
        ("finger", "hand", "piece"),
        ("wrist", "forearm", "neighbour"),
        ("skull", "foot", "any"),
    ],
)
def test_a_wrong_header_is_of_the_kind_that_its_part_is_to_the_true_one(said, true, kind):
    assert kind_of_error(said, true) == kind


def test_a_header_is_rather_of_a_neighbour_than_of_any_part():
    likely = dict(zip(BY_LABEL, header_evidence(header("wrist").evidence), strict=True))
    assert likely["wrist"] > likely["forearm"] > likely["skull"] > 0


def test_a_device_s_own_default_is_doubted():
    rates = replace(shipped().header, defaults={"knee": 1.0})
    said = header("knee").evidence
    likely, usual = (
        dict(zip(BY_LABEL, header_evidence(said, of), strict=True)) for of in (rates, None)
    )
    assert likely["skull"] > usual["skull"]


def test_headers_that_say_nothing_are_as_likely_of_every_part():
    assert header_evidence(()) == pytest.approx([1] * len(BY_LABEL))
