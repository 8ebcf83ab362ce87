"""JPEG-LS, lossless and near-lossless (PS3.5 A.4.3; ITU-T T.87), by CharLS."""

from __future__ import annotations

import imagecodecs
from pydicom.uid import JPEGLSLossless

from bodypart.pixels.codestream import check_size, jpeg_header
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, stated_space, stored_values, to_representation

_END_OF_IMAGE = b"\xff\xd9"


def decode_jpeg_ls(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame at full size; JPEG-LS cannot be decoded at less."""
    header = jpeg_header(code)
    check_size(header, layout)
    if _END_OF_IMAGE not in code[-4:]:
        code += _END_OF_IMAGE  # CharLS searches ten seconds for the end of a truncated frame
    samples = imagecodecs.jpegls_decode(code)
    if layout.transfer_syntax == JPEGLSLossless:
        samples = stored_values(samples, layout)
    else:  # may overshoot the stored bits: masking would turn white into black
        samples = to_representation(samples, min(header.bits, layout.stored), layout)
    return Raster(samples, stated_space(layout))
