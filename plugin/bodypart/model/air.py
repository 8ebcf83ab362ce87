"""Finds air in a radiograph: between two exposures, beside a limb, on unexposed plate.

The network's map is coarse: five places in a row, each as wide as a hand. With two exposures on one
plate, the heat of both would meet in the black gap between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from bodypart.model.small_picture import small_picture
from bodypart.pixels.percentiles import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]
    Mask = NDArray[np.bool_]

SIDE = 160
"""Longest side, in pixels, at which air is looked for."""

DARK, FLAT = 0.15, 0.035
"""Grey value and standard deviation, as shares of the range, below which there is air."""

LARGE = 0.02
"""Share of the picture that air must have if it does not reach the edge: a lung has dark spots."""

BRIGHT = 0.95
_AROUND = 2
_STRIP = 11
"""Pixels; a narrower white strip with air on both sides is the edge of a plate."""
_SOFT = 2.0


def tissue(values: Float32) -> Float32:
    """Return 1 where there is tissue and 0 where there is air, with soft edges.

    Air is dark and flat, and either reaches the edge of the picture or is large.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values, linear, bright = dense.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        0 to 1.
    """
    rows, columns = values.shape
    grey = spread(small_picture(values, SIDE).astype(np.float64))
    mean = _mean(grey)
    deviation = np.sqrt(np.maximum(_mean(grey**2) - mean**2, 0))
    air = _large((grey < DARK) & (deviation < FLAT))
    strips = _closed(air) & _grown(grey > BRIGHT, 2 * _AROUND + 1)
    soft = _picture(air | strips).filter(ImageFilter.GaussianBlur(_SOFT))
    large = soft.resize((columns, rows), Image.Resampling.BILINEAR)
    return (1 - np.asarray(large, np.float32) / 255).astype(np.float32)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean around each pixel."""
    width = 2 * _AROUND + 1
    padded = np.pad(values, _AROUND, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (width, width))
    return np.asarray(windows.mean(axis=(-2, -1)))


def _picture(mask: Mask) -> Image.Image:
    return Image.fromarray(mask.astype(np.uint8) * 255)


def _grown(mask: Mask, width: int) -> Mask:
    return np.asarray(_picture(mask).filter(ImageFilter.MaxFilter(width))) > 0


def _closed(mask: Mask) -> Mask:
    """Return a mask with gaps narrower than a strip filled."""
    grown = _picture(mask).filter(ImageFilter.MaxFilter(_STRIP))
    return np.asarray(grown.filter(ImageFilter.MinFilter(_STRIP))) > 0


def _large(area: Mask) -> Mask:
    """Keep the pieces of an area that reach the picture's edge or are large."""
    # Each pixel takes the largest number next to it, until each connected piece has a single one.
    numbers = np.where(area, np.arange(1, area.size + 1).reshape(area.shape), 0)
    while True:
        before = numbers.copy()
        for here, there in (
            (np.s_[1:], np.s_[:-1]),
            (np.s_[:-1], np.s_[1:]),
            (np.s_[:, 1:], np.s_[:, :-1]),
            (np.s_[:, :-1], np.s_[:, 1:]),
        ):
            np.maximum(numbers[here], numbers[there], out=numbers[here])
            numbers *= area
        if (numbers == before).all():
            break
    found, sizes = np.unique(numbers, return_counts=True)
    edge = np.unique(np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]))
    kept = np.union1d(found[sizes >= LARGE * area.size], edge)
    return np.asarray(np.isin(numbers, kept[kept > 0]))
