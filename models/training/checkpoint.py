"""The file that a training writes after each epoch and can be resumed from."""

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
        Path of the file.
    plan : Plan
        What decides the result, besides the pictures.
    origin : dict
        Digests and names of what the run learns from and started with.
    """

    path: Path
    plan: Plan
    origin: dict[str, Any]

    def keep(self, learner: Learner, learnt: list[str]) -> None:
        """Write the file, whole or not at all.

        Parameters
        ----------
        learner : Learner
            The learner after the last epoch.
        learnt : list of str
            For each epoch so far, a digest of what it learned from.
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
        """Load the file into a learner, if there is one; return the digests that it keeps.

        Raises
        ------
        TrainingError
            If the run was begun with another plan or origin: its record would not be true.
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
