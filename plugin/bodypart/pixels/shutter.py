"""Display Shutter: what a file asks not to be shown (PS3.3 C.7.6.11).

The pixels behind it are still there: scatter beyond the collimator's blades, noise of a detector
that got no light. A window by percentiles would take them for the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bodypart.pixels.layout import Layout, optional_value

Mask = NDArray[np.bool_]
Places = NDArray[np.floating]

LEAST_OPEN = 0.02
"""Share of the picture; a shutter that leaves less belongs to another picture."""


def shut(dataset: Dataset, layout: Layout, shape: tuple[int, int], step: int) -> Mask | None:
    """Tell which boxes of a reduced picture lie outside of its shutter.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the reduced picture.
    step : int
        Stored pixels per box, along each axis.

    Returns
    -------
    array of bool, (rows, columns), or None
        None if there is no shutter, or if it cannot be read, leaves too little or hides nothing.
    """
    shapes = optional_value(dataset, "ShutterShape")
    if shapes is None:
        return None
    # The first stored pixel is row 1, column 1.
    row, column = (np.arange(size) * step + (step + 1) / 2 for size in shape)
    open_to_view = np.ones(shape, bool)
    try:
        several = [shapes] if isinstance(shapes, str) else list(shapes)
        for name in _SHAPES.keys() & {str(name).strip().upper() for name in several}:
            open_to_view &= _SHAPES[name](dataset, row[:, None], column[None, :])
    except (TypeError, ValueError, OverflowError):
        return None
    return ~open_to_view if LEAST_OPEN <= open_to_view.mean() < 1 else None


def _rectangular(dataset: Dataset, row: Places, column: Places) -> Mask:
    left, right, upper, lower = (
        _numbers(dataset, f"Shutter{name}Edge", 1)[0]
        for name in ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    )
    return (row > upper) & (row < lower) & (column > left) & (column < right)


def _circular(dataset: Dataset, row: Places, column: Places) -> Mask:
    down, across = _numbers(dataset, "CenterOfCircularShutter", 2)
    radius = _numbers(dataset, "RadiusOfCircularShutter", 1)[0]
    return (row - down) ** 2 + (column - across) ** 2 <= radius**2


def _polygonal(dataset: Dataset, row: Places, column: Places) -> Mask:
    """Tell which pixels are in the polygon: those with an odd number of sides to their right."""
    corners = np.array(_numbers(dataset, "VerticesOfThePolygonalShutter", 6))
    if corners.size % 2 or corners.size > _MOST_CORNERS:
        raise ValueError("no polygon")
    # Place n of a row: whether an odd number of sides have exactly n pixels to their left.
    odd = np.zeros((row.size, column.size + 1), bool)
    corners = corners.reshape(-1, 2)
    for (down, across), (end_down, end_across) in zip(
        corners, np.roll(corners, -1, axis=0), strict=True
    ):
        if down == end_down:
            continue
        rows = np.flatnonzero((down > row) != (end_down > row))
        met = across + (row[rows, 0] - down) * ((end_across - across) / (end_down - down))
        odd[rows, np.searchsorted(column[0], met)] ^= True
    return np.logical_xor.accumulate(odd[:, ::-1], axis=1)[:, -2::-1]


_MOST_CORNERS = 2_000
_SHAPES = {"RECTANGULAR": _rectangular, "CIRCULAR": _circular, "POLYGONAL": _polygonal}


def _numbers(dataset: Dataset, keyword: str, least: int) -> list[float]:
    value = optional_value(dataset, keyword)
    several = [value] if isinstance(value, str | float | int) else list(value)
    if len(several) < least:
        raise ValueError(keyword)
    return [float(number) for number in several]
