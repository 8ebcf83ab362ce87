"""Fit what turns outputs into answers: temperatures, visible thresholds, rejection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.parameters import Rejection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]

TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(4), 150))
ACCEPTANCE = 0.95
"""Share of real radiographs that must be accepted."""

NEAR = 0.99
"""Share of them that must lie near enough to known radiographs, whatever "none" says."""


def fit_temperature(logits: Floats, goal: Integers) -> float:
    """Return the temperature of least negative log-likelihood.

    Parameters
    ----------
    logits : ndarray, shape (n, classes)
        Outputs.
    goal : ndarray of int64, shape (n,)
        True classes.
    """
    rows = np.arange(len(goal))
    costs = [
        -np.log(np.maximum(softmax(logits, float(t))[rows, goal], 1e-12)).mean()
        for t in TEMPERATURES
    ]
    return round(float(TEMPERATURES[int(np.argmin(costs))]), 3)


def fit_visible_temperature(logits: Floats, goal: Floats) -> float:
    """Return the same for independent outputs; targets below 0 are unknown."""
    known = goal >= 0
    given, truth = logits[known], goal[known]
    costs = []
    for temperature in TEMPERATURES:
        right = np.where(truth > 0, given, -given)
        costs.append(-np.log(np.maximum(sigmoid(right, float(temperature)), 1e-12)).mean())
    return round(float(TEMPERATURES[int(np.argmin(costs))]), 3)


def fit_visible_threshold(probabilities: Floats, goal: Floats) -> float:
    """Return the one threshold of best micro F1 over all labels; targets below 0 are unknown."""
    known = goal >= 0
    given, truth = probabilities[known], goal[known] > 0
    best, threshold = -1.0, 0.5
    for candidate in np.arange(0.2, 0.81, 0.02):
        said = given >= candidate
        score = 2 * (said & truth).sum() / max(1, said.sum() + truth.sum())
        if score > best:
            best, threshold = float(score), float(candidate)
    return round(threshold, 2)


def fit_rejection(distance: Floats, none: Floats) -> Rejection:
    """Return the limits that together accept 95 % of the radiographs.

    The probability of "none" does most of the work; the distance is there for what is like
    neither the radiographs nor the foreign pictures of the training.

    Parameters
    ----------
    distance, none : ndarray, shape (n,)
        Of radiographs: distance to known ones, and probability of "none".
    """
    far = np.asarray(distance, dtype=np.float64)
    near = float(np.quantile(far, NEAR))
    passed = far <= near
    share = min(1.0, ACCEPTANCE / float(passed.mean()))
    limit = float(np.quantile(none[passed], share))
    return Rejection(distance=round(near, 4), none=float(f"{limit:.3g}"))
