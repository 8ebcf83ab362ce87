"""A radiograph as a small picture, for overviews of many."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bodypart.pixels.percentiles import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_BYTES = 20_000
_QUALITIES = (82, 70, 55, 40, 25)


def thumbnail(values: NDArray[np.float32], side: int) -> bytes:
    """Draw a picture small.

    Parameters
    ----------
    values : float32 array (rows, columns)
        Grey values, bright where dense; shown between their 0.5th and 99.5th percentile.
    side : int
        Longest side in pixels; a smaller picture keeps its size.

    Returns
    -------
    bytes
        A grey JPEG of at most `LARGEST_BYTES`; a picture with too much detail is drawn smaller.
    """
    grey = spread(values)
    grey *= 255
    picture = Image.fromarray(np.rint(grey, out=grey).astype(np.uint8))
    while True:
        picture.thumbnail((side, side), Image.Resampling.BOX)
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=quality, optimize=True)
            if buffer.tell() <= LARGEST_BYTES:
                return buffer.getvalue()
        side = side * 3 // 4  # A noisy picture, too large at every quality.
