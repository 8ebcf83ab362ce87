"""What a training leaves on disk after each epoch, and goes on from."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from training.learner import Learner, Plan


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file of a run.

    Attributes
    ----------
    path : Path
        Where it lies.
    plan : Plan
        What decides the result, besides the pictures.
    origin : dict
        What the run learns from, and began with: digests and names.
    """

    path: Path
    plan: Plan
    origin: dict[str, Any]

    def keep(self, learner: Learner, learnt: list[str]) -> None:
        """Write it whole or not at all.

        Parameters
        ----------
        learner : Learner
            What has learned.
        learnt : list of str
            A digest of what each epoch so far learned from.
        """
        unfinished = self.path.with_suffix(".new")
        state = {
            **learner.state(),
            "epoch": len(learnt),
            "learnt_sha256": learnt,
            "plan": asdict(self.plan),
            **self.origin,
            "command": " ".join(["python", "-m", "training.train", *sys.argv[1:]]),
        }
        torch.save(state, unfinished)
        unfinished.replace(self.path)

    def go_on(self, learner: Learner) -> list[str]:
        """Take it over, if there is one; return a digest of what each epoch so far learned from.

        Raises
        ------
        TrainingError
            If the run began otherwise: its record would not be true.
        """
        if not self.path.is_file():
            return []
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        now = {**self.origin, **asdict(self.plan)}
        then = {**state, **state["plan"]}
        differ = [name for name in now if name != "epochs" and now[name] != then.get(name)]
        if differ:
            raise TrainingError(
                f"the run was begun with another {', '.join(differ)}: start a new one"
            )
        learner.go_on_from(state)
        learnt: list[str] = state["learnt_sha256"]
        return learnt
