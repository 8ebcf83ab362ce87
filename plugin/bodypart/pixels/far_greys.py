"""Clips greys that are so far from the picture's that a window over all would show it flat.

Such are letters and lead written at the container's end, dead pixels, and shutters and padding that
no attribute declares: with a few greys at 65535 above a picture of 12 bits, a window by percentiles
shows the picture black.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bodypart.pixels.raster import Samples

FAR = 0.55
"""Share of the range in a gap with next to no pixels, from which on the greys beyond it are far."""

VERY_FAR = 0.75
"""The same for less than `FEW` of the pixels, which a window by percentiles cuts off anyway."""

FEW = 0.005

_BINS = 64
_NEXT_TO_NONE = 0.001
"""Share of the pixels that a bin of a gap may have: averaging leaves some at the letters' edges."""

_SAMPLED = 16_384
_TOO_FEW = 2_048
"""Pixels; the greys of a smaller picture tell nothing."""

_DECISIVE = 4.0
"""How many times as much there must be to see on one side of the gap as on the other."""

_ROUNDS = 4


def without_far_greys(values: Samples, used: NDArray[np.bool_] | None = None) -> Samples:
    """Clip far greys to the range of the others; most pictures are returned as they are.

    Parameters
    ----------
    values : array, (rows, columns)
        Finite grey values.
    used : array of bool, (rows, columns), optional
        Which of them count; all by default.
    """
    if values.size < _TOO_FEW:
        return values
    step = max(1, math.isqrt(values.size // _SAMPLED))
    sample = values[::step, ::step]
    sample = (sample.ravel() if used is None else sample[used[::step, ::step]]).astype(np.float64)
    near = sample
    for _ in range(_ROUNDS):
        nearer = _nearer(near)
        if nearer is None:
            break
        near = nearer
    if near is sample:
        return values
    ends = np.array([near.min(), near.max()]).astype(values.dtype)
    return np.asarray(np.clip(values, ends[0], ends[1]))


def _nearer(greys: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the greys on the picture's side of the widest gap; None if there is no such gap."""
    low, high = (float(greys.min()), float(greys.max())) if greys.size else (0.0, 0.0)
    if not high > low:
        return None
    bins = ((greys - low) * (_BINS / (high - low))).astype(np.intp)
    counts = np.bincount(bins, minlength=_BINS + 1)[:_BINS]
    start, end = _longest(counts < _NEXT_TO_NONE * greys.size)
    if end - start < FAR * _BINS:
        return None
    other, kept = sorted((greys[bins < start], greys[bins >= end]), key=_seen)
    few = greys.size - kept.size < FEW * greys.size
    if _seen(kept) <= _DECISIVE * _seen(other) or (few and end - start < VERY_FAR * _BINS):
        return None
    return kept


def _longest(empty: NDArray[np.bool_]) -> tuple[int, int]:
    """Return start and end (exclusive) of the longest run of True; (0, 0) if there is none."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    runs = steps.reshape(-1, 2)
    if not len(runs):
        return 0, 0
    start, end = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(start), int(end)


def _seen(values: NDArray[np.float64]) -> float:
    """Return how much there is to see: the number of pixels times their standard deviation."""
    return float(values.std()) * values.size if values.size else 0.0
