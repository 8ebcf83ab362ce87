"""Codestream headers are read without a decoder."""

import struct

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest

from bodypart.pixels import PictureError, read_picture
from bodypart.pixels.codestream import jpeg_2000_header, jpeg_header
from codestreams import encode
from phantoms import draw, radiograph

PIXELS = draw("hand", 60, 50)
COLOURS = np.stack([draw("hand", 60, 50, 8).astype(np.uint8)] * 3, axis=-1)


@pytest.mark.parametrize(
    ("syntax", "bits", "process"),
    [
        (uids.JPEGExtended12Bit, 12, 0xC1),
        (uids.JPEGLosslessSV1, 12, 0xC3),
        (uids.JPEGLSLossless, 16, 0xF7),
    ],
)
def test_jpeg(syntax, bits, process):
    header = jpeg_header(encode(PIXELS, syntax, 12))
    assert (header.rows, header.columns, header.components) == (60, 50, 1)
    assert (header.bits, header.process) == (bits, process)


def test_the_colour_space_that_markers_tell():
    ycbcr = jpeg_header(imagecodecs.jpeg8_encode(COLOURS))
    rgb = jpeg_header(imagecodecs.jpeg8_encode(COLOURS, colorspace="RGB", outcolorspace="RGB"))
    assert (ycbcr.converted, ycbcr.rgb) == (True, False)
    assert (rgb.converted, rgb.rgb) == (False, True)


@pytest.mark.parametrize("syntax", [uids.JPEG2000Lossless, uids.HTJ2KLossless])
def test_jpeg_2000(syntax):
    header = jpeg_2000_header(encode(draw("hand", 600, 500), syntax, 12))
    assert (header.rows, header.columns, header.components) == (600, 500, 1)
    assert (header.start, header.signed, header.levels) == (0, False, 5)


def test_jpeg_2000_signed_and_in_a_jp2_file():
    pixels = PIXELS.astype(np.int16) - 2048
    header = jpeg_2000_header(imagecodecs.jpeg2k_encode(pixels, codecformat="jp2"))
    assert header.signed
    assert header.start > 0
    assert (header.rows, header.columns) == (60, 50)


@pytest.mark.parametrize("read", [jpeg_header, jpeg_2000_header])
@pytest.mark.parametrize("code", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00", bytes(5_000)])
def test_what_is_no_codestream_is_refused(read, code):
    with pytest.raises(PictureError, match="codestream"):
        read(code)


def test_every_truncation_of_a_header_is_refused_or_read():
    for code, read in (
        (encode(PIXELS, uids.JPEGLosslessSV1, 12), jpeg_header),
        (encode(PIXELS, uids.JPEG2000Lossless, 12), jpeg_2000_header),
    ):
        for length in range(200):
            try:
                header = read(code[:length])
            except PictureError:
                continue
            assert (header.rows, header.columns) == (60, 50)


def test_more_tiles_than_can_be_are_refused():
    code = bytearray(encode(draw("hand", 600, 500), uids.JPEG2000Lossless, 12))
    code[24:32] = b"\0\0\0\1\0\0\0\1"
    with pytest.raises(PictureError, match="number of tiles"):
        jpeg_2000_header(bytes(code))


def test_tiles_that_begin_within_the_picture_are_refused():
    code = bytearray(encode(draw("hand", 600, 500), uids.HTJ2KLossless, 12))
    code[39] = 50
    with pytest.raises(PictureError, match="impossible tiles"):
        jpeg_2000_header(bytes(code))


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [(22, 0xFF, "impossible size"), (43, 2, "subsampled"), (44, 2, "subsampled")],
)
def test_a_picture_that_decoders_would_make_larger_or_smaller_is_refused(at, value, why):
    code = bytearray(encode(draw("hand", 600, 500), uids.JPEG2000Lossless, 12))
    code[at] = value
    with pytest.raises(PictureError, match=why):
        jpeg_2000_header(bytes(code))


@pytest.mark.parametrize(
    "syntax", [uids.JPEG2000Lossless, uids.JPEGLosslessSV1, uids.JPEGLSLossless]
)
def test_more_bits_than_the_headers_allocate_are_refused(syntax):
    dataset = radiograph("hand", 60, 50, syntax=syntax)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    with pytest.raises(PictureError, match="bits where BitsAllocated is 8"):
        read_picture(dataset)


def test_bytes_that_may_stand_between_the_segments_of_a_jpeg_are_passed_over():
    """Fill bytes (ITU-T T.81 B.1.1.2), and a marker that has no segment."""
    code = encode(PIXELS, uids.JPEGLosslessSV1, 12)
    for between in (b"\xff", b"\xff\xff", b"\xff\xd0"):
        assert jpeg_header(code[:2] + between + code[2:]) == jpeg_header(code)


def test_a_progressive_jpeg_of_hundreds_of_scans_is_refused():
    code = imagecodecs.jpeg8_encode(draw("hand", 60, 50, 8).astype(np.uint8))
    at = code.index(b"\xff\xda")
    scan = code[at:-2]
    assert jpeg_header(code[:-2] + scan * 20 + code[-2:]).rows == 60
    with pytest.raises(PictureError, match="too many scans"):
        jpeg_header(code[:-2] + scan * 100 + code[-2:])


def _large(code, *, at_cod=None, at_coc=b"", behind=b""):
    """Return a codestream of 10,000 x 10,000 pixels, with other bytes in its COD or around it."""
    large = bytearray(code)
    large[8:16] = large[24:32] = struct.pack(">II", 10_000, 10_000)
    cod = bytes(large).index(b"\xff\x52")
    for place, value in (at_cod or {}).items():
        large[cod + 4 + place] = value
    return bytes(large[:cod]) + at_coc + bytes(large[cod:-2]) + behind + bytes(large[-2:])


FOUR = 0
"""A code-block's side of four pixels, as its exponent is written."""

OF_COMPONENT = b"\xff\x53\x00\x09\x00\x00\x05\x00\x00\x00\x01"


@pytest.mark.parametrize("syntax", [uids.JPEG2000Lossless, uids.HTJ2KLossless])
@pytest.mark.parametrize(
    "made",
    [
        lambda code: _large(code, at_cod={6: FOUR, 7: FOUR}),
        lambda code: _large(code, at_coc=OF_COMPONENT),
        lambda code: _large(code, behind=b"\xff\x90\0\x0a\0\0\0\0\0\0\0\1" + OF_COMPONENT),
    ],
    ids=["main header", "component", "tile-part"],
)
def test_millions_of_code_blocks_are_refused(made, syntax):
    code = encode(draw("hand", 600, 500), syntax, 12)
    assert jpeg_2000_header(_large(code)).rows == 10_000
    with pytest.raises(PictureError, match="code-blocks"):
        jpeg_2000_header(made(code))


def test_millions_of_precincts_are_refused():
    code = encode(draw("hand", 600, 500), uids.JPEG2000Lossless, 12)
    cod = code.index(b"\xff\x52")
    segment = bytearray(code[cod + 4 : cod + 14])
    segment[0] |= 1
    told = b"\xff\x52" + struct.pack(">H", 18) + bytes(segment) + b"\x22" * 6
    with pytest.raises(PictureError, match="code-blocks"):
        jpeg_2000_header(_large(code[:cod] + told + code[cod + 14 :]))


def test_what_hides_a_segment_is_refused():
    code = encode(draw("hand", 600, 500), uids.JPEG2000Lossless, 12)
    cod = code.index(b"\xff\x52")
    with pytest.raises(PictureError, match="impossible markers"):
        jpeg_2000_header(code[:cod] + b"\xff\x01" + code[cod:])
