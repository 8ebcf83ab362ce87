"""Train the letter reader: ``python -m training.markers.train_reader --out runs/marker``."""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.markers.places import Mark, read_places
from training.markers.reader_network import LetterReader
from training.markers.reader_pieces import ReaderDrawer
from training.markers.train import average
from training.pictures import read_picture
from training.train import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

BATCH = 96
DECAY = 1e-3

AVERAGE = 0.995
"""What the averaged weights keep at each step."""


class Pieces(IterableDataset[tuple["Tensor", "Tensor"]]):
    """Batches of pieces without end.

    Parameters
    ----------
    folder : Path
        Where the pictures lie.
    seed : int
        Where all choices come from.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        marks, nothing = read_places(), read_places(nothing=True)
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
        worker = get_worker_info()
        random = np.random.default_rng((self.seed, worker.id if worker else 0))
        drawer = ReaderDrawer(random, self.films, self.marked, self.mistaken)
        while True:
            pieces, letters = zip(*(drawer.sample() for _ in range(BATCH)), strict=True)
            yield torch.from_numpy(np.stack(pieces)[:, None]), torch.tensor(letters)


def train(
    pieces: Pieces, out: Path, *, steps: int, rate: float, workers: int, start: Path | None
) -> None:
    """Train for so many batches and write ``reader.pt`` to ``out``, also on the way."""
    torch.manual_seed(pieces.seed)
    layout = torch.channels_last
    network = LetterReader()
    if start:
        network.load_state_dict(torch.load(start, weights_only=True))
    network = network.to(memory_format=layout)
    averaged = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=steps, pct_start=0.15
    )
    loader = DataLoader(pieces, batch_size=None, num_workers=workers)
    out.mkdir(parents=True, exist_ok=True)
    began, mean = time.monotonic(), 0.0
    for step, (picture, letter) in zip(range(1, steps + 1), loader, strict=False):
        logits = network(picture.to(memory_format=layout))
        error = functional.cross_entropy(logits, letter)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        schedule.step()
        average(averaged, network, min(AVERAGE, step / (step + 10)))
        mean += (error.item() - mean) / min(step, 50)
        if step % 50 == 0 or step == steps:
            print(f"{step} {mean:.3f} {time.monotonic() - began:.0f} s", flush=True)
            torch.save(averaged.state_dict(), out / "reader.pt")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = HERE.parents[2] / "shared"
    parser.add_argument("--pictures", type=Path, default=shared / "radiographs")
    parser.add_argument("--out", type=Path, default=HERE / "runs/marker")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights to start from, a reader.pt")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train(
        Pieces(given.pictures, given.seed),
        given.out,
        steps=given.steps,
        rate=given.rate,
        workers=given.workers,
        start=given.start,
    )


if __name__ == "__main__":
    main()
