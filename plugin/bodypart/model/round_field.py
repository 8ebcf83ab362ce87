"""Round fields of image intensifiers and round shutters: a circle with nothing around it.

The radiographs that the model learned from fill their rectangles. Four black corners are a shape to
it, as a bone is, and it rejects what they frame; corners of a middle grey do not disturb it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bodypart.model.small_picture import small_picture
from bodypart.pixels.percentiles import WINDOW_PERCENTILES, outer_percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Points = NDArray[np.float64]

SIDE = 96
"""Longest side, in pixels, at which the circle is looked for."""

FLAT = 0.04
"""Share of the range by which the surroundings may differ from the corners' grey."""

ON_CIRCLE = 0.85
"""Share of the outline that must lie on the circle, within `NEAR`; limbs and skulls have less."""

NEAR = 0.03
"""Share of the radius, and at least one pixel."""

OUTSIDE = (0.05, 0.85)
"""Least and largest share of the picture outside the circle."""

DUST = 0.03
"""Share of the surroundings that may not be flat, as with letters."""

_FEWEST = 48
_ROUNDS = 5


class Circle(NamedTuple):
    """A circle in pixels: row and column of its centre, counted from the edge, and radius."""

    down: float
    across: float
    radius: float

    def distance(self, points: Points) -> Points:
        """Return the distances of points, (n, 2), from the circle's line."""
        apart = np.hypot(points[:, 0] - self.down, points[:, 1] - self.across)
        return np.asarray(np.abs(apart - self.radius))

    def outside(self, rows: int, columns: int) -> Mask:
        """Tell which pixels of a picture lie outside, with the outermost pixel of the circle."""
        down, across = np.ogrid[0.5:rows, 0.5:columns]
        squares = (down - self.down) ** 2 + (across - self.across) ** 2
        return np.asarray(squares > max(0.0, self.radius - 1) ** 2)


def without_round_frame(values: Float32) -> Float32:
    """Fill the surroundings of a round field with the median grey of the field.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Unchanged if there is no round field.
    """
    rows, columns = values.shape
    small = small_picture(values, SIDE)
    circle = _circle(small)
    if circle is None:
        return values
    scale_down, scale_across = rows / small.shape[0], columns / small.shape[1]
    radius = circle.radius * max(rows, columns) / max(small.shape)
    whole = Circle(circle.down * scale_down, circle.across * scale_across, radius)
    outside = whole.outside(rows, columns)
    return np.where(outside, np.median(values[~outside]), values).astype(np.float32)


def _circle(small: Float32) -> Circle | None:
    corners = small[[0, 0, -1, -1], [0, -1, 0, -1]]
    grey = np.median(corners)
    low, high = outer_percentiles(small, WINDOW_PERCENTILES)
    tolerance = FLAT * float(high - low)
    if not tolerance > 0 or np.abs(corners - grey).max() > tolerance:
        return None
    busy = np.abs(small - grey) > tolerance
    points = np.concatenate([_ends(busy), _ends(busy.T)[:, ::-1]])
    if len(points) < _FEWEST:
        return None
    circle, share = _fitted(points)
    if share < ON_CIRCLE:
        return None
    if not OUTSIDE[0] < circle.outside(*small.shape).mean() < OUTSIDE[1]:
        return None
    around = Circle(circle.down, circle.across, circle.radius + 2).outside(*small.shape)
    return None if busy[around].sum() > DUST * around.sum() else circle


def _ends(busy: Mask) -> Points:
    """Return where each row's busy pixels begin and end, if not at the picture's edge."""
    columns = busy.shape[1]
    first, last = busy.argmax(axis=1), columns - busy[:, ::-1].argmax(axis=1)
    found = [
        np.stack([rows + 0.5, ends[rows]], axis=1)
        for ends, rows in (
            (first, np.flatnonzero(busy.any(axis=1) & (first > 0))),
            (last, np.flatnonzero(busy.any(axis=1) & (last < columns))),
        )
    ]
    return np.concatenate(found).astype(np.float64)


def _fitted(points: Points) -> tuple[Circle, float]:
    """Fit a circle to most of the points (Kasa 1976); also return the share of them on it."""
    on = np.ones(len(points), bool)
    terms, squares = np.column_stack([2 * points, on]), (points**2).sum(axis=1)
    for _ in range(_ROUNDS):
        (down, across, rest), *_ = np.linalg.lstsq(terms[on], squares[on], rcond=None)
        circle = Circle(down, across, float(np.sqrt(max(rest + down**2 + across**2, 0.0))))
        closer = circle.distance(points) <= max(1.0, NEAR * circle.radius)
        if closer.sum() < _FEWEST // 2 or (closer == on).all():
            break
        on = closer
    return circle, float(closer.mean())
