"""A task as everybody knows it: what kind of work, why, how urgent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.orthanc_api.archive import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

HELPER = "a helper"
"""Who has claimed what is lent to other machines; behind it stands the helper's name."""


class Kind(StrEnum):
    """Kinds of work."""

    ANNOTATE = "annotate"
    REWRITE = "rewrite"
    ROLL_UP = "roll-up"
    REPORT = "report"
    RECONSTRUCT = "reconstruct"
    APPLY = "apply"
    LOOK = "look"


class Mode(StrEnum):
    """Why an instance is to be annotated, the weakest reason first."""

    NEW = "new"
    """It arrived: one that was annotated, or whose annotation was removed, stays as it is."""
    ASKED = "asked"
    """Somebody asked for all that have no annotation."""
    AGAIN = "again"
    """Somebody asked for this one, annotated or not."""


class Priority:
    """Who goes first: a person, what arrives, what is learned from, the old stock.

    Last what could not even be given up, and may fail for ever: it holds up nothing else.
    """

    PERSON = 0
    ARRIVAL = 10
    LOOK = 20
    BACKFILL = 30
    STUCK = 40


@dataclass(frozen=True, slots=True)
class Task:
    """A task as a worker has it."""

    kind: str
    resource: str
    level: str
    mode: str
    priority: int
    sequence: int | None
    generation: int
    attempts: int
    deaths: int
    claimed_by: str | None

    @property
    def of_old_stock(self) -> bool:
        """Whether it is on what was stored long ago."""
        # What just arrived and is stuck is as urgent as that, and is none.
        return self.priority >= Priority.BACKFILL and self.mode != Mode.NEW


def helper_of(name: str | None) -> str:
    """Return as whom a helper claims; those that tell no name are one."""
    return f"{HELPER} {name}" if name else HELPER


def upwards(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks in the order in which several are ended: no two nodes wait for each other."""
    return sorted(tasks, key=lambda task: (LEVELS.index(task.level), task.resource))
