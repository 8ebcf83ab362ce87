"""The training loop of both the letter finder and the letter reader."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

Batches: TypeAlias = IterableDataset[tuple["Tensor", "Tensor"]]
"""Endless batches of pictures and their targets."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to train.

    Attributes
    ----------
    steps : int
        Number of batches.
    seed : int
        Seed of the first weights.
    rate : float
        Highest learning rate.
    decay : float
        Weight decay.
    keep : float
        Decay of the running average of the weights.
    rise : float
        Share of the steps in which the rate rises.
    steepest : float
        Norm to which a gradient is clipped.
    say_every : int
        Steps between two printed lines, at which the weights are written too.
    workers : int
        Processes that draw pictures; with 0, this process does.
    start : Path or None
        Weights to start from.
    """

    steps: int
    seed: int
    rate: float
    decay: float
    keep: float
    rise: float = 0.3
    steepest: float = float("inf")
    say_every: int = 100
    workers: int = 0
    start: Path | None = None


def random_of_worker(seed: int) -> np.random.Generator:
    """Return the random generator of the present worker process: each has another seed."""
    worker = get_worker_info()
    return np.random.default_rng((seed, worker.id if worker else 0))


def fit(
    make: Callable[[], nn.Module],
    batches: Batches,
    loss: Callable[[Tensor, Tensor], Tensor],
    file: Path,
    plan: Plan,
) -> None:
    """Train a network, and write its averaged weights to a file now and then and at the end.

    Parameters
    ----------
    make : callable
        Returns the network.
    batches : IterableDataset
        Pictures, greys -1 to 1, shape (N, 1, rows, columns), and their targets.
    loss : callable
        Takes the network's outputs and the targets of a batch, returns the loss.
    file : Path
        File for the weights.
    plan : Plan
        How long and how fast to train.
    """
    torch.manual_seed(plan.seed)
    # This layout is twice as fast on a CPU.
    layout = torch.channels_last
    network = make().to(memory_format=layout)
    if plan.start:
        network.load_state_dict(torch.load(plan.start, weights_only=True))
    averaged = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.rate, total_steps=plan.steps, pct_start=plan.rise
    )
    loader = DataLoader(batches, batch_size=None, num_workers=plan.workers)
    file.parent.mkdir(parents=True, exist_ok=True)
    began, mean = time.monotonic(), 0.0
    for step, (pictures, right) in zip(range(1, plan.steps + 1), loader, strict=False):
        error = loss(network(pictures.to(memory_format=layout)), right)
        optimiser.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), plan.steepest)
        optimiser.step()
        schedule.step()
        _average(averaged, network, min(plan.keep, step / (step + 10)))
        mean += (error.item() - mean) / min(step, plan.say_every)
        if step % plan.say_every == 0 or step == plan.steps:
            print(f"{step} {mean:.3f} {time.monotonic() - began:.0f} s", flush=True)
            torch.save(averaged.state_dict(), file)


def _average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    """Update the running average with the weights of a network."""
    with torch.no_grad():
        for ours, theirs in zip(
            averaged.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - keep)
            else:
                ours.copy_(theirs)
