"""A task: which kind of work, why, how urgent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.orthanc_api.archive import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

HELPER = "a helper"
"""Beginning of ``claimed_by`` for tasks lent to other machines; the helper's name follows."""


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
    """It arrived; if it is annotated already, or its annotation was removed, it stays as it is."""
    ASKED = "asked"
    """Somebody asked for all that have no annotation."""
    AGAIN = "again"
    """Somebody asked for this one, annotated or not."""


class Priority:
    """Order of tasks: a person's, new arrivals, looks for the memory, the old stock.

    Stuck tasks, whose failure could not even be noted and which may fail for ever, come last, so
    that they hold up nothing else.
    """

    PERSON = 0
    ARRIVAL = 10
    LOOK = 20
    BACKFILL = 30
    STUCK = 40


@dataclass(frozen=True, slots=True)
class Task:
    """A task as given to a worker; fields are columns of the table."""

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
        """Whether the task is on the old stock."""
        # A new arrival that is stuck has such a priority too, but is no old stock.
        return self.priority >= Priority.BACKFILL and self.mode != Mode.NEW


def helper_of(name: str | None) -> str:
    """Return ``claimed_by`` for a helper; all helpers without a name share one."""
    return f"{HELPER} {name}" if name else HELPER


def upwards(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks in the one order in which several are ended, so that nodes do not deadlock."""
    return sorted(tasks, key=lambda task: (LEVELS.index(task.level), task.resource))
