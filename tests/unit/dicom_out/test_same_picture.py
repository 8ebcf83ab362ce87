"""A rewritten file that is not the original with another body part is told from one that is."""

import struct
import time

import pydicom.uid as uids
import pytest
from pydicom import Dataset

from bodypart.dicom_out.correction import correct, restore
from bodypart.dicom_out.encoding import MOST_ELEMENTS
from bodypart.dicom_out.same_picture import Identifiers, identifiers_of, same_picture
from bodypart.file_meta import read_file_meta
from bodypart.labels import BY_LABEL
from unit.dicom_out.radiographs import NOW, SYNTAXES, file_of, radiograph, read


def corrected(data, label="knee", side="L"):
    return correct(data, BY_LABEL[label], side, version="0.1.0", now=NOW).data


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
def test_a_correction_its_renewal_and_its_undoing_are_the_same_picture(syntax):
    original = radiograph(syntax)
    once = corrected(original)
    again = corrected(once, "hand", "R")
    assert once != original
    assert once != again
    for rewritten in (original, once, again, restore(again).data):
        assert same_picture(original, rewritten) is None
        assert same_picture(rewritten, original) is None


def test_group_lengths_may_follow_but_not_come():
    plain = radiograph()
    part = plain.index(b"\x18\x00\x15\x00CS")
    length = b"\x18\x00\x00\x00UL\x04\x00\x00\x00\x00\x00"
    original = plain[:part] + length + plain[part:]
    assert same_picture(original, corrected(original)) is None
    assert "(0018,0000)" in same_picture(plain, corrected(original))


def changed(**attributes):
    def change(dataset):
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    return change


def pixels(dataset):
    dataset.PixelData = dataset.PixelData[:-2] + bytes((dataset.PixelData[-2] ^ 1, 0))


def private(dataset):
    element = dataset.private_block(0x0019, "PHANTOM")[0x01]
    element.value = b"other " if element.VR == "UN" else "other"


def nested(dataset):
    dataset.private_block(0x0019, "PHANTOM")[0x03].value = [Dataset()]


FORGERIES = {
    "pixels": (pixels, "7FE0,0010"),
    "private element": (private, "0019,1001"),
    "within a sequence": (nested, "0019,1003"),
    "patient": (changed(PatientID="P2"), "0010,0020"),
    "instance": (changed(SOPInstanceUID="2.25.1002"), "differs"),
    "series": (changed(SeriesInstanceUID="2.25.3"), "0020,000E"),
    "study": (changed(StudyInstanceUID="2.25.4"), "0020,000D"),
    "rows": (changed(Rows=20), "0028,0010"),
    "an element more": (changed(PatientComments="x"), "0010,4000"),
    "an overlay": (lambda dataset: dataset.add_new(0x60003000, "OW", b"\0\0"), "6000,3000"),
    "an element less": (lambda dataset: dataset.__delitem__("ViewPosition"), "0018,5101"),
    "side": (changed(Laterality="L"), "the side"),
    "meta": (
        lambda dataset: setattr(dataset.file_meta, "ImplementationVersionName", "X"),
        "meta information",
    ),
}


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_named(syntax, forgery):
    original = radiograph(syntax)
    change, named = FORGERIES[forgery]
    dataset = read(corrected(original))
    change(dataset)
    assert named in same_picture(original, file_of(dataset))


def test_another_transfer_syntax_is_no_copy():
    implicit, explicit = (
        radiograph(syntax) for syntax in (uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian)
    )
    assert "meta information" in same_picture(implicit, explicit)


@pytest.mark.parametrize(
    "more",
    [b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0", bytes(8)],
    ids=["a second transfer syntax", "zeros"],
)
def test_nothing_is_put_behind_the_file_meta_information(more):
    """Other readers than ours may take it for something else."""
    original = radiograph()
    good, end = corrected(original), read_file_meta(original).end
    assert "meta information" in same_picture(original, good[:end] + more + good[end:])


def test_what_is_broken_is_no_copy():
    original = radiograph()
    good = corrected(original)
    for broken in (b"", good[:-1], good + b"\0\0", b"\0" * 128 + b"DICM", good[:132]):
        assert "broken" in same_picture(original, broken)
    assert "cannot be compared" in same_picture(original[:-3], good)


def test_no_byte_outside_of_the_corrected_elements_can_be_changed_unseen():
    original = radiograph(rows=8, columns=8)
    good = corrected(original)
    first = original.index(b"\x18\x00\x15\x00")  # Body Part Examined
    for at in range(first):
        forged = bytearray(good)
        forged[at] ^= 0x01
        inside = good[at] != original[at]
        # Anatomic Region and the original file's head lie before it.
        if not inside and same_picture(original, bytes(forged)) is None:
            region = good.index(b"\x08\x00\x18\x22")
            assert region <= at < region + 400, at


@pytest.mark.parametrize("nested", [False, True])
def test_millions_of_elements_are_not_walked_through(nested):
    """2,000,000 elements of 8 bytes took the reader ten seconds."""
    empty = b"".join(struct.pack("<HHL", 0x7FE1, number, 0) for number in range(0x1001, 0x7001))
    if nested:
        item, ends = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF), (0xE00D, 0xE0DD)
        head = struct.pack("<HHL", 0x7FE3, 0x1001, 0xFFFFFFFF) + item
        crowd = head + empty * 60 + b"".join(struct.pack("<HHL", 0xFFFE, end, 0) for end in ends)
    else:
        groups = range(0x7FE1, 0x7FFF, 2)
        crowd = b"".join(empty.replace(b"\xe1\x7f", struct.pack("<H", group)) for group in groups)
    original = radiograph(uids.ImplicitVRLittleEndian, rows=8, columns=8)
    started = time.process_time()
    assert str(MOST_ELEMENTS) in same_picture(original + crowd, original)
    assert time.process_time() - started < 5


def test_whose_picture_it_is():
    assert identifiers_of(radiograph()) == Identifiers("P1", "2.25.1", "2.25.2", "2.25.1001")
    assert identifiers_of(b"no file") is None
