"""Multinomial logistic regression on top of the model's own answer.

The model's own log-probabilities are a fixed offset, and the words add to them in the space of
likeness. So pictures that the model reads rightly teach nothing, a hundred words that say the same
weigh hardly more than one, and a picture of which the model is sure is not changed by a few nearby
words: they are weighed against what the model learned, not summed.

It is solved with a fixed bound on the curvature (Boehning 1992): one matrix is inverted, and every
step lowers the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

LEAST = 1e-3
"""Smallest probability from which a label starts, as the model never gives some labels."""

STEPS = 40
_SMALLEST_MOVE = 1e-3


def log_odds(probabilities: NDArray[np.floating]) -> Floats:
    """Return log-probabilities with a floor, so that words can lift every label."""
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), LEAST))


def softmax_rows(logits: Floats) -> Floats:
    """Return probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit(features: Floats, offset: Floats, accepted: Bools, weight: Floats, ridge: float) -> Floats:
    """Return the coefficients of least cost.

    Parameters
    ----------
    features : ndarray, shape (n, k)
        Likeness of the words, as :func:`bodypart.memory.kernel.landmarks` gives it.
    offset : ndarray, shape (n, labels)
        Log-probabilities of the model.
    accepted : ndarray of bool, shape (n, labels)
        Labels that the person accepts; where there are several, any will do.
    weight : ndarray, shape (n,)
        Weight of each word.
    ridge : float
        Weight of the penalty on the squared norm; with a smaller one a single word changes more.

    Returns
    -------
    ndarray, shape (k, labels)
        Coefficients; the new logits are ``offset + features @ coefficients``.
    """
    size, labels = features.shape[1], offset.shape[1]
    weighted = features * weight[:, None]
    bound = 0.5 * features.T @ weighted + ridge * np.eye(size)
    inverse = np.linalg.inv(bound)
    found = np.zeros((size, labels))
    for _ in range(STEPS):
        said = softmax_rows(offset + features @ found)
        wanted = np.where(accepted, said, 0)
        wanted /= np.maximum(wanted.sum(axis=1, keepdims=True), 1e-12)
        move = inverse @ (weighted.T @ (wanted - said) - ridge * found)
        found += move
        if np.abs(move).max() < _SMALLEST_MOVE:
            break
    return found
