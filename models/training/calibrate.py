"""Fit the calibration, which turns outputs into answers: temperatures, thresholds, rejection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.parameters import Rejection
from bodypart.model.rejection import rejection_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Bools = NDArray[np.bool_]

TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(4), 150))
CANDIDATES = np.arange(0.2, 0.81, 0.02)
"""Thresholds that are tried."""

LEAST_SEEN = 12
"""A label that fewer calibration pictures show, or fewer do not show, has the common threshold."""

GAIN = 0.005
"""F1 that a label's own threshold must gain for each 0.1 of difference from the common one."""

ACCEPTANCE = 0.985
"""Share of real radiographs that must be accepted: a rejected one gets no answer."""

NEAR = 0.99
"""Quantile of their distances to known radiographs from which the limit is computed."""

FARTHER = 1.4
"""Factor from that distance to the limit: another hospital's films lie farther away."""

FOREIGN_REJECTED = 0.98
"""Share of foreign pictures that must still be rejected with a label's looser limit."""

LOOSEST = 5.0
"""How many times the common limit a label's own may be, as it is fitted to few pictures."""

LEAST_OF_A_LABEL = 8
"""A label with fewer radiographs to calibrate on gets no limit of its own."""


def fit_temperature(logits: Floats, right: Bools) -> float:
    """Return the temperature with the least negative log-likelihood.

    Parameters
    ----------
    logits : ndarray, shape (n, classes)
        Outputs.
    right : ndarray of bool, shape (n, classes)
        Right classes, one or more a row.
    """
    costs = [
        -np.log(np.maximum((softmax(logits, float(t)) * right).sum(axis=1), 1e-12)).mean()
        for t in TEMPERATURES
    ]
    return round(float(TEMPERATURES[int(np.argmin(costs))]), 3)


def fit_visible_temperature(logits: Floats, goal: Floats) -> float:
    """Return that temperature for independent outputs; targets below 0 are unknown."""
    known = goal >= 0
    given, truth = logits[known], goal[known]
    costs = []
    for temperature in TEMPERATURES:
        right = np.where(truth > 0, given, -given)
        costs.append(-np.log(np.maximum(sigmoid(right, float(temperature)), 1e-12)).mean())
    return round(float(TEMPERATURES[int(np.argmin(costs))]), 3)


def fit_visible_threshold(probabilities: Floats, goal: Floats) -> float:
    """Return the one threshold with the best micro F1 over all labels; targets < 0 are unknown."""
    known = goal >= 0
    given, truth = probabilities[known], goal[known] > 0
    best, threshold = -1.0, 0.5
    for candidate in CANDIDATES:
        said = given >= candidate
        score = 2 * (said & truth).sum() / max(1, said.sum() + truth.sum())
        if score > best:
            best, threshold = float(score), float(candidate)
    return round(threshold, 2)


def fit_visible_thresholds(
    probabilities: Floats, goal: Floats, labels: Sequence[str]
) -> dict[str, float]:
    """Return a threshold for each label: its own with the best F1, or the common one.

    A label has its own if enough pictures show it and enough do not. It must gain :data:`GAIN` of
    F1 for each 0.1 of difference from the common one.

    Parameters
    ----------
    probabilities, goal : ndarray, shape (n, labels)
        Probability of being in the picture, and target; targets below 0 are unknown.
    labels : sequence of str
        Names of the columns.
    """
    common = fit_visible_threshold(probabilities, goal)
    thresholds = {}
    for column, label in enumerate(labels):
        known = goal[:, column] >= 0
        given, truth = probabilities[known, column], goal[known, column] > 0
        thresholds[label] = common
        if min(truth.sum(), (~truth).sum()) < LEAST_SEEN:
            continue

        def worth(candidate: float, given: Floats = given, truth: Bools = truth) -> float:
            said = given >= candidate
            score = 2 * (said & truth).sum() / max(1, said.sum() + truth.sum())
            return float(score) - 10 * GAIN * abs(candidate - common)

        best: float = max(map(float, CANDIDATES), key=worth)
        thresholds[label] = round(best, 2)
    return thresholds


def fit_distance(distance: Floats) -> float:
    """Return the limit of distance, from the distances of the calibration's radiographs."""
    return round(FARTHER * float(np.quantile(np.asarray(distance, np.float64), NEAR)), 4)


def fit_rejection(distance: Floats, none: Floats, said: Sequence[str], real: Bools) -> Rejection:
    """Return the strictest limits that accept :data:`ACCEPTANCE` of the radiographs.

    The probability of "none" does most of the work; the distance catches pictures unlike both the
    radiographs and the foreign pictures of the training. A label whose radiographs are accepted
    less often than that gets its own, looser limit of "none", as long as enough foreign pictures
    are still rejected.

    Parameters
    ----------
    distance, none : ndarray, shape (n,)
        Distance to known radiographs, and probability of "none".
    said : sequence of str, length n
        Most probable label.
    real : ndarray of bool, shape (n,)
        Whether the picture is a radiograph; the others are foreign.
    """
    far = np.asarray(distance, dtype=np.float64)
    near = fit_distance(far[real])
    passed = real & (far <= near)
    share = min(1.0, ACCEPTANCE / float(passed.sum() / real.sum()))
    limits = Rejection(near, _rounded_up(float(np.quantile(none[passed], share))))
    named = np.asarray(said)
    for label in sorted({str(label) for label in named[real]}):
        own = passed & (named == label)
        if own.sum() < LEAST_OF_A_LABEL:
            continue
        limit = _rounded_up(min(np.quantile(none[own], ACCEPTANCE), LOOSEST * limits.none))
        looser = replace(limits, none_by_label={**limits.none_by_label, label: limit})
        let_pass = int((~rejections(far, none, said, looser)[~real]).sum())
        if limit > limits.none and let_pass <= (1 - FOREIGN_REJECTED) * (~real).sum():
            limits = looser
    return limits


def _rounded_up(limit: float) -> float:
    """Return a limit rounded up to three significant digits, so that no less passes."""
    step = 10.0 ** (np.floor(np.log10(max(limit, 1e-9))) - 2)
    return float(f"{np.ceil(limit / step) * step:.3g}")


def rejections(distance: Floats, none: Floats, said: Sequence[str], limits: Rejection) -> Bools:
    """Return which pictures are rejected."""
    answers = zip(distance, none, said, strict=True)
    return np.array(
        [rejection_reason(float(d), float(n), s, limits) is not None for d, n, s in answers],
        dtype=bool,
    )
