"""JPEG XL: grey and colour, bare and in boxes; its size is read before it is decoded."""

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from pydicom.encaps import encapsulate

from bodypart.pixels import PictureError, read_dataset, read_picture
from bodypart.pixels.jpeg_xl import jpeg_xl_size
from phantoms import dataset_of, draw, file_bytes

PIXELS = draw("hand", 120, 101)


def picture_of(code, pixels=PIXELS, *, syntax="1.2.840.10008.1.2.4.110", **options):
    data = file_bytes(_compressed(code, pixels, options))
    stated = b"1.2.840.10008.1.2.4.90"
    assert len(syntax) == len(stated) + 1
    at = data.index(b"\x02\x00\x10\x00UI")
    return read_picture(
        read_dataset(data[: at + 6] + b"\x18\x00" + syntax.encode() + b"\0" + data[at + 30 :])
    )


def _compressed(code, pixels, options):
    dataset = dataset_of(pixels, **options)
    dataset.file_meta.TransferSyntaxUID = uids.JPEG2000Lossless
    dataset.PixelData = encapsulate([bytes(code)])
    dataset["PixelData"].VR = "OB"
    return dataset


@pytest.mark.parametrize("container", [True, False])
@pytest.mark.parametrize("bits", [12, 16])
def test_lossless(bits, container):
    code = imagecodecs.jpegxl_encode(
        PIXELS, lossless=True, bitspersample=bits, usecontainer=container
    )
    np.testing.assert_array_equal(picture_of(code).values, PIXELS)


def test_signed_pixels():
    signed = PIXELS.astype(np.int16) - 2048
    code = imagecodecs.jpegxl_encode(
        signed.view(np.uint16) & 0x0FFF, lossless=True, bitspersample=12
    )
    np.testing.assert_array_equal(picture_of(code, signed).values, signed)


def test_lossy_and_colour():
    grey = draw("hand", 120, 101, 8).astype(np.uint8)
    lossy = picture_of(imagecodecs.jpegxl_encode(grey, distance=0.5), grey, bits=8)
    assert np.abs(lossy.values - grey).mean() < 2
    colour = np.stack([grey, grey[::-1], grey // 4], axis=-1)
    code = imagecodecs.jpegxl_encode(colour, lossless=True)
    picture = picture_of(code, colour, bits=8, photometric="RGB")
    assert picture.colour
    np.testing.assert_allclose(picture.values, colour @ np.array([0.299, 0.587, 0.114]), atol=0.01)


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (300, 400), (17, 5000), (9000, 16), (48, 96)])
@pytest.mark.parametrize("container", [True, False])
def test_the_size_is_read_without_a_decoder(size, container):
    code = imagecodecs.jpegxl_encode(
        np.zeros(size, np.uint8), lossless=True, usecontainer=container
    )
    assert jpeg_xl_size(code) == size


def test_a_codestream_of_another_size_is_never_decoded(monkeypatch):
    code = imagecodecs.jpegxl_encode(np.zeros((4000, 4000), np.uint8), lossless=True)
    monkeypatch.delattr(imagecodecs, "jpegxl_decode")
    with pytest.raises(PictureError, match="codestream is 4000 x 4000 x 1 where"):
        picture_of(code)


@pytest.mark.parametrize("kept", [2, 6, 12, 40, 0.5])
def test_a_damaged_codestream_is_refused(kept):
    code = imagecodecs.jpegxl_encode(PIXELS, lossless=True, usecontainer=True)
    kept = int(len(code) * kept) if kept < 1 else kept
    with pytest.raises(PictureError):
        picture_of(code[:kept])


def test_of_an_animation_one_picture_is_decoded():
    pictures = np.stack([PIXELS, PIXELS[::-1], PIXELS])
    code = imagecodecs.jpegxl_encode(pictures, lossless=True, bitspersample=12, photometric="gray")
    np.testing.assert_array_equal(picture_of(code).values, PIXELS)
