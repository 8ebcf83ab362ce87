"""JPEG 2000 (PS3.5 A.4.4; ITU-T T.800) and HTJ2K (PS3.5 A.4.9; ITU-T T.814), reduced.

A wavelet codestream has its picture at every size halved again, and the low-pass bands have a gain
of 1: without its finest levels it gives a smoothed, smaller picture in a fraction of the time.
"""

from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
from PIL import Image

from bodypart.pixels.codestream import Jpeg2000Header, check_size, jpeg_2000_header
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, Samples, Space, stated_space, to_representation


def decode_jpeg_2000(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame at the lowest resolution that `largest_step` allows and that decodes.

    Pillow asks OpenJPEG for fewer resolutions. If that fails, the next larger size is tried, and
    in the end the whole picture through imagecodecs.
    """
    header = _checked_header(code, layout)
    if header.bits <= 8 or (header.components == 1 and header.bits <= 16):
        for levels in range(_levels_to_skip(header, layout, largest_step), -1, -1):
            try:
                samples = _reduced(code, header, levels)
            except Exception:  # Pillow has no specific error for this
                continue
            return _raster(samples, header, layout, 1 << levels)
    return _raster(imagecodecs.jpeg2k_decode(code), header, layout, 1)


def decode_htj2k(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame at the lowest resolution that `largest_step` allows.

    OpenJPH is ten times as fast as OpenJPEG, which decodes HTJ2K, too, but it does not clamp: next
    to areas clipped to black or white a wavelet overshoots a little, and black wraps to white.
    """
    header = _checked_header(code, layout)
    levels = _levels_to_skip(header, layout, largest_step)
    samples = imagecodecs.htj2k_decode(code[header.start :], skipres=levels)
    if _may_have_wrapped(samples):
        return decode_jpeg_2000(code, layout, largest_step)
    return _raster(samples, header, layout, 1 << levels)


def _may_have_wrapped(samples: Samples) -> bool:
    """Tell whether samples come near an end of their type's range, where they may have wrapped."""
    limits = np.iinfo(samples.dtype)
    near = limits.max // 4 * 3
    return bool(samples.max() > near or (limits.min < 0 and samples.min() < -near))


def _checked_header(code: bytes, layout: Layout) -> Jpeg2000Header:
    header = jpeg_2000_header(code)
    check_size(header, layout)
    return header


def _levels_to_skip(header: Jpeg2000Header, layout: Layout, largest_step: int) -> int:
    if header.signed != layout.signed:  # -1 is coded as the largest number, so means are wrong
        return 0
    return min(header.levels, largest_step.bit_length() - 1)


def _reduced(code: bytes, header: Jpeg2000Header, levels: int) -> Samples:
    """Decode through Pillow, undoing its rescaling of the precision to 8 or 16 bits."""
    with Image.open(BytesIO(code)) as image:
        image.reduce = levels  # type: ignore[method-assign, assignment]  # a method of other formats
        # Pillow rounds the reduced size to the nearest, OpenJPEG rounds it up (ITU-T T.800
        # B-15), and the load fails if they differ: give Pillow a size without a remainder.
        scale = 1 << levels
        image._size = (-(-header.columns // scale) * scale, -(-header.rows // scale) * scale)
        image.load()
        samples = np.asarray(image)
    container = 8 if header.bits <= 8 else 16
    if container > header.bits:
        samples = samples >> (container - header.bits)
    if not header.signed:
        return samples
    # Pillow moves signed samples up by half their range.
    return samples.astype(np.int32) - (1 << header.bits - 1)


def _raster(samples: Samples, header: Jpeg2000Header, layout: Layout, step: int) -> Raster:
    # The decoder undoes the multiple component transformation: YBR_ICT and YBR_RCT become RGB.
    undone = layout.photometric in ("YBR_ICT", "YBR_RCT")
    space: Space = "rgb" if undone else stated_space(layout)
    return Raster(to_representation(samples, header.bits, layout), space, step)
