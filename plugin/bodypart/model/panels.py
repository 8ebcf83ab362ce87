"""Several exposures in one picture: both feet, two views of a limb, four of a hand.

Together they are unlike the radiographs that the model learned from; each by itself is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bodypart.model.model_input import (
    FLAT_TOLERANCE,
    PROFILE_SIDE,
    Box,
    exposed_field,
    flat_lines,
)
from bodypart.model.small_picture import small_picture
from bodypart.network import LOOKS
from bodypart.pixels.percentiles import WINDOW_PERCENTILES, outer_percentiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

LEAST_SIDE = 0.15
"""Least side of a panel, as a share of the field's longer one: a narrower one is no exposure."""

MOST = LOOKS - 4
"""Most panels that are read, after the whole and its detail: not all of a sheet of thumbnails. Two
looks are left for the halves beside a marker (`two_limbs`)."""

_DEPTH = 3


def panels(values: Float32, tone: float | None = None) -> list[Float32]:
    """Return the exposures that a picture consists of: usually one, its exposed field.

    Two exposures are separated by a flat strip of any grey, from edge to edge.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values.
    tone : float, optional
        The tone of :func:`bodypart.model.model_input.exposed_field`.

    Returns
    -------
    list of ndarray of float32
        At most `MOST`.
    """
    inside = np.ascontiguousarray(exposed_field(values, tone).cut(values))
    small = small_picture(inside, PROFILE_SIDE)
    low, high = outer_percentiles(small, WINDOW_PERCENTILES)
    whole = Box(0, small.shape[0], 0, small.shape[1])
    least = max(1.0, LEAST_SIDE * max(small.shape))
    found = list(_parted(small, whole, FLAT_TOLERANCE * float(high - low), least))
    parts = [box.enlarged(small, inside).cut(inside) for box in found[:MOST]]
    return [np.ascontiguousarray(part) for part in parts if part.size]


def _parted(
    small: Float32, box: Box, tolerance: float, least: float, depth: int = _DEPTH
) -> Iterator[Box]:
    """Split a box at its flat strips, and the pieces again (XY-cut, Nagy and Seth 1984)."""
    part = box.cut(small)
    for upright in (True, False) if box.width >= box.height else (False, True):
        lines = part.T if upright else part
        busy = ~flat_lines(np.ascontiguousarray(lines), tolerance)
        steps = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(np.int8)))
        runs = [(int(a), int(b)) for a, b in steps.reshape(-1, 2) if b - a >= least]
        if len(runs) < 2 or not depth:
            continue
        for begin, end in runs:
            if upright:
                inner = Box(box.top, box.bottom, box.left + begin, box.left + end)
            else:
                inner = Box(box.top + begin, box.top + end, box.left, box.right)
            yield from _parted(small, inner, tolerance, least, depth - 1)
        return
    yield box


def halves(values: Float32) -> list[Float32]:
    """Return the halves of a picture along its longer side, for exposures that touch."""
    rows, columns = values.shape
    if columns >= rows:
        parts = [values[:, : columns // 2], values[:, columns - columns // 2 :]]
    else:
        parts = [values[: rows // 2], values[rows - rows // 2 :]]
    return [part for part in parts if part.size]
