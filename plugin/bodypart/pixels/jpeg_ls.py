"""JPEG-LS, lossless and near-lossless (PS3.5 A.4.3; ITU-T T.87), by CharLS."""

from __future__ import annotations

from contextlib import suppress

import imagecodecs
import numpy as np
from pydicom.uid import JPEGLSLossless

from bodypart.pixels.codestream import JpegHeader, check_size, jpeg_header
from bodypart.pixels.cut_off import must_have_most_rows
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, Samples, stated_space, stored_values, to_representation


def decode_jpeg_ls(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame at full size; JPEG-LS cannot be decoded at a smaller one."""
    header = jpeg_header(code)
    check_size(header, layout)
    samples = _decoded(code, header)
    if layout.transfer_syntax == JPEGLSLossless:
        samples = stored_values(samples, layout)
    else:  # may overshoot the stored bits: masking would turn white into black
        samples = to_representation(samples, min(header.bits, layout.stored), layout)
    return Raster(samples, stated_space(layout))


def _decoded(code: bytes, header: JpegHeader) -> Samples:
    """Return the whole frame, or what could be decoded of one that ends early."""
    try:
        return np.asarray(imagecodecs.jpegls_decode(code))
    except imagecodecs.JpeglsError:
        shape = (header.rows, header.columns) + (3,) * (header.components == 3)
        # CharLS leaves pixels that it cannot decode unchanged.
        samples, otherwise = (
            np.full(shape, value, np.uint8 if header.bits <= 8 else np.uint16) for value in (0, 1)
        )
        for there in (samples, otherwise):
            with suppress(imagecodecs.JpeglsError):
                imagecodecs.jpegls_decode(code, out=there)
        if not samples.any():
            raise
    must_have_most_rows(samples, otherwise)
    return samples
