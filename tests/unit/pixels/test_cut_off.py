"""Codestreams that end before their picture does, in items that say nothing of it."""

from io import BytesIO

import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames

from bodypart.pixels import PictureError, read_picture
from bodypart.pixels.cut_off import FEWEST_ROWS
from phantoms import draw, radiograph

ROWS, COLUMNS = 320, 240
PROGRESSIVE = uids.UID("1.2.840.10008.1.2.4.55")


def cut(share, syntax, **header):
    """Return a radiograph whose codestream is well put into an item, and is a share of itself."""
    dataset = radiograph("chest", ROWS, COLUMNS, syntax=syntax, **header)
    code = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([code[: int(len(code) * share)]])
    return dataset


def progressive(pixels):
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
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
def test_a_codestream_that_lacks_its_end_alone_is_whole(syntax):
    dataset = radiograph("chest", ROWS, COLUMNS, syntax=syntax)
    expected = read_picture(dataset).values
    code = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([code[: code.rindex(b"\xff\xd9")]])
    np.testing.assert_array_equal(read_picture(dataset).values, expected)


def test_half_a_progressive_picture_is_a_coarse_one():
    pixels = draw("chest", ROWS, COLUMNS, bits=8).astype(np.uint8)
    dataset = radiograph("chest", ROWS, COLUMNS, syntax=uids.JPEGBaseline8Bit)
    code = progressive(pixels)
    dataset.file_meta.TransferSyntaxUID = PROGRESSIVE
    dataset.PixelData = encapsulate([code[: len(code) // 2]])
    seen = read_picture(dataset).values
    assert np.abs(seen - pixels).mean() < 10
