"""A low and a high percentile of a picture's grey values, computed from the tails only.

`numpy.percentile` partitions all pixels, with branches that no processor can predict: for each
picture that took a third as long as the network's run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Float = TypeVar("Float", bound=np.floating)

WINDOW_PERCENTILES = (0.5, 99.5)
"""Percentiles that become black and white; markers and dead pixels are beyond them."""

_FEW = 10_000
"""Pixels; up to this number, sorting all is as fast as choosing the tails."""
_SAMPLED = 1024
"""Approximate number of sampled pixels from which the start of each tail is estimated."""
_ROOM = 2, 16
"""How much larger than needed a tail is taken: a factor, and a number of sampled pixels."""


def outer_percentiles(
    values: NDArray[np.floating], percentiles: tuple[float, float]
) -> tuple[np.float64, np.float64]:
    """Return exactly what `numpy.percentile` returns for a low and a high percentile.

    Parameters
    ----------
    values : array of float
        At least one value; all finite.
    percentiles : tuple of float
        0 to 100, the lower one first.
    """
    flat = values.ravel()
    if flat.size <= _FEW:
        ordered = np.sort(flat)
        first, last = (percentile_of(ordered, percentile) for percentile in percentiles)
        return np.float64(first), np.float64(last)
    sample = np.sort(flat[:: max(1, flat.size // _SAMPLED)])
    low, high = ((flat.size - 1) * (percentile / 100) for percentile in percentiles)
    factor, more = _ROOM
    reach = int(factor * low / flat.size * sample.size) + more
    tail = flat[flat <= sample[min(reach, sample.size - 1)]]
    reach = int(factor * (flat.size - high) / flat.size * sample.size) + more
    head = flat[flat >= sample[max(sample.size - 1 - reach, 0)]]
    before = flat.size - head.size
    if tail.size < math.floor(low) + 2 or before > math.floor(high):
        first, last = np.percentile(flat, percentiles)  # The sample was not representative.
        return first, last
    return _ranked(tail, low), _ranked(head, high - before)


def spread(values: NDArray[Float]) -> NDArray[Float]:
    """Return grey values scaled from 0 to 1 between :data:`WINDOW_PERCENTILES`, and clipped.

    Parameters
    ----------
    values : array of float
        At least one value; all finite.
    """
    number = values.dtype.type  # Of another type they would be widened, in twice the time.
    low, high = outer_percentiles(values, WINDOW_PERCENTILES)
    parts = values - number(low)
    parts /= number(max(high - low, 1e-6))
    return np.clip(parts, 0, 1, out=parts)


def percentile_of(
    ordered: NDArray[np.floating],
    percentile: float,
    number: type[np.floating] = np.float64,
) -> float:
    """Return exactly what `numpy.percentile` returns for sorted values.

    Parameters
    ----------
    ordered : array of float, shape (n,)
        At least one value, in ascending order.
    percentile : float
        0 to 100.
    number : type
        Type in which numpy calculates: float64 for several percentiles at once, the values' own
        type for a single quartile.
    """
    return float(_between(ordered, (ordered.size - 1) * number(percentile / 100)))


def _ranked(values: NDArray[np.floating], rank: float) -> np.float64:
    """Return the interpolated value at a rank of unsorted values."""
    below = math.floor(rank)
    above = min(below + 1, values.size - 1)
    return np.float64(_between(np.partition(values, (below, above)), np.float64(rank)))


def _between(ordered: NDArray[np.floating], rank: np.floating) -> Any:
    """Return the value at a rank of sorted values, interpolated as numpy does it."""
    below = math.floor(rank)
    above = min(below + 1, ordered.size - 1)
    share, step = rank - below, ordered[above] - ordered[below]
    if share >= 0.5:
        return ordered[above] - step * (1 - share)
    return ordered[below] + step * share
