"""Varied examples with their targets, drawn so that no class and no source dominates."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from bodypart.labels import BY_LABEL, LABELS
from training.augmentation import LOOSE_CROP, TIGHT_CROP, Crops, varied
from training.drawn_foreign import TRAINING_KINDS
from training.manifest import NONE
from training.network import VIEWS
from training.pictures import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from training.manifest import Example

UNKNOWN = -1
"""Target of a head about which the example says nothing."""

CLASS_POWER = 0.4
"""A class of n pictures is drawn in proportion to n to this power; 0 would draw all alike."""

SOURCE_POWER = 0.3
"""The same for the sources of one class."""

DRAWN_SHARE = 0.05
"""Share of the draws that are foreign pictures drawn by code."""

PLATE_CROPS = {
    "wrist": 0.18,
    "elbow": 0.18,
    "ankle": 0.18,
    "calcaneus": 0.18,
    "hand": 0.6,
    "foot": 0.5,
    "knee": 0.28,
}
"""Smallest side of a crop of an uncollimated plate, divided by the plate's: joints are small on it.

A hand may not be cropped closely: the middle of its plate is often the carpus, that is, a wrist.
"""

LOOSE = {
    "wrist": 2.4,
    "elbow": 2.2,
    "knee": 2.2,
    "ankle": 1.9,
    "shoulder": 1.6,
    "hip": 1.6,
    "clavicle": 1.3,
    "cspine": 1.3,
    "hand": 1.5,
    "foot": 1.4,
    "finger": 1.25,
    "thumb": 1.25,
    "toe": 1.25,
    "calcaneus": 1.3,
    "forearm": 1.3,
    "lower_leg": 1.3,
    "femur": 1.3,
    "humerus": 1.3,
}
"""How many times as high or wide as its close-up a part is collimated at the loosest."""

TWO_VIEWS = 0.05
"""Share of the pictures, of those that can be, set beside another of the same part and patient."""

CLOSEUP_CROP = 0.8
"""Smallest side of a crop of a close-up, divided by its field's: it is collimated already."""

VISIBLE_LABELS = tuple(part.label for part in LABELS)


class Targets(NamedTuple):
    """Targets of a batch; -1 where unknown.

    Attributes
    ----------
    examined : Tensor of float32, shape (N, labels + 1)
        1 for each emitted label that is right, the last being "none"; all zeros where none is
        known.
    visible : Tensor of float32, shape (N, 36)
        1 in the picture, 0 not.
    child : Tensor of float32, shape (N,)
        1 child, 0 adult.
    view : Tensor of int64, shape (N,)
        Index into :data:`training.network.VIEWS`.
    """

    examined: Tensor
    visible: Tensor
    child: Tensor
    view: Tensor


@dataclass(frozen=True, slots=True)
class Target:
    """What one example teaches; fields as in :class:`Targets`."""

    examined: NDArray[np.float32]
    visible: NDArray[np.float32]
    child: float
    view: int


def target(example: Example, labels: Sequence[str]) -> Target:
    """Return what an example teaches a model that emits ``labels``.

    For a part that the model does not emit, the emitted parts that enclose it are right.
    """
    names = [*labels, NONE]
    examined = np.zeros(len(names), dtype=np.float32)
    for label in example.accepted:
        known = (label,) if label in names else BY_LABEL[label].part_of
        examined[[names.index(place) for place in known if place in names]] = 1
    visible = np.zeros(len(VISIBLE_LABELS), dtype=np.float32)
    hidden = example.hidden()
    for index, label in enumerate(VISIBLE_LABELS):
        if label in example.visible:
            visible[index] = 1
        elif label in hidden:
            visible[index] = UNKNOWN
    child = {"child": 1.0, "adult": 0.0, "unknown": float(UNKNOWN)}[example.age]
    view = VIEWS.index(example.view) if example.view else UNKNOWN
    return Target(examined, visible, child, view)


def crops(example: Example) -> Crops:
    """Return how far an example may be cropped without changing what was examined."""
    if "uncollimated" in example.notes:
        return Crops(
            least=PLATE_CROPS.get(example.examined or "", 0.38),
            plate=True,
            halves="two exposures" in example.notes,
        )
    if example.box is not None:
        return Crops(
            least=CLOSEUP_CROP,
            loose=LOOSE.get(example.examined or "", 1.0),
        )
    if "panoramic" in example.notes:
        return Crops(zoom=0.2)
    return Crops()


