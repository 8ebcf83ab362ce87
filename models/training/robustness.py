"""Measures the loss when films are turned, inverted, coarse, stretched or badly exposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training import metrics
from training.measured import read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bodypart.model.session import BodyPartModel
    from training.manifest import Example

    Grey = NDArray[np.uint8]

SAMPLE = 150
NOISE = 20.0
"""Standard deviation of the noise, in grey values of 0 to 255."""

COARSE = 64
"""Longest side of a coarse picture, in pixels."""


def _toned(values: Grey, gamma: float) -> Grey:
    ramp = 255 * np.linspace(0, 1, 256) ** gamma
    return ramp.round().astype(np.uint8)[values]


def _noisy(values: Grey) -> Grey:
    noise = np.random.default_rng(0).normal(0, NOISE, values.shape)
    return np.clip(values + noise, 0, 255).astype(np.uint8)


def _coarse(values: Grey) -> Grey:
    rows, columns = values.shape
    scale = COARSE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _stretched(values: Grey) -> Grey:
    rows, columns = values.shape
    return np.asarray(cv2.resize(values, (round(columns * 1.3), rows)), dtype=np.uint8)


def _tilted(values: Grey) -> Grey:
    rows, columns = values.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), 15, 1)
    return np.asarray(cv2.warpAffine(values, turn, (columns, rows)), dtype=np.uint8)


CHANGES: dict[str, Callable[[Grey], Grey]] = {
    "as it is": lambda values: values,
    "turned by 90": np.rot90,
    "turned by 180": lambda values: np.rot90(values, 2),
    "turned by 270": lambda values: np.rot90(values, 3),
    "inverted": lambda values: 255 - values,
    "noisy": _noisy,
    "coarse": _coarse,
    "stretched": _stretched,
    "tilted by 15": _tilted,
    "gamma 0.4": lambda values: _toned(values, 0.4),
    "gamma 2.5": lambda values: _toned(values, 2.5),
}


def robustness(
    model: BodyPartModel, rows: Sequence[Example], folder: Path
) -> dict[str, dict[str, Any]]:
    """Return strict top-1 for each change, on the same evenly spaced radiographs."""
    known = [row for row in rows if row.examined in model.labels]
    sample = known[:: max(1, len(known) // SAMPLE)]
    return {
        name: metrics.proportion(read(model, sample, folder, change).right)
        for name, change in CHANGES.items()
    }
