"""What we wrote into a file is known again in its copies, and nothing else is taken for it."""

import pydicom.uid as uids
import pytest

from bodypart.dicom_out.decision import Decision
from bodypart.dicom_out.own_tags import own_tags, without_own_tags
from bodypart.dicom_out.part10 import Part10
from bodypart.dicom_out.provenance import CONTRIBUTING_EQUIPMENT, ORIGINAL_ATTRIBUTES
from bodypart.pixels import read_dataset
from unit.dicom_out.corrected import corrected, region
from unit.dicom_out.radiographs import SYNTAXES, file_of, radiograph, read

PERSON = Decision(by_person=True)


@pytest.mark.parametrize(
    ("syntax", "by_person"), [("explicit little endian", True), ("RLE", True), ("deflated", False)]
)
def test_a_persons_word_counts_as_one_where_the_service_can_see_it(syntax, by_person):
    file = corrected(radiograph(SYNTAXES[syntax]), "hand", "R", decision=PERSON).data
    _, ours = without_own_tags(file, read_dataset(file))
    assert (ours.label, ours.decision.side, ours.decision.by_person) == ("hand", "R", by_person)


def with_unknown_sequences(data: bytes) -> bytes:
    """Return a file as a gateway stores it that does not know our sequences (PS3.5 6.2.2)."""
    implicit = read(data)
    implicit.file_meta.TransferSyntaxUID = uids.ImplicitVRLittleEndian
    values, file = Part10(file_of(implicit)), Part10(data)
    return file.rewritten(
        {
            tag: file.encoding.element(tag, "UN", values.value(values.elements[tag]))
            for tag in (ORIGINAL_ATTRIBUTES, CONTRIBUTING_EQUIPMENT)
        }
    )


@pytest.mark.parametrize(
    "odd",
    [with_unknown_sequences, lambda data: data + bytes(2), lambda data: data[132:]],
    ids=["sequences of VR UN", "padding behind it", "no preamble"],
)
def test_what_cannot_be_restored_as_a_file_is_still_read_without_our_tags(odd):
    """Such a copy of a rewritten picture was `failed`."""
    file = odd(corrected(radiograph(BodyPartExamined="HEAD"), "hand", "R").data)
    headers, ours = without_own_tags(file, read_dataset(file))
    assert ours.label == "hand"
    assert headers.BodyPartExamined == "HEAD"
    assert not headers.AnatomicRegionSequence


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
