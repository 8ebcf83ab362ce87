"""Earlier models teach what they know: a training that adds a skill forgets less of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from training.errors import TrainingError
from training.network import Network
from training.start import Start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NEVER = -1e4
"""Logit of what a teacher does not know."""


class Teachers:
    """Earlier models, asked about the very squares that the student sees.

    A teacher counts where its first answer is right, so that none passes on what it never knew,
    and where no other answer would be: 1.2 calls "hand" what may be called hand or wrist, and a
    student that learns that of plates unlearns the wrists that are collimated loosely. Hinton et
    al., "Distilling the knowledge in a neural network", 2015; Beyer et al., "Knowledge
    distillation: a good teacher is patient and consistent", CVPR 2022.

    Parameters
    ----------
    networks : sequence of Network
        The teachers, of the student's labels; those that they never knew they never say.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = [network.eval().requires_grad_(requires_grad=False) for network in networks]

    @classmethod
    def read(
        cls,
        paths: Sequence[Path],
        labels: Sequence[str],
        visible: int,
        *,
        licences: str,
        device: torch.device,
    ) -> Teachers:
        """Read checkpoints or exported models.

        Raises
        ------
        TrainingError
            If a teacher emits labels that the student does not, or only the student is to learn
            from clearly licensed pictures alone.
        """
        networks = []
        for path in paths:
            earlier = Start.read(path, licences)
            if not set(earlier.labels) <= set(labels):
                raise TrainingError(f"{path} emits labels that this training does not")
            network = Network(len(labels), visible)
            earlier.load_into(network, labels)
            _silence(network, [label not in earlier.labels for label in labels])
            networks.append(network.to(device, memory_format=torch.channels_last))
        return cls(networks)

    @torch.no_grad()
    def shares(self, squares: Tensor, right: Tensor) -> Tensor:
        """Return what the teachers say, the mean of those that count.

        Parameters
        ----------
        squares : Tensor, shape (N, 1, S, S)
            Input of the student.
        right : Tensor, shape (N, labels + 1)
            1 for right classes.

        Returns
        -------
        Tensor, shape (N, labels + 1)
            Probabilities; zeros where no teacher is right, or several answers are.
        """
        alone = (right.sum(dim=1, keepdim=True) == 1).to(right.dtype)
        total = torch.zeros_like(right)
        count = right.new_zeros(len(right), 1)
        for network in self.networks:
            said = functional.softmax(network(squares).logits.float(), dim=1)
            agrees = alone * right.gather(1, said.argmax(dim=1, keepdim=True))
            total += agrees * said
            count += agrees
        return total / count.clamp(min=1)


def _silence(network: Network, unknown: Sequence[bool]) -> None:
    """Let a network never give some of its labels."""
    head, never = network.examined, torch.tensor([*unknown, False])
    with torch.no_grad():
        head.weight[never] = 0
        head.bias[never] = NEVER
