"""Train the letter finder: ``python -m training.markers.train --out runs/marker``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import IterableDataset

from training.manifest import read_manifest
from training.markers.drawing import Drawer
from training.markers.fit import Plan, fit, random_of_worker
from training.markers.network import LetterFinder
from training.markers.places import WITHOUT_MARKERS, read_places
from training.paths import MANIFEST, RUNS
from training.pictures import read_picture
from training.split import SPLIT, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from training.markers.places import Mark

BATCH = 32
RATE = 4e-3
DECAY = 1e-4
FOCUS = 2.0
"""Exponent of the focal loss: answers that are right already count less (Lin et al. 2017)."""

AVERAGE = 0.998
"""Decay of the running average of the weights."""


class Pieces(IterableDataset[tuple["Tensor", "Tensor"]]):
    """Endless batches of drawn pieces.

    Parameters
    ----------
    films : sequence of ndarray of uint8
        Films of the training.
    marked : sequence of sequence of Mark
        The noted markers of each film.
    seed : int
        Seed of all random choices.
    """

    def __init__(
        self,
        films: Sequence[NDArray[np.uint8]],
        marked: Sequence[Sequence[Mark]],
        seed: int,
    ) -> None:
        self.films, self.marked, self.seed = films, marked, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw batch after batch."""
        drawer = Drawer(random_of_worker(self.seed), self.films, self.marked)
        while True:
            pieces, goals = zip(*(drawer.piece() for _ in range(BATCH)), strict=True)
            pictures = torch.from_numpy(np.stack(pieces)[:, None]).float() / 127.5 - 1
            yield pictures, torch.from_numpy(np.stack(goals))


def loss(logits: Tensor, goal: Tensor) -> Tensor:
    """Return the focal loss summed over all known places, divided by the places of letters."""
    errors = functional.cross_entropy(logits, goal, ignore_index=-1, reduction="none")
    weights = (1 - torch.exp(-errors)) ** FOCUS
    return (errors * weights).sum() / (goal > 0).sum().clamp(min=1)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--out", type=Path, default=RUNS / "marker")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights to start from, a marker.pt")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    places = read_places()
    rows = [
        row
        for row in split(read_manifest(given.manifest), SPLIT).whole
        if row.file in places or row.source in WITHOUT_MARKERS
    ]
    films = [read_picture(given.manifest.parent / row.file).values for row in rows]
    marked = [places.get(row.file, ()) for row in rows]
    print(f"{len(films)} films, {sum(map(bool, marked))} of them with noted markers", flush=True)
    plan = Plan(
        given.steps,
        given.seed,
        RATE,
        DECAY,
        AVERAGE,
        steepest=5.0,
        workers=given.workers,
        start=given.start,
    )
    fit(LetterFinder, Pieces(films, marked, given.seed), loss, given.out / "marker.pt", plan)


if __name__ == "__main__":
    main()
