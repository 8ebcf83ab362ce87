"""The dispatcher: what is supported, what pydicom rescues, what fails with a reason."""

from io import BytesIO
from random import Random

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from bodypart.pixels import PictureError, jpeg_2000, read_dataset, read_picture
from codestreams import encode
from phantoms import dataset_of, draw, file_bytes, radiograph

FAST = {
    uids.RLELossless: "dicomrle_decode",
    uids.JPEGLosslessSV1: "jpeg8_decode",
    uids.JPEGLSLossless: "jpegls_decode",
    uids.JPEG2000Lossless: "jpeg2k_decode",
    uids.HTJ2KLossless: "htj2k_decode",
}


def broken(*arguments, **options):
    raise RuntimeError("Secret^Person")


@pytest.fixture(params=FAST, ids=lambda syntax: syntax.keyword)
def syntax(request, monkeypatch):
    """Give a transfer syntax whose fast decoders are broken."""
    monkeypatch.setattr(imagecodecs, FAST[request.param], broken)
    monkeypatch.setattr(jpeg_2000, "_reduced", broken)
    return request.param


def test_pydicom_takes_over_where_a_fast_decoder_fails(syntax):
    dataset = read_dataset(file_bytes(radiograph("hand", 100, 80, syntax=syntax)))
    np.testing.assert_array_equal(read_picture(dataset).values, draw("hand", 100, 80))


def test_pixels_that_nobody_can_decode_fail_with_the_transfer_syntax(syntax, monkeypatch):
    monkeypatch.setattr("bodypart.pixels.decode.pixel_array", broken)
    with pytest.raises(PictureError, match="data cannot be decoded") as error:
        read_picture(radiograph("hand", 100, 80, syntax=syntax))
    assert syntax.name in str(error.value)
    assert "Secret" not in str(error.value)


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [
        (uids.MPEG2MPML, "MPEG2 Main Profile"),
        (uids.UID("1.2.3.4"), "transfer syntax 1.2.3.4 is not supported"),
        (uids.UID("Secret^Person"), "transfer syntax of an invalid UID"),
    ],
)
def test_other_transfer_syntaxes_are_refused_by_name(syntax, reason):
    dataset = radiograph("hand", 20, 20)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([b"\0\0\x01\xb3 a film"])
    with pytest.raises(PictureError, match=reason):
        read_picture(dataset)


def test_a_wavelet_that_does_not_decode_small_is_decoded_larger(monkeypatch):
    reduced = jpeg_2000._reduced

    def only_large(code, header, levels):
        if levels > 1:
            raise OSError("broken data stream")
        return reduced(code, header, levels)

    monkeypatch.setattr(jpeg_2000, "_reduced", only_large)
    dataset = radiograph("hand", 800, 600, syntax=uids.JPEG2000Lossless)
    assert read_picture(dataset, long_side=100).values.shape == (100, 75)


def test_running_out_of_memory_is_a_reason(monkeypatch):
    def exhausted(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(imagecodecs, "jpegls_decode", exhausted)
    with pytest.raises(PictureError, match="more memory"):
        read_picture(radiograph("hand", 100, 80, syntax=uids.JPEGLSLossless))


def test_a_truncated_jpeg_ls_frame_does_not_take_seconds():
    dataset = radiograph("knee", 200, 150, syntax=uids.JPEGLSLossless)
    dataset.PixelData = dataset.PixelData[: int(len(dataset.PixelData) * 0.97)]
    picture = read_picture(dataset)
    assert np.abs(picture.values - draw("knee", 200, 150))[:150].max() == 0


COMPRESSED = (
    uids.RLELossless,
    uids.JPEGExtended12Bit,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEG2000Lossless,
    uids.HTJ2KLossless,
)
STATED = (
    *COMPRESSED,
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRLittleEndian,
    uids.UID("1.2.840.10008.1.2.4.55"),
    uids.UID("1.2.3.4"),
)


@pytest.mark.parametrize("real", COMPRESSED, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("stated", STATED)
def test_the_codestream_tells_the_coding_whatever_the_transfer_syntax_says(stated, real):
    dataset = radiograph("hand", 100, 80, syntax=real)
    expected = read_picture(dataset).values
    dataset.file_meta.TransferSyntaxUID = stated
    np.testing.assert_array_equal(read_picture(dataset).values, expected)


@pytest.mark.parametrize("stated", COMPRESSED, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("frames", [1, 3])
def test_pixels_that_are_not_compressed_whatever_the_transfer_syntax_says(stated, frames):
    pixels = np.stack([draw("hand", 100, 80, seed=number) for number in range(frames)])
    dataset = dataset_of(pixels if frames > 1 else pixels[0], modality="RF")
    dataset.file_meta.TransferSyntaxUID = stated
    np.testing.assert_array_equal(read_picture(dataset).values, pixels[frames // 2])


@pytest.mark.parametrize("stated", [uids.JPEGExtended12Bit, uids.ExplicitVRLittleEndian])
def test_a_codestream_without_items_around_it(stated):
    dataset = radiograph("hand", 100, 80)
    dataset.file_meta.TransferSyntaxUID = stated
    code = encode(draw("hand", 100, 80), uids.JPEGLosslessSV1, 12)
    dataset.PixelData = code + b"\0" * (len(code) % 2)
    np.testing.assert_array_equal(read_picture(dataset).values, draw("hand", 100, 80))


@pytest.mark.parametrize("process", ["10 and 12", "wrongly stated"])
def test_progressive_jpeg(process):
    pixels = draw("hand", 400, 320, bits=8).astype(np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, progressive=True)
    dataset = radiograph("hand", 400, 320, bits=8, syntax=uids.JPEGBaseline8Bit)
    dataset.PixelData = encapsulate([stream.getvalue()])
    if process == "10 and 12":
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.55"
    assert np.abs(read_picture(dataset, long_side=400).values - pixels).mean() < 2
    assert read_picture(dataset, long_side=100).values.shape == (100, 80)


def test_pixels_that_begin_like_an_item_are_pixels():
    pixels = draw("hand", 100, 80, bits=16)
    pixels[0, :2] = 0xFFFE, 0xE000
    np.testing.assert_array_equal(read_picture(dataset_of(pixels, bits=16)).values, pixels)


def test_a_damaged_htj2k_frame_is_refused():
    """imagecodecs returns a black picture where OpenJPH gives up, and raises nothing."""
    pick = Random(1)
    code = bytearray(encode(draw("knee", 400, 300), uids.HTJ2KLossless, 12))
    for _ in range(20):
        code[pick.randrange(200, len(code))] = pick.randrange(256)
    dataset = radiograph("knee", 400, 300, syntax=uids.HTJ2KLossless)
    dataset.PixelData = encapsulate([bytes(code)])
    with pytest.raises(PictureError, match="cannot be decoded"):
        read_picture(dataset)
