"""Finds the part of a picture that has detail: an exposure on a large plate fogged by scatter.

Scatter falls off slowly. An area that it fogs is not flat, unlike a border of an exposed field, but
its pixels hardly differ from their neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bodypart.model.model_input import PROFILE_SIDE, Box
from bodypart.model.small_picture import small_picture
from bodypart.pixels.percentiles import WINDOW_PERCENTILES, outer_percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

STEP = 0.045
"""Difference between neighbours from which there is detail, as a share of the range."""

BUSY = 0.1
"""Share of a line's pixels that have detail within a field; fewer may be a letter beside it."""

MOST = 0.6
"""Largest field that is returned, as a share of the picture's area: a larger one needs no crop."""


def detailed_field(values: Float32) -> Box | None:
    """Return the rectangle that has detail; None if it is most of the picture, or none has.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values.
    """
    small = small_picture(values, PROFILE_SIDE)
    low, high = map(float, outer_percentiles(small, WINDOW_PERCENTILES))
    if not high > low:
        return None
    grey = np.clip((small - low) / (high - low), 0, 1)
    down = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    across = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    detail = np.maximum(down, across) > STEP
    top, bottom, left, right = 0, detail.shape[0], 0, detail.shape[1]
    for _ in range(3):
        rows = np.flatnonzero(detail[:, left:right].mean(axis=1) > BUSY)
        if not rows.size:
            return None
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(detail[top:bottom].mean(axis=0) > BUSY)
        if not columns.size:
            return None
        left, right = int(columns[0]), int(columns[-1]) + 1
    if (bottom - top) * (right - left) > MOST * detail.size:
        return None
    return Box(top, bottom, left, right).enlarged(small, values)
