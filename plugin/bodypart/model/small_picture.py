"""Reduces a picture in which to look for shapes: its field, a circle, air, exposures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]


def small_picture(values: Float32, longest: int) -> Float32:
    """Average a picture down, with its aspect ratio kept.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values.
    longest : int
        Pixels of the reduced picture's longest side; a smaller picture keeps its size.

    Returns
    -------
    ndarray of float32, shape (smaller rows, smaller columns)
    """
    rows, columns = values.shape
    scale = max(1.0, max(rows, columns) / longest)
    size = (max(1, round(columns / scale)), max(1, round(rows / scale)))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
