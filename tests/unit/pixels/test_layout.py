"""The Image Pixel module is checked before anything is decoded."""

import pydicom.uid as uids
import pytest
from pydicom.dataelem import DataElement

from bodypart.pixels import PictureError, read_dataset, read_picture
from bodypart.pixels.layout import read_layout
from phantoms import file_bytes, foreign, radiograph


def layout(**headers):
    return read_layout(read_dataset(file_bytes(radiograph("hand", 20, 16, **headers))))


def test_a_good_layout_is_read():
    found = layout()
    assert (found.rows, found.columns, found.samples, found.frames) == (20, 16, 1, 1)
    assert (found.allocated, found.stored, found.high_bit) == (16, 12, 11)
    assert (found.lowest, found.highest, found.signed) == (0, 4095, False)
    assert found.transfer_syntax == uids.ExplicitVRLittleEndian


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Rows": None}, "Rows is missing"),
        ({"Columns": 0}, "Rows x Columns is 20 x 0"),
        ({"Rows": 65_535, "Columns": 65_535}, "over the limit"),
        ({"Rows": [20, 0]}, "Rows is not one whole number"),
        ({"SamplesPerPixel": 4}, "SamplesPerPixel is 4"),
        ({"SamplesPerPixel": 3}, "MONOCHROME2 does not go with SamplesPerPixel 3"),
        ({"PhotometricInterpretation": "RGB"}, "RGB does not go with SamplesPerPixel 1"),
        ({"PhotometricInterpretation": "GREY"}, "PhotometricInterpretation"),
        ({"BitsAllocated": 12}, "BitsAllocated is 12"),
        ({"BitsAllocated": 8}, "BitsStored is 12 where BitsAllocated is 8"),
        ({"BitsStored": 17}, "BitsStored is 17"),
    ],
)
def test_what_cannot_be_is_refused_by_its_attribute(headers, reason):
    with pytest.raises(PictureError, match=reason):
        layout(**headers)


@pytest.mark.parametrize("keyword", ["Rows", "SamplesPerPixel", "BitsAllocated", "BitsStored"])
def test_a_number_of_thousands_of_digits_is_not_repeated(keyword):
    """A reason of that length is taken for that of a decoder in a stranger's hands."""
    dataset = radiograph("hand", 20, 16)
    dataset[keyword] = DataElement(keyword, "UT", "9" * 3_000)
    with pytest.raises(PictureError) as error:
        read_layout(read_dataset(file_bytes(dataset)))
    assert len(str(error.value)) < 100


@pytest.mark.parametrize("kind", ["SR", "PDF", "ECG", "PR", "RTPLAN"])
def test_objects_without_pixels(kind):
    with pytest.raises(PictureError, match="no pixel data"):
        read_picture(read_dataset(file_bytes(foreign(kind))))


def test_defaults_where_optional_attributes_are_missing():
    found = layout(BitsStored=None, HighBit=None, PixelRepresentation=None, SamplesPerPixel=None)
    assert (found.stored, found.high_bit, found.signed, found.samples) == (16, 15, False, 1)


def test_an_impossible_high_bit_is_taken_for_the_usual_one():
    assert layout(HighBit=3).high_bit == 11


def test_frames_are_at_least_one():
    assert layout(NumberOfFrames=0).frames == 1
