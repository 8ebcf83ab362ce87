"""RLE Lossless (PS3.5 annex G)."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

from bodypart.pixels.encapsulation import TOLERATED_LOSS
from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, stated_space, stored_values


def decode_rle(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame; RLE has samples plane by plane, whatever Planar Configuration says."""
    width = layout.allocated // 8
    segments = layout.samples * width
    stated = struct.unpack_from("<I", code)[0] if len(code) >= 64 else 0
    if not width or stated != segments:
        raise PictureError(f"its RLE frame has {stated} segments, not {segments}")
    decoded = bytearray(segments * layout.rows * layout.columns)
    found = len(imagecodecs.dicomrle_decode(code, f"<u{width}", out=decoded))
    if found < (1 - TOLERATED_LOSS) * len(decoded):
        raise PictureError(f"PixelData is truncated: {found} of {len(decoded)} bytes")
    samples = np.frombuffer(decoded, f"<u{width}")
    planes = stored_values(samples, layout).reshape(layout.samples, layout.rows, layout.columns)
    frame = planes[0] if layout.samples == 1 else planes.transpose(1, 2, 0)
    return Raster(frame, stated_space(layout))
