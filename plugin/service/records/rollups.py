"""Roll-ups of series, studies and patients, written when an instance changed."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from bodypart.rollup import roll_up
from service.errors import DamagedError, NotFoundError
from service.queue.tasks import Kind, Task

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from bodypart.rollup import Summary
    from service.records.records import Records

_REST = 9
"""A roll-up pauses for this many times as long as it took: one resource costs a tenth of a core."""
_QUICK = 0.01
"""Seconds; a roll-up that took no longer does not pause."""
_MOST_RESTING = 1000
_LONG_ENOUGH = 0.25
"""Seconds after which the rest of the roll-ups claimed together is released."""


class RollUps:
    """Writes roll-ups.

    Each reads all instances below its resource, so that it must not be written after every single
    one of a hundred thousand that arrive for one patient.

    Parameters
    ----------
    records : Records
        What is rolled up.
    report_after : float or None
        Seconds without a change of a study's roll-up before its report is due; None if no reports
        are stored.
    stopping : threading.Event
        Set when the service stops.
    """

    def __init__(
        self,
        records: Records,
        *,
        report_after: float | None,
        stopping: threading.Event,
    ) -> None:
        self._annotations = records.annotations
        self._index = records.index
        self._tasks = records.tasks
        self._report_after = report_after
        self._stopping = stopping
        self._rested: dict[str, float] = {}

    def rest(self, task: Task) -> float:
        """Return the seconds for which the roll-up of a resource still pauses."""
        return self._rested.get(task.resource, 0.0) - time.monotonic()

    def write(self, tasks: Sequence[Task]) -> dict[Task, Exception | None]:
        """Write roll-ups; return those that were tried, each with its error or None.

        A picture that arrives changes its series, study and patient: if all three are asked for,
        the instances are read once. After a quarter of a second, and when the service stops, the
        rest is not tried.

        Raises
        ------
        DamagedError
            If the index is damaged.
        """
        end = time.monotonic() + _LONG_ENOUGH
        left = {task.resource: task for task in tasks}
        tried: dict[Task, Exception | None] = {}
        for task in sorted(tasks, key=lambda one: one.level != "patients"):
            if tried and (self._stopping.is_set() or time.monotonic() > end):
                break
            if task.resource in left:
                tried |= self._write(task, left)
        return tried

    def _write(self, task: Task, left: dict[str, Task]) -> dict[Task, Exception | None]:
        """Write a roll-up and, below a patient, those of ``left``; remove them from ``left``."""
        level, resource = task.level, task.resource
        del left[resource]
        tried: dict[Task, Exception | None] = {task: None}
        began = time.thread_time()
        try:
            patient = resource if level == "patients" else self._index.patient_of(level, resource)
            with self._annotations.lock_above(patient) if patient else nullcontext():
                if level == "patients":
                    children, below = self._index.below(resource, left)
                else:
                    children, below = self._index.children(level, resource), {}
                tried[task] = self._error_of(task, children, began)
                for one in below:
                    if self._stopping.is_set():
                        break
                    also = left.pop(one)
                    tried[also] = self._error_of(also, below[one], time.thread_time())
        except DamagedError:
            raise
        except Exception as error:
            # Unforeseen errors too, so that the others claimed with it are written.
            tried[task] = error
        return tried

    def _error_of(self, task: Task, children: list[Summary], began: float) -> Exception | None:
        """Write a roll-up of these instances; return the error if it could not be written."""
        level, resource = task.level, task.resource
        try:
            note = roll_up(level, resource, children) if children else None
            self._annotations.put_roll_up(level, resource, note)
            if level == "studies" and self._report_after is not None:
                self._ask_for_report(resource, self._report_after)
        except NotFoundError:
            return None  # Deleted meanwhile.
        except DamagedError:
            raise
        except Exception as error:
            return error
        self._note_cost(resource, time.thread_time() - began)
        return None

    def _ask_for_report(self, study: str, delay: float) -> None:
        with self._index.database.write() as connection:
            self._tasks.ask(
                connection, Kind.REPORT, [study], level="studies", delay=delay, postpone=True
            )

    def _note_cost(self, resource: str, seconds: float) -> None:
        now = time.monotonic()
        if len(self._rested) > _MOST_RESTING:
            self._rested = {one: end for one, end in self._rested.items() if end > now}
        if seconds > _QUICK:
            self._rested[resource] = now + _REST * seconds
