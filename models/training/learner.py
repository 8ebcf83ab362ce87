"""The network in training, its running average, and the step from a batch of pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.dataset import Targets
from training.loss import loss
from training.network import Answer, Network

if TYPE_CHECKING:
    from torch import Tensor

    from training.teacher import Teachers

EMA_DECAY = 0.996
DECAY = 0.03
"""Weight decay of all parameters but biases."""

HEADS_FASTER = 5
"""Learning rate of the heads, as a multiple of the body's."""

STEEPEST = 2.0
"""Norm to which a step's gradient is clipped."""

RISE = 0.06
"""Fraction of the training during which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the result, besides the pictures.

    Attributes
    ----------
    size : int
        Side of the network's square, in pixels.
    epochs : int
        Number of epochs.
    draws : int
        Pictures drawn in an epoch.
    batch : int
        Pictures in a step.
    frozen : int
        Number of first blocks whose weights are not trained.
    rate : float
        Highest learning rate of the body; that of the heads is :data:`HEADS_FASTER` times as high.
    smoothing : float
        Label smoothing of the examined head.
    seed : int
        Seed of weights, draws and variation.
    bfloat16 : bool
        Whether the network computes in bfloat16: half the time if the processor supports it.
    taught : float
        Weight of the teachers' answers in the loss; the labels have the rest.
    alone : tuple of str
        Labels, or ``child``, whose outputs alone are trained; empty if all are.
    """

    size: int = 160
    epochs: int = 34
    draws: int = 6000
    batch: int = 64
    frozen: int = 3
    rate: float = 4e-4
    smoothing: float = 0.06
    seed: int = 7
    bfloat16: bool = False
    taught: float = 0.5
    alone: tuple[str, ...] = ()


class Learner:
    """A network in training.

    Parameters
    ----------
    network : Network
        The network to train, with its first weights.
    teachers : Teachers
        Earlier models whose answers are learnt too; there may be none.
    plan : Plan
        Rates and shares.
    device : torch.device
        Device on which the network computes.

    Attributes
    ----------
    average : AveragedModel
        The network with the running average of its weights: what is measured and exported.
    """

    def __init__(
        self, network: Network, teachers: Teachers, plan: Plan, device: torch.device
    ) -> None:
        self.network, self._teachers, self._plan, self._device = network, teachers, plan, device
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY))
        self._optimizer = torch.optim.AdamW(
            _groups(network, plan.rate, decay=0.0 if plan.alone else DECAY)
        )
        self._peaks = [float(group["lr"]) for group in self._optimizer.param_groups]

    def step(self, squares: Tensor, goal: Targets, progress: float) -> float:
        """Learn from a batch; return its loss.

        Parameters
        ----------
        squares : Tensor, shape (N, 1, S, S)
            Varied pictures.
        goal : Targets
            Their targets.
        progress : float
            Fraction of the training that is done, 0 to 1.
        """
        here = squares.to(self._device, memory_format=torch.channels_last)
        goal_here = Targets(*(part.to(self._device) for part in goal))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._plan.bfloat16):
            answer = self.network(here)
            told = self._teachers.networks
            taught = self._teachers.shares(here, goal_here.examined) if told else None
        answer = Answer(*(part.float() for part in answer))
        value = loss(answer, goal_here, self._plan.smoothing, taught, self._plan.taught)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * rate_factor(progress)
        self._optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), STEEPEST)
        self._optimizer.step()
        self.average.update_parameters(self.network)
        return float(value.detach())

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Load the state of a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])


def _groups(network: Network, rate: float, decay: float) -> list[dict[str, Any]]:
    """Return parameter groups: heads fast, body slower, no decay of biases."""
    groups = []
    for heads in (False, True):
        for bias in (False, True):
            parameters = [
                parameter
                for name, parameter in network.named_parameters()
                if parameter.requires_grad
                and (not name.startswith("body")) == heads
                and name.endswith("bias") == bias
            ]
            groups.append(
                {
                    "params": parameters,
                    "lr": rate * (HEADS_FASTER if heads else 1),
                    "weight_decay": 0.0 if bias else decay,
                }
            )
    return groups


def rate_factor(progress: float) -> float:
    """Return the learning rate at a point (0 to 1) of the training, divided by the highest.

    A short linear rise, then half a cosine down to zero.
    """
    if progress < RISE:
        return 0.04 + 0.96 * progress / RISE
    return 0.5 + 0.5 * math.cos(math.pi * (progress - RISE) / (1 - RISE))
