"""Reported compressed pixels."""

import struct
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from codestreams import encode
from phantoms import dataset_of
from unit.field_reports.reported import BYTES, COLUMNS, PIXELS, ROWS, RUN, compressed, shows


def test_eight_bits_in_sixteen_by_jpeg_lossless():
    code = imagecodecs.jpeg8_encode(BYTES, lossless=True, predictor=1)
    headers = {"BitsStored": 8, "HighBit": 7}
    shows(compressed(code, uids.JPEGLosslessSV1, **headers), BYTES)


@pytest.mark.parametrize("bits", [8, 16])
def test_eight_bits_in_sixteen_by_jpeg_2000(bits):
    pixels = BYTES if bits == 8 else BYTES.astype(np.uint16)
    code = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", bitspersample=bits)
    shows(compressed(code, uids.JPEG2000Lossless, BitsStored=8, HighBit=7), BYTES)


@pytest.mark.parametrize("has_table", [True, False])
def test_frames_of_several_fragments(has_table):
    codes = [encode(frame, uids.JPEGLSLossless, 12) for frame in RUN]
    dataset = dataset_of(RUN, modality="RF", syntax=uids.JPEGLSLossless)
    dataset.PixelData = encapsulate(codes, fragments_per_frame=3, has_bot=has_table)
    shows(dataset, RUN[2])


def test_a_single_frame_of_several_fragments():
    dataset = dataset_of(PIXELS, syntax=uids.JPEGLosslessSV1)
    code = encode(PIXELS, uids.JPEGLosslessSV1, 12)
    dataset.PixelData = encapsulate([code], fragments_per_frame=4, has_bot=False)
    shows(dataset)


@pytest.mark.parametrize("stated", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.55"])
def test_a_progressive_jpeg(stated):
    stream = BytesIO()
    Image.fromarray(BYTES).save(stream, "JPEG", quality=95, progressive=True)
    dataset = dataset_of(BYTES, bits=8)
    dataset.file_meta.TransferSyntaxUID = stated
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    shows(dataset, BYTES, within=2)


def test_a_codestream_whose_width_and_height_are_exchanged():
    code = encode(PIXELS.reshape(COLUMNS, ROWS), uids.JPEGLosslessSV1, 12)
    shows(compressed(code, uids.JPEGLosslessSV1))


def test_a_header_whose_rows_and_columns_are_exchanged():
    dataset = dataset_of(PIXELS, syntax=uids.JPEGLosslessSV1)
    dataset.Rows, dataset.Columns = COLUMNS, ROWS
    shows(dataset)


@pytest.mark.parametrize("precision", [12, 14, 16])
def test_a_precision_of_jpeg_2000_that_differs_from_bits_stored(precision):
    code = imagecodecs.jpeg2k_encode(PIXELS, level=0, codecformat="j2k", bitspersample=precision)
    shows(compressed(code, uids.JPEG2000Lossless, BitsStored=16, HighBit=15))


def test_unsigned_jpeg_2000_of_signed_pixels():
    signed = PIXELS.astype(np.int16) - 2048
    code = imagecodecs.jpeg2k_encode(
        signed.view(np.uint16) & 0x0FFF, level=0, codecformat="j2k", bitspersample=12
    )
    shows(compressed(code, uids.JPEG2000Lossless, PixelRepresentation=1), signed)


@pytest.mark.parametrize("syntax", [uids.JPEGLSLossless, uids.JPEGLosslessSV1])
def test_signed_pixels_in_codings_without_a_sign(syntax):
    signed = PIXELS.astype(np.int16) - 2048
    shows(dataset_of(signed, syntax=syntax), signed)


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0", b"\x80\x80"])
def test_rle_segments_with_padding_of_their_own(padding):
    code = encode(PIXELS, uids.RLELossless, 12)
    _, first, second, *_ = struct.unpack_from("<16I", code)
    moved = struct.pack("<I", second + len(padding))
    longer = code[:8] + moved + code[12:second] + padding + code[second:] + padding
    assert first == 64
    shows(compressed(longer, uids.RLELossless))


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [uids.JPEGLosslessSV1, uids.JPEGLSLossless, uids.RLELossless])
def test_planar_configuration_means_nothing_where_pixels_are_compressed(syntax, planar):
    colour = np.stack([BYTES] * 3, axis=-1)
    colour[:, :, 2] //= 2
    dataset = dataset_of(
        colour, bits=8, syntax=syntax, photometric="RGB", PlanarConfiguration=planar
    )
    shows(dataset, colour @ np.array([0.299, 0.587, 0.114]), within=0.001)


def test_grey_pixels_stored_as_rgb_and_called_ybr():
    """Their luminance is that of the grey pixels, whichever of the two they are."""
    dataset = dataset_of(
        np.stack([BYTES] * 3, axis=-1), bits=8, photometric="YBR_FULL", modality="DX"
    )
    shows(dataset, BYTES)


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_a_jpeg_of_a_secondary_capture_whatever_colours_are_stated(stated):
    stream = BytesIO()
    Image.fromarray(np.stack([BYTES] * 3, axis=-1)).save(stream, "JPEG", quality=95)
    dataset = dataset_of(np.stack([BYTES] * 3, axis=-1), bits=8, photometric=stated, modality="OT")
    dataset.file_meta.TransferSyntaxUID = uids.JPEGBaseline8Bit
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    shows(dataset, BYTES, within=2)
