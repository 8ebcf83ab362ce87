"""JPEG XL (PS3.5 A.4.13; ISO/IEC 18181), by libjxl."""

from __future__ import annotations

import struct

import imagecodecs

from bodypart.pixels.codestream import JPEG_XL_STARTS
from bodypart.pixels.errors import FrameSizeError, PictureError
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, stated_space, to_representation

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, by ratio code, if the width is not stated itself."""

_SIZES = (9, 13, 18, 30)
_MOST_BOXES = 16


def decode_jpeg_xl(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame at full size."""
    rows, columns = jpeg_xl_size(code)
    if (rows, columns) != (layout.rows, layout.columns):
        raise FrameSizeError(
            (rows, columns, layout.samples), (layout.rows, layout.columns, layout.samples)
        )
    # Only the first picture: an animation with a few bytes a frame would fill the memory.
    samples = imagecodecs.jpegxl_decode(code, index=0, numthreads=1)
    colour = samples.ndim == 3 and samples.shape[2] == 3
    if samples.ndim != 2 and not colour:
        raise PictureError("its JPEG XL codestream has channels of another kind")
    # The decoder undoes XYB and all other transformations: colour is always RGB.
    space = "rgb" if colour else stated_space(layout)
    return Raster(to_representation(samples, layout.stored, layout), space)


def jpeg_xl_size(code: bytes) -> tuple[int, int]:
    """Return rows and columns of a codestream (ISO/IEC 18181-1 annex D.2).

    Raises
    ------
    PictureError
        If the bytes hold no codestream.
    """
    stream = _codestream(code)
    if not stream.startswith(JPEG_XL_STARTS[0]):
        raise PictureError("its fragments hold no JPEG XL codestream")
    bits = _Bits(stream[2:16])
    by_eights = bits.read(1)
    rows = bits.size(by_eights)
    ratio = bits.read(3)
    if not ratio:
        return rows, bits.size(by_eights)
    across, down = _RATIOS[ratio - 1]
    return rows, rows * across // down


class _Bits:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")

    def read(self, count: int) -> int:
        value = self._number & (1 << count) - 1
        self._number >>= count
        return value

    def size(self, by_eights: int) -> int:
        if by_eights:
            return 8 * (self.read(5) + 1)
        return self.read(_SIZES[self.read(2)]) + 1


def _codestream(code: bytes) -> bytes:
    """Return the first bytes of the codestream in its container (ISO/IEC 18181-2)."""
    if not code.startswith(JPEG_XL_STARTS[1]):
        return code[:16]
    position = 0
    for _ in range(_MOST_BOXES):
        if position + 16 > len(code):
            break
        length, kind = struct.unpack_from(">I4s", code, position)
        head = 16 if length == 1 else 8
        if length == 1:
            length = struct.unpack_from(">Q", code, position + 8)[0]
        if kind in (b"jxlc", b"jxlp"):
            start = position + head + (4 if kind == b"jxlp" else 0)
            return code[start : start + 16]
        if length < head:
            break
        position += length
    return b""
