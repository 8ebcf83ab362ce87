"""What we wrote into a file is known again in its copies, and nothing else is taken for it."""

import pytest

from bodypart.dicom_out.decision import Decision
from bodypart.dicom_out.own_tags import own_tags, without_own_tags
from bodypart.pixels import read_dataset
from unit.dicom_out.corrected import corrected, region
from unit.dicom_out.radiographs import SYNTAXES, radiograph, read

PERSON = Decision(by_person=True)


@pytest.mark.parametrize(
    ("syntax", "by_person"), [("explicit little endian", True), ("RLE", True), ("deflated", False)]
)
def test_a_persons_word_counts_as_one_where_the_service_can_see_it(syntax, by_person):
    file = corrected(radiograph(SYNTAXES[syntax]), "hand", "R", decision=PERSON).data
    _, ours = without_own_tags(file, read_dataset(file))
    assert (ours.label, ours.decision.side, ours.decision.by_person) == ("hand", "R", by_person)


def named(**item):
    dataset = read(corrected(radiograph()).data)
    for keyword, value in item.items():
        setattr(dataset.AnatomicRegionSequence[0], keyword, value)
    return dataset


@pytest.mark.parametrize(
    "dataset",
    [
        read(radiograph()),
        read(radiograph(AnatomicRegionSequence=region("knee"))),
        named(CodeValue="0"),
        named(MappingResourceName="DCMR"),
    ],
    ids=["nothing", "another's code", "a code that we do not know", "another's mark"],
)
def test_what_others_wrote_is_not_ours(dataset):
    assert own_tags(dataset) is None


def test_two_regions_are_not_ours():
    dataset = named()
    dataset.AnatomicRegionSequence.append(dataset.AnatomicRegionSequence[0])
    assert own_tags(dataset) is None
