"""Smaller by an integer factor: the mean of each box of stored values, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bodypart.pixels.raster import Samples

_PIECE = 1 << 20
"""Bytes of the samples that are summed together; those of half and of twice as many take longer."""


def box_mean(samples: Samples, factor: int, limit: int | None = None) -> NDArray[np.float32]:
    """Average boxes of `factor` x `factor` pixels.

    Parameters
    ----------
    samples : array, (rows, columns) or (rows, columns, channels)
    factor : int
        Rows and columns beyond the last whole box, fewer than `factor`, are left out.
    limit : int, optional
        What no sample is larger than, if that is known.

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

    Rows first, because adding whole rows is what a CPU does fastest: in 16 bits, if the values
    allow it, twice as fast as in 32. In pieces, so that what is read to find that out is still in
    its cache when it is added.
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
        for column in range(1, factor):  # a strided add each: four times as fast as sum(axis=2)
            some += bands[:, :, column]
    return sums


def _widest_type(samples: Samples, count: int) -> np.dtype[np.generic]:
    """Return the narrowest type that holds the sum of `count` samples, whatever they are."""
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
            limit = int(samples.max())  # Of a part of them: dark ones may do with less.
        return np.min_scalar_type(max(limit * count, 0x100))
    extent = max(int(samples.max()), -int(samples.min()), 0x80) * count
    return np.min_scalar_type(-extent)
