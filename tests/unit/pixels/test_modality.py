"""Modality LUT, rescale, polarity and padding."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from bodypart.pixels import PictureError, read_dataset, read_picture
from phantoms import dataset_of, draw, file_bytes

RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


def values(pixels=RAMP, **options):
    long_side = options.pop("long_side", 320)
    dataset = read_dataset(file_bytes(dataset_of(pixels, **options)))
    return read_picture(dataset, long_side=long_side).values


def lut(descriptor, data, vr="US"):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", vr, data)
    item.ModalityLUTType = "US"
    return Sequence([item])


def test_monochrome1_is_mirrored_within_the_stored_range():
    np.testing.assert_array_equal(values(photometric="MONOCHROME1"), 4095 - RAMP.astype(float))


def test_signed_monochrome1_is_mirrored_within_the_stored_range():
    pixels = RAMP.astype(np.int16) - 2048
    np.testing.assert_array_equal(values(pixels, photometric="MONOCHROME1"), -1 - pixels)


def test_rescale():
    read = values(RescaleSlope="0.5", RescaleIntercept="-100")
    np.testing.assert_array_equal(read, RAMP * 0.5 - 100)


@pytest.mark.parametrize("slope", ["1e-12", "1e-40", "1e-44"])
def test_values_that_a_slope_makes_next_to_nothing_are_spread(slope):
    read = values(RescaleSlope=slope, RescaleIntercept="0")
    np.testing.assert_allclose(read, RAMP / RAMP.max(), atol=1e-3)


def test_a_small_range_that_can_be_divided_by_stays():
    read = values(RescaleSlope="1e-6", RescaleIntercept="0.5")
    np.testing.assert_allclose(read, RAMP * 1e-6 + 0.5, rtol=1e-6)


def test_a_negative_slope_turns_the_polarity():
    read = values(RescaleSlope="-1", RescaleIntercept="4095")
    np.testing.assert_array_equal(read, 4095 - RAMP.astype(float))


def test_rescale_and_monochrome1_together():
    read = values(photometric="MONOCHROME1", RescaleSlope="2", RescaleIntercept="10")
    np.testing.assert_array_equal(read, 2 * (4095 - RAMP.astype(float)) + 10)


@pytest.mark.parametrize("slope", ["0", "1e300", ""])
def test_a_senseless_slope_is_no_slope(slope):
    np.testing.assert_array_equal(values(RescaleSlope=slope, RescaleIntercept="0"), RAMP)


def test_the_modality_lut_outranks_the_rescale():
    entries = [round(number**0.5 * 1000) for number in range(4096)]
    read = values(ModalityLUTSequence=lut([4096, 0, 16], entries), RescaleSlope="7")
    np.testing.assert_array_equal(read, np.array(entries)[RAMP])


@pytest.mark.parametrize("modality", ["XA", "RF"])
@pytest.mark.parametrize("word", ["", "OT"])
def test_the_modality_lut_of_angiography_and_fluoroscopy_is_not_for_display(modality, word):
    sequence = lut([4096, 0, 16], list(range(4095, -1, -1)))
    options = {"Modality": word or modality, "PixelIntensityRelationship": "LOG"}
    read = values(modality=modality, ModalityLUTSequence=sequence, **options)
    np.testing.assert_array_equal(read, RAMP)


def test_values_outside_the_modality_lut_get_its_ends():
    read = values(ModalityLUTSequence=lut([3, 100, 16], [5, 6, 7]))
    assert read[0, 0] == 5
    assert read[-1, -1] == 7


def test_a_modality_lut_of_bytes():
    data = np.arange(4096, dtype="<u2")[::-1].tobytes()
    read = values(ModalityLUTSequence=lut([4096, 0, 16], data, "OW"))
    np.testing.assert_array_equal(read, 4095 - RAMP.astype(float))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("count", [4096, 4095])
def test_a_modality_lut_of_8_bits_has_two_entries_a_word(count, syntax):
    """PS3.3 C.11.1.1.1."""
    entries = np.arange(4096)[::-1] >> 4
    words = np.append(entries[:count], [0] * (count % 2)).astype("u1").view("<u2")
    order = "<" if syntax.is_little_endian else ">"
    sequence = lut([count, 0, 8], words.astype(f"{order}u2").tobytes(), "OW")
    read = values(syntax=syntax, ModalityLUTSequence=sequence)
    np.testing.assert_array_equal(read, entries[RAMP])


def test_a_modality_lut_of_65536_entries_says_0():
    data = np.arange(65_536, dtype="<u2").tobytes()
    read = values(RAMP * 16, bits=16, ModalityLUTSequence=lut([0, 0, 16], data, "OW"))
    np.testing.assert_array_equal(read, RAMP * 16)


def test_monochrome1_is_mirrored_within_the_range_of_its_lut():
    entries = list(range(1000, 5096))
    sequence = lut([4096, 0, 16], entries)
    read = values(photometric="MONOCHROME1", ModalityLUTSequence=sequence)
    np.testing.assert_array_equal(read, 6095 - (RAMP.astype(float) + 1000))


def test_a_damaged_modality_lut_is_passed_over():
    np.testing.assert_array_equal(values(ModalityLUTSequence=lut([99, 0, 16], [1, 2])), RAMP)


def test_padding_becomes_the_darkest_used_value():
    pixels = RAMP // 2 + 100
    pixels[0] = 0
    read = values(pixels, PixelPaddingValue=0)
    np.testing.assert_array_equal(read[0], pixels[1:].min())
    np.testing.assert_array_equal(read[1:], pixels[1:])


def test_white_padding_of_monochrome1_becomes_dark():
    pixels = RAMP.copy()
    pixels[-1] = 4095
    read = values(pixels, photometric="MONOCHROME1", PixelPaddingValue=4095)
    np.testing.assert_array_equal(read[-1], 4095 - int(pixels[:-1].max()))


def test_padding_may_be_a_range_in_either_order():
    pixels = RAMP // 2 + 100
    pixels[0, :8], pixels[0, 8:] = 3, 7
    for ends in ((0, 10), (10, 0)):
        read = values(pixels, PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1])
        np.testing.assert_array_equal(read[0], pixels[1:].min())


def test_signed_padding_written_as_an_unsigned_number():
    pixels = RAMP.astype(np.int16) - 2048
    pixels[0] = -2000
    dataset = dataset_of(pixels, bits=16)
    dataset.add_new("PixelPaddingValue", "US", 0x10000 - 2000)
    assert (read_picture(dataset).values[0] == pixels[1:].min()).all()


def test_boxes_average_their_pixels_without_the_padding():
    pixels = np.full((640, 640), 1000, np.uint16)
    pixels[:, :319] = 0  # one column of the last padded pair of columns is picture
    read = values(pixels, PixelPaddingValue=0)
    assert read.shape == (320, 320)
    np.testing.assert_array_equal(read, 1000)


def test_boxes_average_those_of_their_pixels_that_are_numbers():
    dataset = dataset_of(np.zeros((640, 640), np.uint16), PixelPaddingValue=0)
    pixels = np.full((640, 640), 1000, "<f4")
    pixels[:, :319], pixels[:, 400:402] = 0, 2000
    pixels[::2, 400] = np.nan
    del dataset.PixelData
    dataset.BitsAllocated = 32
    dataset.FloatPixelData = pixels.tobytes()
    read = read_picture(read_dataset(file_bytes(dataset))).values
    np.testing.assert_array_equal(read[:, 200], 2000)
    np.testing.assert_array_equal(np.delete(read, 200, axis=1), 1000)


@pytest.mark.parametrize("bits", [8, 16])
def test_padding_that_no_pixel_can_have_pads_none(bits):
    pixels = (RAMP // 16).astype(np.uint8 if bits == 8 else np.uint16)
    dataset = dataset_of(pixels, bits=bits)
    dataset.add_new("PixelPaddingValue", "SS", -1)
    np.testing.assert_array_equal(read_picture(dataset).values, pixels)


def test_a_picture_that_is_all_padding_is_refused():
    with pytest.raises(PictureError, match="all padding"):
        values(np.zeros((8, 8), np.uint16), PixelPaddingValue=0)


def test_a_voi_window_changes_nothing():
    read = values(WindowCenter="100", WindowWidth="10", VOILUTFunction="SIGMOID")
    np.testing.assert_array_equal(read, RAMP)


def test_reduction_comes_before_the_lut_and_agrees_with_it():
    pixels = draw("chest", 400, 300)
    read = values(pixels, RescaleSlope="3", RescaleIntercept="5", long_side=100)
    expected = pixels.reshape(100, 4, 75, 4).mean(axis=(1, 3)) * 3 + 5
    np.testing.assert_allclose(read, expected, rtol=1e-6)
