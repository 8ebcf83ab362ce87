"""How alike two pictures are, and which few pictures represent many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]
    Floats = NDArray[np.float64]

UNLIKE = 0.3
"""Cosine up to which two pictures tell nothing about each other."""

_LEAST_NEW = 1e-3
"""A landmark must add at least this much to what the ones before it explain."""


def likeness(rows: Float32, others: Float32) -> Floats:
    """Return 1 for the same picture, falling to exactly 0 at a cosine of :data:`UNLIKE`.

    Parameters
    ----------
    rows, others : ndarray of float32, shapes (n, d) and (m, d)
        Unit vectors.
    """
    cosine = np.asarray(rows @ others.T, dtype=np.float64)
    return np.asarray(np.maximum(0, (cosine - UNLIKE) / (1 - UNLIKE)) ** 2)


def landmarks(rows: Float32, most: int) -> tuple[NDArray[np.int64], Floats]:
    """Choose the rows that best represent all others, and return features of all rows by them.

    Pivoted incomplete Cholesky decomposition (Fine and Scheinberg 2001): the next row is the one
    that is least like a mixture of those chosen before. The cut at :data:`UNLIKE` makes the kernel
    slightly indefinite; residuals that fall below zero for that reason count as zero.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        Unit vectors.
    most : int
        Most rows to choose.

    Returns
    -------
    chosen : ndarray of int64, shape (k,)
        Indices of the chosen rows, k at most ``most``.
    features : ndarray of float64, shape (n, k)
        Lower triangular in the chosen rows; ``features @ features.T`` is the likeness of all rows.
    """
    count = len(rows)
    features = np.zeros((count, min(most, count)))
    # Vectors in half precision do not have exactly the length 1, and a row that occurs twice must
    # have no residual once its twin is chosen.
    lengths = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    left = np.maximum(0, (lengths - UNLIKE) / (1 - UNLIKE)) ** 2
    chosen: list[int] = []
    for step in range(features.shape[1]):
        pivot = int(left.argmax())
        if left[pivot] < _LEAST_NEW:
            break
        column = likeness(rows, rows[pivot : pivot + 1])[:, 0]
        column -= features[:, :step] @ features[pivot, :step]
        features[:, step] = column / np.sqrt(left[pivot])
        left = np.maximum(0, left - features[:, step] ** 2)
        left[pivot] = 0
        chosen.append(pivot)
    return np.array(chosen, dtype=np.int64), features[:, : len(chosen)]
