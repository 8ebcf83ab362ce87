"""Varied examples with their targets, drawn so that neither a class nor a source dominates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from bodypart.labels import LABELS
from bodypart.model.model_input import exposed_field
from training.augmentation import Crops, varied
from training.drawn_foreign import TRAINING_KINDS
from training.network import VIEWS
from training.pictures import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from training.manifest import Example

UNKNOWN = -1
"""Target of a head of which the example says nothing."""

CLASS_POWER = 0.4
"""A class is drawn in proportion to its pictures to this power: 1 as they come, 0 all alike."""

SOURCE_POWER = 0.3
"""The same for the sources of one class."""

DRAWN_SHARE = 0.05
"""Share of the foreign pictures that are drawn by code."""

PLATE_CROPS = {
    "wrist": 0.18,
    "elbow": 0.18,
    "ankle": 0.18,
    "calcaneus": 0.18,
    "hand": 0.3,
    "foot": 0.3,
    "knee": 0.28,
}
"""Smallest crop of an uncollimated plate, as a part of its side: joints are small on it."""

CLOSEUP_CROP = 0.8
"""Smallest crop of a close-up, which has been collimated already."""

VISIBLE_LABELS = tuple(part.label for part in LABELS)


class Targets(NamedTuple):
    """Targets of a batch; -1 where unknown.

    Attributes
    ----------
    examined : Tensor of int64, shape (N,)
        Index into the emitted labels; the next index is "none".
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

    examined: int
    visible: NDArray[np.float32]
    child: float
    view: int


def target(example: Example, labels: Sequence[str]) -> Target:
    """Return what an example teaches a model that emits ``labels``."""
    examined = UNKNOWN
    if example.foreign:
        examined = len(labels)
    elif example.examined in labels:
        examined = labels.index(example.examined)
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
    """Return how far an example may be cropped without showing something else."""
    if "uncollimated" in example.notes:
        return Crops(
            least=PLATE_CROPS.get(example.examined or "", 0.38),
            plate=True,
            halves="two exposures" in example.notes,
        )
    if example.box is not None:
        return Crops(least=CLOSEUP_CROP)
    if "panoramic" in example.notes:
        return Crops(zoom=0.2)
    return Crops()


def drawing_weights(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return the probability of drawing each example, balanced by class and by source."""
    classes = Counter(example.examined for example in examples)
    sources = Counter((example.examined, example.source) for example in examples)
    spread: Counter[str | None] = Counter()
    for (examined, _), count in sources.items():
        spread[examined] += count**SOURCE_POWER  # type: ignore[assignment]
    weights = np.array(
        [
            classes[example.examined] ** CLASS_POWER
            * sources[example.examined, example.source] ** (SOURCE_POWER - 1)
            / spread[example.examined]
            for example in examples
        ]
    )
    return weights / weights.sum()


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
        self.weights = drawing_weights(examples)
        self.foreign = Target(
            len(labels), np.full(len(VISIBLE_LABELS), UNKNOWN, np.float32), UNKNOWN, UNKNOWN
        )
        self.count, self.seed = count, seed
        self.start(epoch=0, size=128)

    def start(self, *, epoch: int, size: int) -> None:
        """Draw the epoch's pictures; they come out as squares of ``size`` pixels."""
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
            picture = Picture(values, exposed_field(values.astype(np.float32)))
            square, _ = varied(random, picture, self.size, Crops())
            return torch.from_numpy(square), self.foreign
        which = int(self.order[index])
        square, tight = varied(random, self.pictures[which], self.size, self.crops[which])
        goal = self.targets[which]
        if tight:
            visible = np.where(goal.visible > 0, np.float32(UNKNOWN), goal.visible)
            if self.examined[which] >= 0:
                visible[self.examined[which]] = 1
            goal = Target(goal.examined, visible, goal.child, goal.view)
        return torch.from_numpy(square), goal


def collate(batch: list[tuple[Tensor, Target]]) -> tuple[Tensor, Targets]:
    """Stack examples to (N, 1, S, S) and :class:`Targets`."""
    squares, goals = zip(*batch, strict=True)
    return torch.stack(squares)[:, None], Targets(
        torch.tensor([goal.examined for goal in goals]),
        torch.from_numpy(np.stack([goal.visible for goal in goals])),
        torch.tensor([goal.child for goal in goals], dtype=torch.float32),
        torch.tensor([goal.view for goal in goals]),
    )
