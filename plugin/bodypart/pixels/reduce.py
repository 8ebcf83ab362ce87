"""Reduces pictures by an integer factor: the exact mean of each box of stored values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bodypart.pixels.raster import Samples

_PIECE = 1 << 20
"""Bytes of the samples that are summed at a time; half as many and twice as many are slower."""


def box_mean(samples: Samples, factor: int, limit: int | None = None) -> NDArray[np.float32]:
    """Average boxes of `factor` x `factor` pixels.

    Parameters
    ----------
    samples : array, (rows, columns) or (rows, columns, channels)
    factor : int
        Rows and columns beyond the last whole box, fewer than `factor`, are left out.
    limit : int, optional
        No sample is larger than this; None if that is not known.

    Returns
    -------
    float32 array, (rows // factor, columns // factor[, channels])
    """
    if factor == 1:
        return samples.astype(np.float32)
    sums = box_sum(samples, factor, limit)
    return (sums / float(factor * factor)).astype(np.float32)


def box_sum(samples: Samples, factor: int, limit: int | None = None) -> Samples:
    """Sum boxes of `factor` x `factor` pixels, in a type that cannot overflow.

    Rows are added first, because a CPU adds whole rows fastest: twice as fast in 16 bits, if the
    values allow it, as in 32. This is done in pieces, which are still in the cache from the search
    for their largest value when they are added.
    """
    rows, columns = samples.shape[0] // factor, samples.shape[1] // factor
    sums = np.empty((rows, columns, *samples.shape[2:]), _widest_type(samples, factor * factor))
    together = max(1, _PIECE // max(1, samples[:factor].nbytes))
    for first in range(0, rows, together):
        piece = samples[first * factor : min(first + together, rows) * factor]
        boxes = piece.reshape(-1, factor, *samples.shape[1:])
        bands = boxes[:, 0].astype(_sum_type(piece, factor, limit))
        # All first rows, then all second ones: faster than sum(axis=1).
        for row in range(1, factor):
            bands += boxes[:, row]
        bands = bands[:, : columns * factor].reshape(-1, columns, factor, *samples.shape[2:])
        some = sums[first : first + together]
        some[:] = bands[:, :, 0]
        for column in range(1, factor):  # strided additions: four times as fast as sum(axis=2)
            some += bands[:, :, column]
    return sums


def _widest_type(samples: Samples, count: int) -> np.dtype[np.generic]:
    """Return the narrowest type that holds the sum of `count` samples of any values."""
    if samples.dtype.kind == "f":
        return np.dtype(np.float64)
    limits = np.iinfo(samples.dtype)
    if samples.dtype.kind == "u":
        return np.min_scalar_type(max(limits.max * count, 0x10000))
    return np.min_scalar_type(min(limits.min * count, -0x10000))


def _sum_type(samples: Samples, count: int, limit: int | None) -> np.dtype[np.generic]:
    """Return the narrowest type that holds the sum of `count` of these samples."""
    if samples.dtype.kind == "f":
        return np.dtype(np.float64)
    if samples.size == 0:
        return np.dtype(np.int64)
    if samples.dtype.kind == "u":
        if limit is None or limit * count > 0xFFFF:
            limit = int(samples.max())  # Of this piece only: a dark one may need fewer bits.
        return np.min_scalar_type(max(limit * count, 0x100))
    extent = max(int(samples.max()), -int(samples.min()), 0x80) * count
    return np.min_scalar_type(-extent)
