"""Series, studies and patients: what stands for their instances, written when those changed."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from bodypart.rollup import roll_up
from service.errors import NotFoundError
from service.queue.tasks import Kind, Task

if TYPE_CHECKING:
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.records.index import Index

_REST = 9
"""A roll-up rests for so many times what it took: those of one resource take a tenth of a core."""
_QUICK = 0.01
"""Seconds; what takes no longer rests no longer than requests for it are collected anyway."""
_MOST_RESTING = 1000


class RollUps:
    """Writes roll-ups.

    One reads all instances below its resource, so that a patient of whom a hundred thousand arrive
    must not have it written after every one.

    Parameters
    ----------
    annotations, index, tasks
        The records.
    report_after : float or None
        Seconds that a study's answer must have stood before its report is due; None where no
        reports are stored.
    """

    def __init__(
        self, annotations: Annotations, index: Index, tasks: Tasks, *, report_after: float | None
    ) -> None:
        self._annotations = annotations
        self._index = index
        self._tasks = tasks
        self._report_after = report_after
        self._rested: dict[str, float] = {}

    def rest(self, task: Task) -> float:
        """Return for how many seconds the roll-up of a resource is to stay as it is."""
        return self._rested.get(task.resource, 0.0) - time.monotonic()

    def write(self, task: Task) -> None:
        """Write the roll-up of a resource.

        Raises
        ------
        ArchiveError, RecordError
            If it could not be written; it may be tried again.
        """
        level, resource = task.level, task.resource
        began = time.thread_time()
        patient = self._index.patient_of(level, resource)
        try:
            with self._annotations.lock_above(patient) if patient else nullcontext():
                children = self._index.children(level, resource)
                note = roll_up(level, resource, children) if children else None
                self._annotations.put_roll_up(level, resource, note)
        except NotFoundError:
            return  # Deleted meanwhile.
        self._note_cost(resource, time.thread_time() - began)
        if level == "studies" and self._report_after is not None:
            with self._index.database.write() as connection:
                self._tasks.ask(
                    connection,
                    Kind.REPORT,
                    [resource],
                    level="studies",
                    delay=self._report_after,
                    postpone=True,
                )

    def _note_cost(self, resource: str, seconds: float) -> None:
        now = time.monotonic()
        if len(self._rested) > _MOST_RESTING:
            self._rested = {one: end for one, end in self._rested.items() if end > now}
        if seconds > _QUICK:
            self._rested[resource] = now + _REST * seconds
