"""The weights that a training starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from training.errors import TrainingError
from training.manifest import NONE
from training.onnx_graph import weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from training.network import Network


@dataclass(frozen=True, slots=True)
class Start:
    """Weights that a training starts from: the averaged ones of a run, or of an exported model.

    Attributes
    ----------
    weights : dict
        Tensors by their names in the network.
    labels : list of str
        Labels that the weights' model emits.
    licences : str
        Licences of the pictures from which it learnt: ``all`` or ``clear``.
    """

    weights: dict[str, Tensor]
    labels: list[str]
    licences: str

    @classmethod
    def of_checkpoint(cls, state: dict[str, Any]) -> Start:
        """Take the averaged weights of a checkpoint."""
        prefix = "module."
        weights = {
            name.removeprefix(prefix): value
            for name, value in state["average"].items()
            if name.startswith(prefix)
        }
        return cls(weights, state["labels"], state["licences"])

    @classmethod
    def read(cls, path: Path, licences: str = "all") -> Start:
        """Read a checkpoint, or an exported ``.onnx`` file with its JSON beside it.

        Raises
        ------
        TrainingError
            If ``licences`` is ``clear``, and the model learnt from other pictures as well.
        """
        if path.suffix == ".onnx":
            record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            start = cls(weights_of(path), record["labels"], record["training"]["licences"])
        else:
            start = cls.of_checkpoint(torch.load(path, map_location="cpu", weights_only=True))
        if licences == "clear" and start.licences != "clear":
            raise TrainingError(f"{path} learnt from pictures that are not clearly licensed")
        return start

    def load_into(self, network: Network, labels: Sequence[str]) -> None:
        """Load these weights into a network; outputs of labels new to them keep its own."""
        anew = Start(network.state_dict(), list(labels), self.licences)
        network.load_state_dict(self.weights | anew._rows(self))

    def _rows(self, known: Start) -> dict[str, Tensor]:
        """Return the head of the examined part, with another model's rows for the labels it knows.

        Parameters
        ----------
        known : Start
            The other model.
        """
        place = {label: index for index, label in enumerate([*known.labels, NONE])}
        heads = {}
        for name in ("examined.weight", "examined.bias"):
            head = self.weights[name].clone()
            for index, label in enumerate([*self.labels, NONE]):
                if label in place:
                    head[index] = known.weights[name][place[label]]
            heads[name] = head
        return heads

    def averaged_with(self, earlier: Start, share: float) -> Start:
        """Return the mean of these weights and earlier ones; these have the weight ``share``.

        Outputs of labels that the earlier model does not know are taken from these weights alone.

        A fine-tuned model and the one that it started from lie in the same basin of the loss, so
        that a mean of their weights works, and forgets less than the fine-tuned weights do
        (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

        Raises
        ------
        TrainingError
            If the share is not between 0 and 1, the earlier model knows labels that this one does
            not, or only the earlier one learnt from pictures that are not clearly licensed.
        """
        if not 0 <= share <= 1:
            raise TrainingError(f"a share of {share} does not lie between 0 and 1")
        if not set(earlier.labels) <= set(self.labels):
            raise TrainingError("the earlier model knows labels that this one does not")
        if self.licences == "clear" and earlier.licences != "clear":
            raise TrainingError(
                "the earlier model learnt from pictures that are not clearly licensed"
            )
        before = earlier.weights | self._rows(earlier)
        mean = {
            name: share * value + (1 - share) * before[name] for name, value in self.weights.items()
        }
        return Start(mean, self.labels, self.licences)
