"""Every transfer syntax gives the picture that uncompressed pixels give."""

import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image

from bodypart.pixels import PictureError, read_dataset, read_picture
from phantoms import dataset_of, draw, file_bytes, radiograph

LOSSLESS = [
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
    uids.RLELossless,
    uids.JPEGLossless,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEG2000Lossless,
    uids.HTJ2KLossless,
    uids.HTJ2KLosslessRPCL,
]
WAVELETS = [uids.JPEG2000Lossless, uids.HTJ2KLossless, uids.JPEG2000, uids.HTJ2K]
LOSSY = [uids.JPEGExtended12Bit, uids.JPEGLSNearLossless, uids.JPEG2000, uids.HTJ2K]


def picture_of(dataset, **options):
    return read_picture(read_dataset(file_bytes(dataset)), **options)


def identifier(syntax):
    return syntax.keyword


@pytest.mark.parametrize("syntax", LOSSLESS, ids=identifier)
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_lossless_pictures_are_exact(syntax, bits, photometric):
    dataset = radiograph("hand", 100, 81, bits=bits, photometric=photometric, syntax=syntax)
    picture = picture_of(dataset)
    np.testing.assert_array_equal(picture.values, draw("hand", 100, 81, bits))
    assert picture.shape_original == (100, 81)
    assert not picture.colour


@pytest.mark.parametrize("syntax", LOSSLESS, ids=identifier)
@pytest.mark.parametrize("bits", [12, 16])
def test_signed_lossless_pictures_are_exact(syntax, bits):
    pixels = draw("hand", 60, 50, bits).astype(np.int32) - (1 << bits - 1)
    picture = picture_of(dataset_of(pixels.astype(np.int16), bits=bits, syntax=syntax))
    np.testing.assert_array_equal(picture.values, pixels)


@pytest.mark.parametrize("syntax", LOSSY, ids=identifier)
def test_lossy_pictures_are_close(syntax):
    picture = picture_of(radiograph("hand", 100, 81, syntax=syntax))
    error = picture.values - draw("hand", 100, 81)
    assert np.abs(error).mean() < 0.01 * 4096


def test_jpeg_baseline_is_close():
    picture = picture_of(radiograph("hand", 100, 81, bits=8, syntax=uids.JPEGBaseline8Bit))
    assert np.abs(picture.values - draw("hand", 100, 81, 8)).max() < 16


@pytest.mark.parametrize("syntax", [*LOSSLESS, *LOSSY], ids=identifier)
@pytest.mark.parametrize("shape", [(1_000, 801), (641, 900)])
def test_large_pictures_are_reduced_alike(syntax, shape):
    plain = picture_of(radiograph("pelvis", *shape), long_side=100)
    picture = picture_of(radiograph("pelvis", *shape, syntax=syntax), long_side=100)
    assert 100 <= max(picture.values.shape) < 200
    assert picture.shape_original == shape
    # Wavelet samples lie at the corners of what boxes average: compare on a coarse grid.
    np.testing.assert_allclose(_coarse(picture.values), _coarse(plain.values), atol=0.05 * 4096)


@pytest.mark.parametrize("syntax", WAVELETS, ids=identifier)
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_what_is_clipped_to_black_and_white_stays_so_when_reduced(syntax, bits, signed):
    top = (1 << bits) - 1
    pixels = np.clip(draw("pelvis", 800, 640, bits).astype(np.int32) * 2 - top // 2, 0, top)
    lowest = -(1 << bits - 1) if signed else 0
    pixels = (pixels + lowest).astype(np.int16 if signed else np.uint16)
    plain = picture_of(dataset_of(pixels, bits=bits), long_side=100)
    picture = picture_of(dataset_of(pixels, bits=bits, syntax=syntax), long_side=100)
    assert np.abs(picture.values - plain.values).max() < 0.5 * top


@pytest.mark.parametrize("syntax", WAVELETS[:2], ids=identifier)
def test_signed_values_that_were_coded_without_a_sign_are_no_mean_of_wrapped_ones(syntax):
    """Their words are those of large numbers: -1 beside 0 is 65535 beside 0."""
    pixels = draw("pelvis", 800, 640).astype(np.int16) - 1_000
    dataset = dataset_of(pixels.view(np.uint16), bits=16, syntax=syntax, PixelRepresentation=1)
    plain = picture_of(dataset_of(pixels, bits=16), long_side=100)
    np.testing.assert_array_equal(picture_of(dataset, long_side=100).values, plain.values)


def test_jpeg_baseline_is_reduced_alike():
    plain = picture_of(radiograph("pelvis", 1_000, 801, bits=8), long_side=100)
    dataset = radiograph("pelvis", 1_000, 801, bits=8, syntax=uids.JPEGBaseline8Bit)
    picture = picture_of(dataset, long_side=100)
    assert picture.values.shape == (125, 101)
    np.testing.assert_allclose(_coarse(picture.values), _coarse(plain.values), atol=0.05 * 256)


@pytest.mark.parametrize("syntax", [*LOSSLESS[4:], *LOSSY], ids=identifier)
def test_a_codestream_of_another_size_than_rows_and_columns_is_refused(syntax):
    with pytest.raises(PictureError, match="codestream is 64 x 48 x 1 where"):
        picture_of(radiograph("hand", 64, 48, syntax=syntax, Rows=60, Columns=50))


def test_an_rle_frame_with_another_number_of_segments_is_refused():
    dataset = radiograph("hand", 64, 48, syntax=uids.RLELossless, BitsAllocated=32)
    with pytest.raises(PictureError, match="RLE frame has 2 segments, not 4"):
        picture_of(dataset)


def _coarse(values):
    image = Image.fromarray(np.ascontiguousarray(values))
    return np.asarray(image.resize((8, 8), Image.Resampling.BOX))
