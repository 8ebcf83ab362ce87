"""Uncompressed pixels: containers, signs, planes, frames, losses."""

import numpy as np
import pydicom.uid as uids
import pytest

from bodypart.pixels import PictureError, read_dataset, read_picture
from bodypart.pixels.layout import read_layout
from bodypart.pixels.native import decode_native
from bodypart.pixels.raster import with_sign_that_fits
from bodypart.pixels.reduce import box_mean
from phantoms import dataset_of, draw, file_bytes

RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


def values(pixels, **options):
    return read_picture(read_dataset(file_bytes(dataset_of(pixels, **options)))).values


@pytest.mark.parametrize(("bits", "top"), [(8, 0xFF), (10, 0x3FF), (12, 0xFFF), (16, 0xFFFF)])
def test_the_full_depth_is_kept(bits, top):
    pixels = np.array([[0, 1], [top // 2, top]], np.uint16)
    np.testing.assert_array_equal(values(pixels, bits=bits), pixels)


def test_overlay_bits_above_the_stored_ones_are_masked():
    np.testing.assert_array_equal(values(RAMP | 0xA000), RAMP)


@pytest.mark.parametrize(
    "syntax", [uids.ExplicitVRLittleEndian, uids.RLELossless, uids.JPEGLSLossless]
)
def test_values_larger_than_the_stored_bits_are_no_overlay(syntax):
    pixels = draw("pelvis", 400, 320, bits=14)
    read = values(pixels, bits=16, BitsStored=12, HighBit=11, syntax=syntax)
    np.testing.assert_array_equal(read, pixels)


def test_hard_edges_in_larger_values_are_no_overlay_either():
    pixels = draw("pelvis", 400, 320, bits=13)
    pixels[:, 100:140:4] += 2_600
    read = values(pixels, bits=16, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("overlay", [0x1000, 0x8000])
@pytest.mark.parametrize(
    "syntax", [uids.ExplicitVRLittleEndian, uids.RLELossless, uids.JPEGLSLossless]
)
def test_letters_above_the_stored_bits_are_an_overlay(overlay, syntax):
    pixels = draw("pelvis", 400, 320)
    lettered = pixels.copy()
    lettered[20:380:9, 30:300] |= np.uint16(overlay)
    read = values(lettered, bits=16, BitsStored=12, HighBit=11, syntax=syntax)
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize(
    "syntax", [uids.ExplicitVRLittleEndian, uids.RLELossless, uids.JPEGLSLossless]
)
def test_a_picture_torn_apart_by_its_stated_sign_is_read_with_the_other(bits, syntax):
    pixels = draw("chest", 400, 320, bits=bits)
    np.testing.assert_array_equal(
        values(pixels, bits=bits, PixelRepresentation=1, syntax=syntax), pixels
    )
    signed = pixels.astype(np.int32) - (1 << bits - 1)
    read = values(signed & (1 << bits) - 1, bits=bits, syntax=syntax)
    np.testing.assert_array_equal(read, signed)


@pytest.mark.parametrize("part", ["chest", "hand", "pelvis"])
def test_letters_and_borders_of_the_other_end_are_no_sign_of_a_wrong_sign(part):
    pixels = draw(part, 400, 320)
    pixels[20:60:3, 30:80:3] = 4095
    pixels[:, 300:] = 0
    np.testing.assert_array_equal(values(pixels), pixels)
    signed = pixels.astype(np.int16) - 2048
    np.testing.assert_array_equal(values(signed), signed)


def two_tones(kind):
    rows, columns = np.indices((400, 320))
    if kind == "checks":
        return (rows // 20 + columns // 20) % 2
    if kind == "stripes":
        return columns // 8 % 2
    return (draw("hand", 400, 320) > 1500).astype(int)


@pytest.mark.parametrize("kind", ["checks", "stripes", "mask"])
@pytest.mark.parametrize("tones", [(0, 4095), (4095, 0), (200, 3900)])
def test_black_and_white_is_not_torn_apart(kind, tones):
    noise = np.random.default_rng(0).integers(0, 90, (400, 320))
    pixels = (np.where(two_tones(kind), *tones) + noise).clip(0, 4095).astype(np.uint16)
    for stored in (pixels, pixels.astype(np.int16) - 2048):
        layout = read_layout(dataset_of(stored))
        assert with_sign_that_fits(stored, layout)[1] == layout


def test_black_letters_and_borders_of_a_bright_picture_are_no_sign_of_a_wrong_sign():
    pixels = draw("chest", 400, 320) // 2 + 2047
    pixels[20:380, 20:300:12] = 0
    np.testing.assert_array_equal(values(pixels), pixels)


def test_bits_below_the_stored_ones_are_shifted_out():
    shifted = (RAMP << 4) | 0x5
    np.testing.assert_array_equal(values(shifted, HighBit=15), RAMP)


def test_signed_values():
    pixels = RAMP.astype(np.int16) - 2048
    np.testing.assert_array_equal(values(pixels), pixels)


def test_signed_values_without_their_sign_extended():
    pixels = RAMP.astype(np.int16) - 2048
    stored = pixels & 0x0FFF
    np.testing.assert_array_equal(values(stored), pixels)


def test_thirty_two_bits():
    dataset = dataset_of(RAMP, bits=16)
    dataset.BitsAllocated = dataset.BitsStored = 32
    dataset.HighBit = 31
    dataset.PixelData = (RAMP.astype("<u4") * 1_000_000).tobytes()
    read = read_picture(read_dataset(file_bytes(dataset))).values
    np.testing.assert_allclose(read, RAMP * 1e6, rtol=1e-6)


def test_big_endian_words():
    np.testing.assert_array_equal(values(RAMP, syntax=uids.ExplicitVRBigEndian), RAMP)


def test_bytes_that_came_as_big_endian_words():
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    dataset = dataset_of(pixels, bits=8, syntax=uids.ExplicitVRBigEndian)
    dataset.PixelData = pixels.reshape(-1, 2)[:, ::-1].tobytes()
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(read_picture(dataset).values, pixels)


def test_one_bit_pixels_of_the_middle_frame_may_begin_within_a_byte():
    frames = np.random.default_rng(3).integers(0, 2, (3, 5, 7)).astype(np.uint8)
    dataset = dataset_of(frames, bits=8, modality="OT")
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
    dataset.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    picture = read_picture(dataset)
    assert picture.frame == 1
    np.testing.assert_array_equal(picture.values, frames[1])


@pytest.mark.parametrize(
    ("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")]
)
def test_floating_point_pixels(keyword, dtype):
    pixels = np.linspace(-1, 1, 64).reshape(8, 8)
    dataset = dataset_of(RAMP[:8, :8], Rows=8, Columns=8, BitsStored=None, HighBit=None)
    del dataset.PixelData
    stored = pixels.astype(dtype)
    stored[0, 0] = np.nan
    setattr(dataset, keyword, stored.tobytes())
    picture = read_picture(read_dataset(file_bytes(dataset)))
    np.testing.assert_allclose(picture.values.ravel()[1:], pixels.ravel()[1:], rtol=1e-6)
    assert picture.values[0, 0] == picture.values.min()


def test_a_small_loss_at_the_end_repeats_the_last_row():
    pixels = draw("hand", 100, 80)
    data = file_bytes(dataset_of(pixels))
    read = read_picture(read_dataset(data[: -2 * 80 * 2])).values
    np.testing.assert_array_equal(read[:98], pixels[:98])
    np.testing.assert_array_equal(read[98:], pixels[[97, 97]])


def test_a_large_loss_is_refused():
    data = file_bytes(dataset_of(draw("hand", 100, 80)))
    with pytest.raises(PictureError, match="PixelData is truncated: 14400 bytes, where 16000"):
        read_picture(read_dataset(data[:-1600]))


def test_of_frames_that_are_claimed_and_not_there_the_middle_one_that_is():
    frames = np.stack([RAMP + number for number in range(3)])
    dataset = dataset_of(frames, modality="XA", NumberOfFrames=1_000_000)
    picture = read_picture(read_dataset(file_bytes(dataset)))
    assert (picture.frame, picture.frames) == (1, 3)
    np.testing.assert_array_equal(picture.values, frames[1])


def test_an_odd_number_of_bytes():
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5)
    np.testing.assert_array_equal(values(pixels, bits=8), pixels)


@pytest.mark.parametrize("vr", [b"UN", b"OB", b"UT", b"SQ", b"xx"])
def test_pixel_data_of_another_vr(vr):
    data = file_bytes(dataset_of(RAMP))
    at = data.index(b"\xe0\x7f\x10\x00OW")
    if vr == b"xx":  # with the short length that an unknown VR has
        piece = vr + (len(RAMP) * len(RAMP) * 2).to_bytes(2, "little")
        odd = data[: at + 4] + piece + data[at + 12 :]
    else:
        odd = data[: at + 4] + vr + data[at + 6 :]
    np.testing.assert_array_equal(read_picture(read_dataset(odd)).values, RAMP)


@pytest.mark.parametrize(
    ("pixels", "stored", "limit"),
    [
        (RAMP, 12, 4080),
        (RAMP | 0xA000, 12, 4095),  # an overlay above them
        (draw("pelvis", 400, 320, bits=14), 12, None),  # larger than stated
        (RAMP, 16, None),
    ],
)
def test_how_large_they_are_is_told_where_they_were_looked_at(pixels, stored, limit):
    dataset = dataset_of(pixels, bits=16, BitsStored=stored, HighBit=stored - 1)
    raster = decode_native(memoryview(dataset.PixelData), dataset, read_layout(dataset), 0)
    assert raster.limit == limit


def test_larger_ones_than_stated_are_summed_without_overflow():
    pixels = draw("pelvis", 400, 320, bits=16).repeat(6, axis=0).repeat(6, axis=1)
    read = values(pixels, bits=16, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read, box_mean(pixels, 7))
