"""Codestreams that end before their picture does, in items that say nothing of it."""

from contextlib import suppress
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames

from bodypart.pixels import PictureError, read_picture
from bodypart.pixels.cut_off import FEWEST_ROWS
from phantoms import dataset_of, draw, radiograph

ROWS, COLUMNS = 320, 240
PROGRESSIVE = uids.UID("1.2.840.10008.1.2.4.55")


def cut(share, syntax, **header):
    """Return a radiograph whose codestream is well put into an item, and is a share of itself."""
    dataset = radiograph("chest", ROWS, COLUMNS, syntax=syntax, **header)
    code = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([code[: int(len(code) * share)]])
    return dataset


def jpeg(pixels, **options):
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "syntax",
    [
        uids.JPEGBaseline8Bit,
        uids.JPEGExtended12Bit,
        uids.JPEGLosslessSV1,
        uids.JPEGLSLossless,
        uids.JPEGLSNearLossless,
        uids.RLELossless,
        uids.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.keyword,
)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_half_a_codestream_is_no_picture(share, syntax):
    with pytest.raises(PictureError, match=r"truncated|cannot be decoded"):
        read_picture(cut(share, syntax))


@pytest.mark.parametrize(
    "syntax",
    [uids.JPEGBaseline8Bit, uids.JPEGLosslessSV1, uids.JPEGLSLossless],
    ids=lambda syntax: syntax.keyword,
)
def test_a_small_loss_costs_no_picture(syntax):
    whole = read_picture(radiograph("chest", ROWS, COLUMNS, syntax=syntax)).values
    most = read_picture(cut(0.99, syntax)).values
    np.testing.assert_array_equal(most[: int(ROWS * FEWEST_ROWS)], whole[: int(ROWS * FEWEST_ROWS)])


@pytest.mark.parametrize(
    "syntax",
    [uids.JPEGBaseline8Bit, uids.JPEGLosslessSV1, uids.JPEGLSLossless],
    ids=lambda syntax: syntax.keyword,
)
@pytest.mark.parametrize("shutter", [0, ROWS // 5])
@pytest.mark.parametrize("behind", [b"", bytes(100)], ids=["nothing", "padding"])
def test_a_codestream_that_lacks_its_end_alone_is_whole(syntax, shutter, behind):
    bits = 8 if syntax == uids.JPEGBaseline8Bit else 12
    pixels = draw("chest", ROWS, COLUMNS, bits=bits)
    pixels[ROWS - shutter :] = 0
    dataset = dataset_of(pixels, syntax=syntax, bits=bits)
    expected = read_picture(dataset).values
    code = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([code[: code.rindex(b"\xff\xd9")] + behind])
    np.testing.assert_array_equal(read_picture(dataset).values, expected)


def test_half_a_jpeg_is_refused_wherever_between_restart_markers_it_ends():
    pixels = draw("chest", ROWS, COLUMNS, bits=8).astype(np.uint8)
    dataset = radiograph("chest", ROWS, COLUMNS, syntax=uids.JPEGBaseline8Bit)
    code = jpeg(pixels, restart_marker_rows=1)
    middle = code.index(b"\xff\xd1", len(code) // 2)
    for end in range(middle - 4, middle + 4):
        dataset.PixelData = encapsulate([code[:end]])
        with pytest.raises(PictureError, match="truncated"):
            read_picture(dataset)


def test_half_a_progressive_picture_is_a_coarse_one():
    pixels = draw("chest", ROWS, COLUMNS, bits=8).astype(np.uint8)
    dataset = radiograph("chest", ROWS, COLUMNS, syntax=uids.JPEGBaseline8Bit)
    code = jpeg(pixels, progressive=True)
    dataset.file_meta.TransferSyntaxUID = PROGRESSIVE
    dataset.PixelData = encapsulate([code[: len(code) // 2]])
    seen = read_picture(dataset).values
    assert np.abs(seen - pixels).mean() < 10


@pytest.mark.parametrize(("share", "most"), [(None, 1), (0.95, 3), (0.5, 3)])
def test_jpeg_ls_without_an_end_is_not_decoded_more_often_than_it_takes(monkeypatch, share, most):
    """It was decoded twice where the mark alone was missing, and six times where more was."""
    decoded = []

    def counted(*values, **options):
        decoded.append(values)
        return decode(*values, **options)

    decode = imagecodecs.jpegls_decode
    monkeypatch.setattr(imagecodecs, "jpegls_decode", counted)
    dataset = cut(share or 1, uids.JPEGLSLossless)
    if share is None:
        code = next(generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = encapsulate([code[: code.rindex(b"\xff\xd9")]])
    with suppress(PictureError):
        read_picture(dataset)
    assert 0 < len(decoded) <= most


def test_a_black_picture_that_lacks_its_end_mark_is_black():
    """In JPEG-LS it was taken for one of which nothing is there."""
    dataset = dataset_of(np.zeros((64, 80), np.uint16), syntax=uids.JPEGLSLossless)
    code = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([code[: code.rindex(b"\xff\xd9")]])
    assert not read_picture(dataset).values.any()
