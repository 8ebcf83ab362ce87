"""The exported model's answers on pictures whose label is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bodypart.model.calibration import sigmoid, softmax
from training.answers import Answers, answers
from training.calibrate import rejections
from training.dataset import target
from training.manifest import NONE
from training.pictures import read_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bodypart.model.session import BodyPartModel
    from training.manifest import Example

NEIGHBOURS = (
    {"hand", "wrist"},
    {"foot", "ankle"},
    {"hip", "pelvis"},
    {"hip", "femur"},
    {"forearm", "elbow"},
)
"""Parts whose pictures overlap so much that people label them differently."""


def tolerated(truth: str, said: str) -> bool:
    """Return whether a label is right, or a neighbour easily confused with the right one."""
    return truth == said or any({truth, said} <= pair for pair in NEIGHBOURS)


@dataclass(frozen=True)
class Readings:
    """The model's answers on examples, in their order.

    Attributes
    ----------
    rows : list of Example
        The examples.
    said : list of str
        Most probable label, or ``none``, even if the picture is rejected.
    confidence : ndarray, shape (n,)
        Its probability.
    credence : ndarray, shape (n,)
        Sum of the probabilities of the right labels; 0 where none is known.
    visible : ndarray of bool, shape (n, 36)
        Labels given as visible.
    visible_truth : ndarray, shape (n, 36)
        1 visible, 0 absent, -1 unknown.
    child : ndarray, shape (n,)
        Probability of a child.
    view : list of str
        Most probable view.
    distance, none : ndarray, shape (n,)
        Distance to known radiographs and probability of "none", by which pictures are rejected.
    rejected : ndarray of bool, shape (n,)
        Whether the picture is rejected.
    """

    rows: list[Example]
    said: list[str]
    confidence: NDArray[np.float64]
    credence: NDArray[np.float64]
    visible: NDArray[np.bool_]
    visible_truth: NDArray[np.float32]
    child: NDArray[np.float64]
    view: list[str]
    distance: NDArray[np.float32]
    none: NDArray[np.float64]
    rejected: NDArray[np.bool_]

    def where(self, keep: Callable[[Example], bool]) -> Readings:
        """Return the readings of the examples that ``keep`` picks."""
        chosen = [index for index, row in enumerate(self.rows) if keep(row)]
        return Readings(
            [self.rows[index] for index in chosen],
            [self.said[index] for index in chosen],
            self.confidence[chosen],
            self.credence[chosen],
            self.visible[chosen],
            self.visible_truth[chosen],
            self.child[chosen],
            [self.view[index] for index in chosen],
            self.distance[chosen],
            self.none[chosen],
            self.rejected[chosen],
        )

    @property
    def truth(self) -> list[str]:
        """Examined label of each row."""
        return [row.examined or "" for row in self.rows]

    @property
    def answered(self) -> list[str]:
        """The user's answer: ``none`` if rejected; a right label is given as the examined one."""
        return [
            NONE if rejected else (row.examined or "") if said in row.accepted else said
            for row, said, rejected in zip(self.rows, self.said, self.rejected, strict=True)
        ]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether the most probable label is a right one, rejected or not."""
        pairs = zip(self.rows, self.said, strict=True)
        return np.array([said in row.accepted for row, said in pairs], dtype=bool)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether a right label is given: a rejected picture counts as wrong."""
        return self.found & ~self.rejected

    @property
    def tolerable(self) -> NDArray[np.bool_]:
        """Whether the given label is right, or a neighbour easily confused with the right one."""
        pairs = zip(self.truth, self.answered, strict=True)
        return np.array([tolerated(truth, said) for truth, said in pairs], dtype=bool)


def rejected(model: BodyPartModel, given: Answers) -> NDArray[np.bool_]:
    """Return which answers are rejected."""
    posterior = softmax(given.logits, model.parameters.temperature)
    best = [model.labels[index] for index in posterior[:, :-1].argmax(axis=1)]
    return rejections(given.distance, posterior[:, -1], best, model.parameters.rejection)


def _as_it_is(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return values


def read(
    model: BodyPartModel,
    rows: Sequence[Example],
    folder: Path,
    changed: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = _as_it_is,
) -> Readings:
    """Read the pictures of the examples with the exported model, each after ``changed``."""
    own = model.parameters
    pictures = [changed(picture.cut()) for picture in read_pictures(folder, rows)]
    given = answers(model, pictures, twice=True)
    posterior = softmax(given.logits, own.temperature)
    names = [*own.labels, NONE]
    goals = [target(row, own.labels) for row in rows]
    examined = np.array([goal.examined for goal in goals]).reshape(posterior.shape)
    limits = np.array([own.visible_thresholds.get(label, np.inf) for label in own.visible_labels])
    return Readings(
        rows=list(rows),
        said=[names[index] for index in posterior.argmax(axis=1)],
        confidence=posterior.max(axis=1),
        credence=(posterior * examined).sum(axis=1),
        visible=sigmoid(given.visible, own.visible_temperature) >= limits,
        visible_truth=np.array([goal.visible for goal in goals]).reshape(
            len(rows), len(own.visible_labels)
        ),
        child=sigmoid(given.child),
        view=[own.views[index] for index in given.view.argmax(axis=1)],
        distance=given.distance,
        none=posterior[:, -1],
        rejected=rejected(model, given),
    )
