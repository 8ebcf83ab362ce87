"""Logits to calibrated probabilities (temperature scaling, Guo et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def softmax(logits: NDArray[np.floating], temperature: float = 1.0, axis: int = -1) -> Floats:
    """Return probabilities of exclusive outcomes along an axis, the last one by default."""
    powers = np.array(logits, dtype=np.float64)  # The one copy, changed in place below.
    powers /= temperature
    powers -= powers.max(axis=axis, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=axis, keepdims=True)
    return powers


def sigmoid(logits: NDArray[np.floating] | float, temperature: float = 1.0) -> Floats:
    """Return probabilities of independent outcomes."""
    scaled = np.clip(np.asarray(logits, dtype=np.float64) / temperature, -60, 60)
    return np.asarray(1 / (1 + np.exp(-scaled)))
