"""Detects black plates and flat fields: pictures of nothing but noise on a smooth background."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bodypart.pixels.reduce import box_mean

GRID = 32
"""Boxes along the longest side."""

LEAST_STRUCTURE = 3.0
"""How far box means must deviate from a smooth background, as a multiple of what noise explains.

White noise gives 1, radiographs give 7 and more; pictures in between are left to the model.
"""


def is_blank(values: NDArray[np.float32]) -> bool:
    """Tell whether a picture shows nothing.

    A flat exposure has noise on a background that changes slowly over the plate (heel effect,
    distance). A quadratic surface fits this background; what remains of the box means is compared
    with what the noise of single pixels, measured between neighbours, would leave.

    Parameters
    ----------
    values : float32 array, (rows, columns)
        Grey values.
    """
    factor = max(1, max(values.shape) // GRID)
    if min(values.shape) < 2 * factor:
        return bool(np.ptp(values) == 0)
    means = box_mean(values, factor).astype(np.float64)
    return structure(values, means, factor) < LEAST_STRUCTURE


def structure(values: NDArray[np.float32], means: NDArray[np.float64], factor: int) -> float:
    """Return how much more box means scatter around a quadratic surface than noise explains."""
    surfaces = _quadratic_surfaces(*means.shape)
    heights = means.ravel() - means.mean()
    left = float(np.std(heights - surfaces @ (heights @ surfaces)))
    noise = float(np.std(np.diff(values, axis=1))) / np.sqrt(2) / factor
    rounding = 1e-6 * float(np.abs(values).max())
    return float(left / max(noise, rounding, 1e-30))


@lru_cache(maxsize=64)
def _quadratic_surfaces(rows: int, columns: int) -> NDArray[np.float64]:
    """Return an orthonormal basis of the quadratic surfaces, one a column: (pixels, 6 or fewer)."""
    down, across = (np.linspace(-1, 1, size) for size in (rows, columns))
    y, x = (axis.ravel() for axis in np.meshgrid(down, across, indexing="ij"))
    surfaces = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    # With few rows or columns some of them are linearly dependent, and are left out.
    left, sizes, _ = np.linalg.svd(surfaces, full_matrices=False)
    return np.ascontiguousarray(left[:, sizes > 1e-12 * sizes[0]])
