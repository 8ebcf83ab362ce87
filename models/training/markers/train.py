"""Train the letter finder: ``python -m training.markers.train --out runs/marker``."""

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

from training.manifest import read_manifest
from training.markers.drawing import Drawer
from training.markers.network import LetterFinder
from training.markers.places import WITHOUT_MARKERS, read_places
from training.pictures import read_picture
from training.split import SPLIT, split
from training.train import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from training.markers.places import Mark

BATCH = 32
RATE = 4e-3
DECAY = 1e-4
FOCUS = 2.0
"""How much less an answer counts that is right already (Lin et al. 2017)."""

AVERAGE = 0.998
"""What the averaged weights keep at each step."""


class Pieces(IterableDataset[tuple["Tensor", "Tensor"]]):
    """Batches of drawn pieces without end.

    Parameters
    ----------
    films : sequence of ndarray of uint8
        Films of the training.
    marked : sequence of sequence of Mark
        What is known to stand on each.
    seed : int
        Where all choices come from.
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
        worker = get_worker_info()
        random = np.random.default_rng((self.seed, worker.id if worker else 0))
        drawer = Drawer(random, self.films, self.marked)
        while True:
            pieces, goals = zip(*(drawer.piece() for _ in range(BATCH)), strict=True)
            pictures = torch.from_numpy(np.stack(pieces)[:, None])
            yield pictures, torch.from_numpy(np.stack(goals))


def loss(logits: Tensor, goal: Tensor) -> Tensor:
    """Return the focused cross entropy of the places that are known, for each place of a letter."""
    errors = functional.cross_entropy(logits, goal, ignore_index=-1, reduction="none")
    weights = (1 - torch.exp(-errors)) ** FOCUS
    return (errors * weights).sum() / (goal > 0).sum().clamp(min=1)


def average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    """Move averaged weights a little towards those of a network."""
    with torch.no_grad():
        for ours, theirs in zip(
            averaged.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - keep)
            else:
                ours.copy_(theirs)


def train(
    films: Sequence[NDArray[np.uint8]],
    marked: Sequence[Sequence[Mark]],
    out: Path,
    *,
    steps: int,
    seed: int,
    workers: int,
    start: Path | None = None,
) -> None:
    """Train for so many batches and write ``marker.pt`` to ``out``, also on the way."""
    torch.manual_seed(seed)
    # Twice as fast on a CPU.
    layout = torch.channels_last
    network = LetterFinder().to(memory_format=layout)
    if start:
        network.load_state_dict(torch.load(start, weights_only=True))
    averaged = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    loader = DataLoader(Pieces(films, marked, seed), batch_size=None, num_workers=workers)
    out.mkdir(parents=True, exist_ok=True)
    began, mean = time.monotonic(), 0.0
    for step, (pictures, goal) in zip(range(1, steps + 1), loader, strict=False):
        seen = (pictures.float() / 127.5 - 1).to(memory_format=layout)
        error = loss(network(seen), goal)
        optimiser.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        average(averaged, network, min(AVERAGE, step / (step + 10)))
        mean += (error.item() - mean) / min(step, 100)
        if step % 100 == 0:
            print(f"{step} {mean:.3f} {time.monotonic() - began:.0f} s", flush=True)
            torch.save(averaged.state_dict(), out / "marker.pt")
    torch.save(averaged.state_dict(), out / "marker.pt")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = HERE.parents[2] / "shared"
    parser.add_argument("--manifest", type=Path, default=shared / "radiographs/manifest.csv")
    parser.add_argument("--out", type=Path, default=HERE / "runs/marker")
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
    train(
        films,
        marked,
        given.out,
        steps=given.steps,
        seed=given.seed,
        workers=given.workers,
        start=given.start,
    )


if __name__ == "__main__":
    main()
