"""Figures of merit with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.floating]

Z95 = 1.959964
BINS = 15
RESAMPLES = 1000


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927)."""
    if count == 0:
        return 0.0, 1.0
    share, square = right / count, Z95**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = Z95 * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    half /= 1 + square / count
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def proportion(right: Bools) -> dict[str, Any]:
    """Return the count, and the share that is right with its interval."""
    count, hits = len(right), int(np.sum(right))
    low, high = wilson(hits, count)
    return {
        "n": count,
        "value": round(hits / count, 4) if count else None,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def macro_recall(truth: Sequence[str | None], said: Sequence[str | None]) -> float:
    """Return the mean recall over the true labels."""
    given, named = np.asarray(truth), np.asarray(said)
    recalls = [(named[given == label] == label).mean() for label in np.unique(given)]
    return float(np.mean(recalls))


def macro_f1(truth: Sequence[str | None], said: Sequence[str | None]) -> float:
    """Return the mean F1 over the true labels."""
    given, named = np.asarray(truth), np.asarray(said)
    scores = []
    for label in np.unique(given):
        hits = ((given == label) & (named == label)).sum()
        scores.append(2 * hits / ((given == label).sum() + (named == label).sum()))
    return float(np.mean(scores))


def resampled(
    truth: Sequence[str | None],
    said: Sequence[str | None],
    figure: Callable[[Sequence[str | None], Sequence[str | None]], float],
    seed: int = 0,
) -> dict[str, Any]:
    """Return a figure of two label lists with its bootstrap interval, resampled within labels."""
    if not truth:
        return {"n": 0, "labels": 0, "value": None, "low": 0.0, "high": 1.0}
    given, named = np.asarray(truth), np.asarray(said)
    random = np.random.default_rng(seed)
    places = [np.flatnonzero(given == label) for label in np.unique(given)]
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([random.choice(place, len(place)) for place in places])
        values.append(figure(given[drawn].tolist(), named[drawn].tolist()))
    low, high = np.quantile(values, (0.025, 0.975))
    return {
        "n": len(given),
        "labels": len(places),
        "value": round(figure(truth, said), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def micro_f1(probable: Bools, truth: Floats) -> dict[str, Any]:
    """Return micro F1 of independent labels; truth below 0 is unknown and does not count."""
    known = truth >= 0
    said, true = probable[known], truth[known] > 0
    hits = int((said & true).sum())
    return {
        "n": len(truth),
        "decisions": int(known.sum()),
        "value": round(2 * hits / max(1, int(said.sum() + true.sum())), 4) if len(truth) else None,
        "precision": round(hits / max(1, int(said.sum())), 4),
        "recall": round(hits / max(1, int(true.sum())), 4),
    }


def exact_sets(said: Bools, truth: Floats) -> dict[str, Any]:
    """Return the share of pictures whose labels are all right; truth below 0 is unknown."""
    return proportion(((said == (truth > 0)) | (truth < 0)).all(axis=1))


def reliability(confidence: Floats, right: Bools) -> list[dict[str, Any]]:
    """Return confidence against accuracy in equal bins of confidence; empty bins are left out."""
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "n": int((which == index).sum()),
            "confidence": round(float(confidence[which == index].mean()), 4),
            "accuracy": round(float(right[which == index].mean()), 4),
        }
        for index in range(BINS)
        if (which == index).any()
    ]


def calibration_error(bins: Sequence[dict[str, Any]]) -> float | None:
    """Return the expected calibration error of :func:`reliability` (Naeini et al. 2015).

    None if the bins are empty.
    """
    total = sum(one["n"] for one in bins)
    if not total:
        return None
    gaps = sum(one["n"] * abs(one["confidence"] - one["accuracy"]) for one in bins)
    return round(float(gaps / total), 4)


def area_under_curve(foreign: Floats, real: Floats) -> float:
    """Return the chance that a foreign picture scores above a real one (ROC area)."""
    order = np.argsort(np.concatenate([foreign, real]), kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    above = ranks[: len(foreign)].sum() - len(foreign) * (len(foreign) + 1) / 2
    return round(float(above / (len(foreign) * len(real))), 4)
