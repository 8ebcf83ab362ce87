"""The heat map as a PNG: where the model looked, over the radiograph or alone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bodypart.pixels.percentiles import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bodypart.pixels import Picture

# Twelve stops of viridis (van der Walt and Smith 2015, CC0), which is perceptually uniform.
_VIRIDIS = np.array(
    [
        (68, 1, 84), (72, 33, 115), (67, 62, 133), (56, 88, 140), (45, 112, 142), (37, 133, 142),
        (30, 155, 138), (42, 176, 127), (82, 197, 105), (134, 213, 73), (194, 223, 35),
        (253, 231, 37),
    ],
    dtype=np.float32,
)  # fmt: skip
_STRONGEST = 0.6


def heatmap_png(picture: Picture, heat: NDArray[np.float32]) -> bytes:
    """Draw a class activation map over its picture.

    Parameters
    ----------
    picture : Picture
        The radiograph; its values are shown between their 0.5th and 99.5th percentile.
    heat : float32 array (rows, columns)
        0 to 1, in the geometry of ``picture.values``; opacity grows with it.

    Returns
    -------
    bytes
        An RGB PNG of the picture's size.
    """
    grey = spread(picture.values) * 255
    colour, opacity = _coloured(heat)
    return _png(grey[..., np.newaxis] * (1 - opacity) + colour * opacity)


def heat_layer_png(heat: NDArray[np.float32]) -> bytes:
    """Draw a class activation map alone, as a layer over a picture drawn elsewhere.

    Parameters
    ----------
    heat : float32 array (rows, columns)
        0 to 1.

    Returns
    -------
    bytes
        An RGBA PNG of the map's size, transparent where there is no heat.
    """
    colour, opacity = _coloured(heat)
    return _png(np.concatenate([colour, 255 * opacity], axis=-1))


def _coloured(heat: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return colours (rows, columns, 3), 0 to 255, and opacities (rows, columns, 1), 0 to 1."""
    heat = np.clip(heat, 0, 1)
    stops = np.arange(len(_VIRIDIS))
    position = heat * (len(_VIRIDIS) - 1)
    colour = np.stack([np.interp(position, stops, channel) for channel in _VIRIDIS.T], axis=-1)
    return colour.astype(np.float32), (_STRONGEST * heat)[..., np.newaxis]


def _png(values: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values.round().astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
