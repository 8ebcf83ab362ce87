"""Files in which somebody who did not know a sequence stored it as UN (PS3.5 section 6.2.2)."""

import pydicom.uid as uids
import pytest

from bodypart.dicom_out.correction import restore
from bodypart.dicom_out.encoding import DicomStructureError
from bodypart.dicom_out.own_tags import without_own_tags
from bodypart.dicom_out.part10 import Part10
from bodypart.dicom_out.provenance import CONTRIBUTING_EQUIPMENT, ORIGINAL_ATTRIBUTES
from bodypart.pixels import read_dataset
from unit.dicom_out.corrected import changes_nothing, corrected, entry_of, region
from unit.dicom_out.radiographs import file_of, radiograph, read

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value")

REGION, NONCONFORMING = 0x00082218, 0x04000551


def implicit(data: bytes) -> Part10:
    dataset = read(data)
    dataset.file_meta.TransferSyntaxUID = uids.ImplicitVRLittleEndian
    return Part10(file_of(dataset))


def with_unknown(data: bytes, *tags: int) -> bytes:
    """Return a file with some of its sequences as UN."""
    file, values = Part10(data), implicit(data)
    return file.rewritten(
        {tag: file.encoding.element(tag, "UN", values.value(values.elements[tag])) for tag in tags}
    )


@pytest.mark.parametrize(
    "odd",
    [
        lambda data: with_unknown(data, ORIGINAL_ATTRIBUTES, CONTRIBUTING_EQUIPMENT),
        lambda data: data + bytes(2),
        lambda data: data[132:],
    ],
    ids=["sequences of VR UN", "padding behind it", "no preamble"],
)
def test_what_cannot_be_restored_as_a_file_is_still_read_without_our_tags(odd):
    """Such a copy of a rewritten picture was `failed`."""
    file = odd(corrected(radiograph(BodyPartExamined="HEAD"), "hand", "R").data)
    headers, ours = without_own_tags(file, read_dataset(file))
    assert ours.label == "hand"
    assert headers.BodyPartExamined == "HEAD"
    assert not headers.AnatomicRegionSequence


def test_a_region_is_replaced_and_comes_back():
    original = with_unknown(radiograph(AnatomicRegionSequence=region("chest")), REGION)
    correction = corrected(original, "knee", "L")
    assert read(correction.data).AnatomicRegionSequence[0].CodeMeaning == "Knee"
    assert changes_nothing(corrected(correction.data, "knee", "L"))
    assert restore(correction.data).data == original


def test_a_region_that_names_the_part_stays_without_our_side():
    stated = radiograph(BodyPartExamined="KNEE", AnatomicRegionSequence=region("knee"))
    assert changes_nothing(corrected(with_unknown(stated, REGION), "knee", "L"))


def test_a_side_in_a_region_is_still_one():
    stated = radiograph(AnatomicRegionSequence=region("ankle", "24028007"))
    assert "contradicts" in corrected(with_unknown(stated, REGION), "knee", "L").refused


def test_entries_in_two_encodings_are_never_mixed():
    stated = radiograph(OriginalAttributesSequence=[entry_of("gateway", StudyID="1")])
    ours = corrected(radiograph(), "knee").data
    for data in (stated, ours):
        with pytest.raises(DicomStructureError, match="stored as UN"):
            corrected(with_unknown(data, ORIGINAL_ATTRIBUTES), "hand")
    file, values = Part10(ours), implicit(ours)
    (item,) = values.encoding.items(values.body, values.elements[ORIGINAL_ATTRIBUTES])
    elements = values.encoding.walk(values.body, item.value, item.stop)
    unknown = [file.encoding.element(each.tag, "UN", values.value(each)) for each in elements]
    sequence = file.encoding.sequence(ORIGINAL_ATTRIBUTES, file.encoding.item(*unknown))
    with pytest.raises(DicomStructureError, match="stored as UN"):
        restore(file.rewritten({ORIGINAL_ATTRIBUTES: sequence}))


def test_a_value_that_broke_its_vr_comes_back_from_gdcm():
    """GDCM, with which Orthanc transcodes, does not know the sequence that keeps such a value."""
    original = radiograph(BodyPartExamined="Chest&abdomen")
    data = corrected(original, "knee").data
    file, values = Part10(data), implicit(data)
    (entry,), (unknown,) = (each.items(ORIGINAL_ATTRIBUTES) for each in (file, values))
    elements = {tag: file.raw(element) for tag, element in entry.items()}
    value = values.value(unknown[NONCONFORMING])
    elements[NONCONFORMING] = file.encoding.element(NONCONFORMING, "UN", value)
    item = file.encoding.item(*elements.values())
    sequence = file.encoding.sequence(ORIGINAL_ATTRIBUTES, item)
    assert restore(file.rewritten({ORIGINAL_ATTRIBUTES: sequence})).data == original
