"""Earlier models as teachers, so that a training that adds a skill forgets less of the others."""

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
"""Logit of labels that a teacher does not know."""


class Teachers:
    """Earlier models, given the same squares as the student.

    A teacher counts only where its most probable label is right, so that it does not pass on its
    errors, and where no other label is right as well: version 1.2 calls pictures "hand" that may be
    called hand or wrist, and a student that learns this from plates unlearns loosely collimated
    wrists. Hinton et al., "Distilling the knowledge in a neural network", 2015; Beyer et al.,
    "Knowledge distillation: a good teacher is patient and consistent", CVPR 2022.

    Parameters
    ----------
    networks : sequence of Network
        The teachers, with the student's labels; they never give those that they do not know.
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
            If a teacher emits labels that the student does not, or learnt from pictures that are
            not clearly licensed while the student may not.
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
        """Return the mean answer of the teachers that count.

        Parameters
        ----------
        squares : Tensor, shape (N, 1, S, S)
            Input of the student.
        right : Tensor, shape (N, labels + 1)
            1 for right classes.

        Returns
        -------
        Tensor, shape (N, labels + 1)
            Probabilities; a row of zeros if no teacher is right, or several labels are.
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
    """Make a network never give some of its labels."""
    head, never = network.examined, torch.tensor([*unknown, False])
    with torch.no_grad():
        head.weight[never] = 0
        head.bias[never] = NEVER
