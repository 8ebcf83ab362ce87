"""Which frame stands for the instance, and how it is found among the fragments."""

import numpy as np
import pydicom.uid as uids
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended

from bodypart.pixels import PictureError, read_dataset, read_picture
from codestreams import encode
from phantoms import dataset_of, draw, file_bytes, radiograph

FRAMES = np.stack([draw("chest", 24, 20, seed=number) for number in range(5)])


@pytest.mark.parametrize(("modality", "frame"), [("CR", 0), ("DX", 0), ("XA", 2), ("RF", 2)])
@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.JPEGLosslessSV1])
def test_the_first_frame_of_radiographs_the_middle_one_of_runs(modality, frame, syntax):
    dataset = dataset_of(FRAMES, modality=modality, syntax=syntax)
    picture = read_picture(read_dataset(file_bytes(dataset)))
    assert (picture.frame, picture.frames) == (frame, 5)
    np.testing.assert_array_equal(picture.values, FRAMES[frame])


@pytest.mark.parametrize("modality", ["CR", "DX"])
def test_a_run_under_a_radiograph_s_name_begins_dark(modality):
    dark = np.random.default_rng(0).integers(2, 6, (5, 240, 200)).astype(np.uint16)
    frames = np.concatenate([dark[:1], [draw("knee", 240, 200)] * 4])
    picture = read_picture(read_dataset(file_bytes(dataset_of(frames, modality=modality))))
    assert (picture.frame, picture.frames) == (2, 5)
    np.testing.assert_array_equal(picture.values, frames[2])
    assert read_picture(read_dataset(file_bytes(dataset_of(dark, modality=modality)))).frame == 0


def test_a_dark_frame_stays_what_is_read_where_the_middle_one_is_damaged():
    frames = np.stack([np.full((240, 200), 3, np.uint16), *[draw("knee", 240, 200)] * 2])
    dataset = dataset_of(frames, modality="DX", syntax=uids.JPEGLSLossless)
    stored = [encode(frame, uids.JPEGLSLossless, 12) for frame in frames]
    dataset.PixelData = encapsulate([stored[0], b"\xff\xd8junk", stored[2]])
    assert read_picture(read_dataset(file_bytes(dataset))).frame == 0


def codes():
    return [encode(frame, uids.JPEGLSLossless, 12) for frame in FRAMES]


def test_frames_without_an_offset_table():
    dataset = dataset_of(FRAMES, modality="XA", syntax=uids.JPEGLSLossless)
    dataset.PixelData = encapsulate(codes(), has_bot=False)
    np.testing.assert_array_equal(read_picture(dataset).values, FRAMES[2])


def test_frames_with_the_extended_offset_table():
    dataset = dataset_of(FRAMES, modality="XA", syntax=uids.JPEGLSLossless)
    data, offsets, lengths = encapsulate_extended(codes())
    dataset.PixelData = data
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    np.testing.assert_array_equal(read_picture(read_dataset(file_bytes(dataset))).values, FRAMES[2])


def test_one_frame_in_many_fragments():
    dataset = radiograph("knee", syntax=uids.JPEGLosslessSV1)
    code = encode(draw("knee"), uids.JPEGLosslessSV1, 12)
    dataset.PixelData = encapsulate([code], fragments_per_frame=7)
    np.testing.assert_array_equal(
        read_picture(read_dataset(file_bytes(dataset))).values, draw("knee")
    )


