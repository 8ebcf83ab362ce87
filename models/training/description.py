"""The description in ``bodypart.json`` beside the network: its input, calibration and origin."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.model_input import FLAT_SHARE, FLAT_TOLERANCE
from bodypart.pixels.percentiles import WINDOW_PERCENTILES
from training.answers import answers
from training.calibrate import (
    fit_distance,
    fit_rejection,
    fit_temperature,
    fit_visible_temperature,
    fit_visible_thresholds,
)
from training.dataset import VISIBLE_LABELS, target
from training.errors import TrainingError
from training.network import VIEWS
from training.pictures import read_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bodypart.model.parameters import Rejection
    from bodypart.model.session import BodyPartModel
    from training.answers import Answers
    from training.split import Split

NAME = "bodypart-mobilenetv2"
LEAST_VISIBLE = 20
"""Labels that are visible in fewer training pictures are never given as visible."""

CALIBRATION = ("temperature", "rejection", "visible_temperature", "visible_thresholds")
"""Keys of a description that :func:`calibrated` fits."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How the service is to prepare a picture for the network.

    Attributes
    ----------
    size : int or None
        Side of the network's square, in pixels; None for that of the training.
    sides : sequence of int
        Longer sides, in pixels, to which the exposed field is scaled, one view each; the answer is
        the mean over the views. Empty for one view that fills the square.
    mirrored : bool
        Whether each view's mirror image counts too.
    field_tone : float or None
        Tone to which the upper quartile of the greys is brought to look for the exposed field, 0
        to 1; None leaves the greys as they are.
    """

    size: int | None = None
    sides: Sequence[int] = ()
    mirrored: bool = False
    field_tone: float | None = None

    def to_json(self, trained: int) -> dict[str, Any]:
        """Return the description's section for a network trained on squares of this side."""
        size = self.size or trained
        return {
            "module": "bodypart.model.model_input",
            "size": size,
            "sides": list(self.sides or (size,)),
            "mirrored": self.mirrored,
            "window_percentiles": list(WINDOW_PERCENTILES),
            "flat_tolerance": FLAT_TOLERANCE,
            "flat_share": FLAT_SHARE,
            "field_tone": self.field_tone,
        }


AS_TRAINED = Preprocessing()
"""A single view, as large as in the training."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Calibration that is taken over from another model's description instead of being fitted.

    Attributes
    ----------
    description : Path
        The other model's JSON.
    keys : tuple of str
        All of :data:`CALIBRATION` if the other model has the same weights; the temperature alone
        if it saw fewer sources: how sure to be in a new hospital can only be measured on sources
        that a model has not seen. The limit of distance is always fitted, because it depends on
        this model's references.
    """

    description: Path
    keys: tuple[str, ...] = CALIBRATION

    def values(self, labels: list[str]) -> dict[str, Any]:
        """Return the values for a model with these labels.

        Raises
        ------
        TrainingError
            If all is taken over, but the other model has labels that this one does not emit.
        """
        known = json.loads(self.description.read_text(encoding="utf-8"))
        if self.keys == CALIBRATION and not set(known["labels"]) <= set(labels):
            raise TrainingError(f"{self.description} describes a model of other labels")
        return {key: known[key] for key in self.keys}


def description(
    state: dict[str, Any],
    checkpoint: Path,
    parts: Split,
    preprocessing: dict[str, Any],
    version: str,
) -> dict[str, Any]:
    """Return the model's description before it is calibrated."""
    return {
        "name": NAME,
        "version": version,
        "sha256": "",
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "labels": list(parts.labels),
        "visible_labels": list(VISIBLE_LABELS),
        "views": list(VIEWS),
        "preprocessing": preprocessing,
        "temperature": 1.0,
        "visible_temperature": 1.0,
        "visible_thresholds": {},
        "rejection": {"distance": 2.0, "none": 1.0},
        "training": _origin(state, checkpoint, parts),
    }


def _origin(state: dict[str, Any], checkpoint: Path, parts: Split) -> dict[str, Any]:
    """Return what a checkpoint was trained from and how, for the description."""
    whole, closeups = parts.whole, parts.closeups
    return {
        "command": state["command"],
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "backbone_sha256": state.get("backbone_sha256"),
        "started_from_sha256": state["start_sha256"],
        "teachers_sha256": state.get("teachers_sha256", []),
        "epochs": state["epoch"],
        "epochs_by_file_list_sha256": dict(Counter(state["learnt_sha256"])),
        "plan": state["plan"],
        "licences": state["licences"],
        "manifest_sha256": state["manifest_sha256"],
        "pictures": len(whole),
        "pictures_by_source": dict(Counter(row.source for row in whole).most_common()),
        "pictures_by_label": dict(
            Counter(row.examined or "several" for row in whole).most_common()
        ),
        "closeups": len(closeups),
        "closeups_by_label": dict(Counter(row.examined for row in closeups).most_common()),
    }


def calibrated(
    model: BodyPartModel, parts: Split, folder: Path, temperature: float | None = None
) -> dict[str, Any]:
    """Fit the calibration on the pictures set aside for it; return the description's keys.

    The temperature is fitted too, unless one is given.
    """
    pictures = read_pictures(folder, parts.calibration)
    given = answers(model, [picture.values for picture in pictures])
    goals = [target(row, parts.labels) for row in parts.calibration]
    examined = np.stack([goal.examined for goal in goals]) > 0
    radiographs = examined[:, :-1].any(axis=1)
    if temperature is None:
        temperature = fit_temperature(given.logits[radiographs], examined[radiographs])
    seen = Counter(label for row in parts.train for label in row.visible)
    given_as_visible = [label for label in VISIBLE_LABELS if seen[label] >= LEAST_VISIBLE]
    return {
        "temperature": temperature,
        "rejection": asdict(_limits(model.labels, given, temperature, examined)),
        **_fitted_visible(
            given.visible, np.stack([goal.visible for goal in goals]), given_as_visible
        ),
    }


def with_own_distance(
    rejection: dict[str, Any], model: BodyPartModel, parts: Split, folder: Path
) -> dict[str, Any]:
    """Return limits of rejection; that of distance is fitted to this model's references."""
    rows = [row for row in parts.calibration if target(row, parts.labels).examined[:-1].any()]
    given = answers(model, [picture.values for picture in read_pictures(folder, rows)])
    return {**rejection, "distance": fit_distance(given.distance)}


def _limits(
    labels: Sequence[str], given: Answers, temperature: float, examined: NDArray[np.bool_]
) -> Rejection:
    """Fit the limits of rejection on radiographs of emitted labels and on foreign pictures."""
    real, foreign = np.asarray(examined[:, :-1].any(axis=1)), examined[:, -1]
    told = real | foreign
    posterior = softmax(given.logits[told], temperature)
    said = [labels[index] for index in posterior[:, :-1].argmax(axis=1)]
    return fit_rejection(given.distance[told], posterior[:, -1], said, real[told])


def _fitted_visible(
    logits: NDArray[np.float32], goal: NDArray[np.float32], kept: Sequence[str]
) -> dict[str, Any]:
    """Fit temperature and thresholds of the visible labels; only ``kept`` ones get a threshold."""
    temperature = fit_visible_temperature(logits, goal)
    thresholds = fit_visible_thresholds(sigmoid(logits, temperature), goal, VISIBLE_LABELS)
    return {
        "visible_temperature": temperature,
        "visible_thresholds": {label: thresholds[label] for label in kept},
    }
