"""Train the letter reader: ``python -m training.markers.train_reader --out runs/marker``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import IterableDataset

from training.manifest import read_manifest
from training.markers.fit import Plan, fit, random_of_worker
from training.markers.places import Mark, read_places
from training.markers.reader_network import LetterReader
from training.markers.reader_pieces import ReaderDrawer
from training.paths import MANIFEST, RUNS
from training.pictures import read_picture
from training.split import SPLIT, split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

BATCH = 96
DECAY = 1e-3

AVERAGE = 0.995
"""Decay of the running average of the weights."""


class Pieces(IterableDataset[tuple["Tensor", "Tensor"]]):
    """Endless batches of pieces.

    Parameters
    ----------
    folder : Path
        Folder of the pictures.
    learn : collection of str
        The training's pictures; noted places on others are left out.
    seed : int
        Seed of all random choices.
    """

    def __init__(self, folder: Path, learn: Collection[str], seed: int) -> None:
        marks, nothing = (
            {name: places for name, places in read_places(nothing=which).items() if name in learn}
            for which in (False, True)
        )
        names = sorted({*marks, *nothing})
        numbers = {name: number for number, name in enumerate(names)}
        self.films: list[NDArray[np.uint8]] = [read_picture(folder / name).values for name in names]
        self.marked: list[list[Mark]] = [marks.get(name, []) for name in names]
        self.mistaken = [
            (numbers[name], x, y) for name, places in nothing.items() for x, y, _, _ in places
        ]
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw batch after batch."""
        random = random_of_worker(self.seed)
        drawer = ReaderDrawer(random, self.films, self.marked, self.mistaken)
        while True:
            pieces, letters = zip(*(drawer.sample() for _ in range(BATCH)), strict=True)
            yield torch.from_numpy(np.stack(pieces)[:, None]), torch.tensor(letters)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--out", type=Path, default=RUNS / "marker")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights to start from, a reader.pt")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    plan = Plan(
        given.steps,
        given.seed,
        given.rate,
        DECAY,
        AVERAGE,
        rise=0.15,
        say_every=50,
        workers=given.workers,
        start=given.start,
    )
    learn = {row.file for row in split(read_manifest(given.manifest), SPLIT).whole}
    pieces = Pieces(given.manifest.parent, learn, given.seed)
    fit(LetterReader, pieces, functional.cross_entropy, given.out / "reader.pt", plan)


if __name__ == "__main__":
    main()