def drawing_weights(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return the probability of drawing each example, balanced by class and by source."""
    classes = Counter(example.examined for example in examples)
    sources = Counter((example.examined, example.source) for example in examples)
    spread: dict[str | None, float] = defaultdict(float)
    for (examined, _), count in sources.items():
        spread[examined] += count**SOURCE_POWER
    weights = np.array(
        [
            classes[example.examined] ** CLASS_POWER
            * sources[example.examined, example.source] ** (SOURCE_POWER - 1)
            / spread[example.examined]
            for example in examples
        ]
    )
    return weights / weights.sum()


def _same(examples: Sequence[Example]) -> list[list[int]]:
    """Return for each radiograph the others of the same part and patient."""
    by_part: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        by_part[example.examined, example.group].append(index)
    return [
        []
        if example.foreign or example.examined is None
        else [other for other in by_part[example.examined, example.group] if other != index]
        for index, example in enumerate(examples)
    ]


class VariedPictures(Dataset[tuple["Tensor", "Target"]]):
    """Seeded draws of varied training pictures; draw ``i`` of epoch ``e`` is always the same.

    Parameters
    ----------
    examples, pictures : sequences of one length
        Rows and their pictures.
    labels : sequence of str
        Emitted labels.
    count : int
        Draws in an epoch.
    seed : int
        Seed of everything drawn.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        pictures: Sequence[Picture],
        labels: Sequence[str],
        count: int,
        seed: int,
    ) -> None:
        self.pictures = pictures
        self.targets = [target(example, labels) for example in examples]
        self.crops = [crops(example) for example in examples]
        self.examined = [
            VISIBLE_LABELS.index(e.examined) if e.examined in labels else UNKNOWN for e in examples
        ]
        self.on_plate = [target(replace(e, visible=e.on_plate), labels).visible for e in examples]
        self.same = _same(examples)
        self.weights = drawing_weights(examples)
        none = np.zeros(len(labels) + 1, np.float32)
        none[-1] = 1
        self.foreign = Target(
            none, np.full(len(VISIBLE_LABELS), UNKNOWN, np.float32), UNKNOWN, UNKNOWN
        )
        self.count, self.seed = count, seed
        self.start(epoch=0, size=128)

    def start(self, *, epoch: int, size: int) -> None:
        """Choose the epoch's pictures; each is returned as a square of ``size`` pixels."""
        self.epoch, self.size = epoch, size
        random = np.random.default_rng((self.seed, epoch))
        self.order = random.choice(len(self.pictures), size=self.count, p=self.weights)
        self.drawn = random.random(self.count) < DRAWN_SHARE

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        if self.drawn[index]:
            values = TRAINING_KINDS[int(random.integers(len(TRAINING_KINDS)))](random)
            square, _ = varied(random, Picture.whole(values), self.size, Crops())
            return torch.from_numpy(square), self.foreign
        which = int(self.order[index])
        others = self.same[which]
        if others and random.random() < TWO_VIEWS:
            return self.beside(random, which, int(random.choice(others)))
        square, part = varied(random, self.pictures[which], self.size, self.crops[which])
        return torch.from_numpy(square), self.goal(which, part)

    def goal(self, which: int, part: float) -> Target:
        """Return what example ``which`` teaches if the crop has ``part`` of its field's area."""
        goal = self.targets[which]
        visible = goal.visible
        if part < TIGHT_CROP:
            visible = np.where(visible > 0, np.float32(UNKNOWN), visible)
            if self.examined[which] >= 0:
                visible[self.examined[which]] = 1
        elif part > LOOSE_CROP:
            also = (visible <= 0) & (self.on_plate[which] != 0)
            visible = np.where(also, np.float32(UNKNOWN), visible)
        return replace(goal, visible=visible)

    def beside(self, random: np.random.Generator, first: int, second: int) -> tuple[Tensor, Target]:
        """Put two pictures of one part side by side; labels on which they differ are unknown."""
        half = self.size // 2
        square, goals = np.full((self.size, self.size), -1, np.float32), []
        for left, which in ((0, first), (self.size - half, second)):
            picture, part = varied(random, self.pictures[which], half, self.crops[which])
            square[half // 2 : half // 2 + half, left : left + half] = picture
            goals.append(self.goal(which, part))
        if random.random() < 0.5:
            square = np.ascontiguousarray(square.T)
        one, other = goals
        alike = one.visible == other.visible
        visible = np.where(alike, one.visible, np.float32(UNKNOWN))
        view = one.view if one.view == other.view else UNKNOWN
        return torch.from_numpy(square), replace(one, visible=visible, view=view)


def collate(batch: list[tuple[Tensor, Target]]) -> tuple[Tensor, Targets]:
    """Stack examples to (N, 1, S, S) and :class:`Targets`."""
    squares, goals = zip(*batch, strict=True)
    return torch.stack(squares)[:, None], Targets(
        torch.from_numpy(np.stack([goal.examined for goal in goals])),
        torch.from_numpy(np.stack([goal.visible for goal in goals])),
        torch.tensor([goal.child for goal in goals], dtype=torch.float32),
        torch.tensor([goal.view for goal in goals]),
    )
