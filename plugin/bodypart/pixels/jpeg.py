"""JPEG: baseline, extended (8 and 12 bits) and lossless (PS3.5 A.4.1; ITU-T T.81).

The libjpeg-turbo in imagecodecs decodes all of them; lossless ones three to five times faster than
gdcm or libjpeg. Pillow decodes eight-bit lossy pictures at 1/2, 1/4 or 1/8 of their size, as it
scales in the DCT domain.
"""

from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
from PIL import Image

from bodypart.pixels.codestream import JpegHeader, check_size, jpeg_header
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, stated_space, stored_values, to_representation

_LOSSLESS = 0xC3
_DCT_SCALES = (8, 4, 2)


def decode_jpeg(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Return the frame, reduced by up to `largest_step` if the coding allows it."""
    header = jpeg_header(code)
    check_size(header, layout)
    if header.process == _LOSSLESS:
        samples = (
            imagecodecs.jpeg8_decode(code, colorspace="RGB", outcolorspace="RGB")
            if header.components == 3
            else imagecodecs.jpeg8_decode(code)
        )
        return Raster(stored_values(samples, layout), stated_space(layout))
    if header.components == 3 and _is_rgb(header, layout):
        samples = imagecodecs.jpeg8_decode(code, colorspace="RGB", outcolorspace="RGB")
        return Raster(samples, "rgb")
    if header.bits == 8:
        return _scaled(code, layout, largest_step)
    samples = imagecodecs.jpeg8_decode(code)
    if header.components == 3:
        return Raster(samples, "rgb")
    return Raster(
        to_representation(samples, min(header.bits, layout.stored), layout), stated_space(layout)
    )


def _is_rgb(header: JpegHeader, layout: Layout) -> bool:
    """Tell whether the components are RGB.

    Many writers state RGB and store YCbCr; the codestream's own markers, if it has any, say what
    its encoder really did.
    """
    return header.rgb or (layout.photometric == "RGB" and not header.converted)


def _scaled(code: bytes, layout: Layout, largest_step: int) -> Raster:
    """Decode 8-bit DCT pictures at the smallest scale that is large enough."""
    step = next((scale for scale in _DCT_SCALES if scale <= largest_step), 1)
    with Image.open(BytesIO(code)) as image:
        if step > 1:
            image.draft(None, (max(1, layout.columns // step), max(1, layout.rows // step)))
            step = max(1, round(layout.rows / image.height))
        samples = np.asarray(image)
    return Raster(samples, "rgb" if samples.ndim == 3 else stated_space(layout), step)