def test_a_frame_of_which_much_is_missing_is_refused():
    data = file_bytes(radiograph("knee", syntax=uids.JPEGLosslessSV1))
    with pytest.raises(PictureError, match=r"PixelData is truncated: \d+ of \d+ bytes"):
        read_picture(read_dataset(data[: len(data) * 3 // 4]))


def test_pixel_data_without_fragments_are_refused():
    dataset = radiograph("knee", 20, 20, syntax=uids.JPEGLosslessSV1)
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0"
    with pytest.raises(PictureError, match="no fragment"):
        read_picture(dataset)


def test_frames_are_found_in_spite_of_a_wrong_offset_table():
    dataset = dataset_of(FRAMES, modality="XA", syntax=uids.JPEGLSLossless)
    data = bytearray(encapsulate(codes()))
    data[16:20] = b"\xff\xff\xff\x7f"
    dataset.PixelData = bytes(data)
    np.testing.assert_array_equal(read_picture(dataset).values, FRAMES[2])


@pytest.mark.parametrize("has_table", [True, False])
@pytest.mark.parametrize("syntax", [uids.JPEGLSLossless, uids.JPEG2000Lossless, uids.RLELossless])
def test_of_frames_that_are_claimed_and_not_there_the_middle_one_that_is(syntax, has_table):
    dataset = dataset_of(FRAMES[:3], modality="RF", syntax=syntax, NumberOfFrames=8)
    dataset.PixelData = encapsulate(
        [encode(frame, syntax, 12) for frame in FRAMES[:3]], has_bot=has_table
    )
    picture = read_picture(dataset)
    assert (picture.frame, picture.frames) == (1, 3)
    np.testing.assert_array_equal(picture.values, FRAMES[1])


@pytest.mark.parametrize("claimed", [1, None])
@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.JPEGLSLossless])
def test_of_frames_that_are_there_and_not_claimed_the_middle_one(syntax, claimed):
    dataset = dataset_of(FRAMES, modality="RF", syntax=syntax)
    dataset.NumberOfFrames = claimed
    picture = read_picture(read_dataset(file_bytes(dataset)))
    assert (picture.frame, picture.frames) == (2, 5)
    np.testing.assert_array_equal(picture.values, FRAMES[2])


def test_a_piece_that_begins_like_another_coding_begins_no_frame():
    pixels = np.random.default_rng(1).integers(0, 4096, (400, 300)).astype(np.uint16)
    code = encode(pixels, uids.JPEG2000Lossless, 12)
    at = next(n for n in range(200, len(code), 2) if code[n : n + 2] == b"\xff\x0a")
    dataset = dataset_of(pixels, modality="RF", syntax=uids.JPEG2000Lossless)
    dataset.PixelData = encapsulate([code[:at], code[at:]])
    np.testing.assert_array_equal(read_picture(dataset, long_side=400).values, pixels)


def test_of_claimed_frames_in_many_fragments_the_middle_one_that_is_there():
    dataset = dataset_of(FRAMES, modality="RF", syntax=uids.JPEGLSLossless, NumberOfFrames=40)
    dataset.PixelData = encapsulate(codes(), fragments_per_frame=2, has_bot=False)
    picture = read_picture(dataset)
    assert (picture.frame, picture.frames) == (2, 5)
    np.testing.assert_array_equal(picture.values, FRAMES[2])


def test_a_run_that_breaks_off_has_the_frames_before():
    dataset = dataset_of(FRAMES, modality="RF", syntax=uids.JPEGLSLossless)
    dataset.PixelData = encapsulate(codes())
    data = file_bytes(dataset)
    picture = read_picture(read_dataset(data[: len(data) - len(codes()[4]) // 2]))
    assert (picture.frame, picture.frames) == (2, 4)
    np.testing.assert_array_equal(picture.values, FRAMES[2])


def test_more_fragments_than_any_run_has_are_refused():
    dataset = radiograph("knee", 20, 20, syntax=uids.JPEGLosslessSV1)
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" * 150_000
    with pytest.raises(PictureError, match="more than 100000 fragments"):
        read_picture(dataset)


@pytest.mark.parametrize("frames", [1, 3])
def test_fragments_without_the_item_of_an_offset_table(frames):
    pixels = FRAMES[:frames] if frames > 1 else FRAMES[0]
    dataset = dataset_of(pixels, modality="RF", syntax=uids.JPEGLSLossless)
    dataset.PixelData = encapsulate(codes()[:frames], has_bot=False)[8:]
    np.testing.assert_array_equal(read_picture(dataset).values, FRAMES[frames // 2])


@pytest.mark.parametrize("data", [b"\xfe\xff\x00\xe0", b"\xfe\xff\x00\xe0\x04\0", b"\xff\xd8"])
def test_pixel_data_that_end_in_their_first_item_are_refused(data):
    dataset = radiograph("knee", 20, 20, syntax=uids.JPEGLosslessSV1)
    dataset.PixelData = data
    with pytest.raises(PictureError, match=r"no fragment|cannot be read|no frame header"):
        read_picture(dataset)


@pytest.mark.parametrize("fragments", [1, 3])
def test_frames_that_are_encapsulated_but_not_compressed(fragments):
    dataset = dataset_of(FRAMES, modality="XA")
    frames = [frame.astype("<u2").tobytes() for frame in FRAMES]
    dataset.PixelData = encapsulate(frames, fragments_per_frame=fragments)
    dataset.file_meta.TransferSyntaxUID = uids.UID("1.2.840.10008.1.2.1.98")
    dataset["PixelData"].VR = "OB"
    picture = read_picture(read_dataset(file_bytes(dataset)))
    np.testing.assert_array_equal(picture.values, FRAMES[2])
