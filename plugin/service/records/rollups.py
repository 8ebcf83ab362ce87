"""Series, studies and patients: what stands for their instances, written when those changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bodypart.rollup import roll_up
from service.errors import NotFoundError
from service.queue.tasks import Kind, Task

if TYPE_CHECKING:
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.records.index import Index


class RollUps:
    """Writes roll-ups.

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

    def write(self, task: Task) -> None:
        """Write the roll-up of a resource.

        Raises
        ------
        ArchiveError, RecordError
            If it could not be written; it may be tried again.
        """
        level, resource = task.level, task.resource
        children = self._index.children(level, resource)
        try:
            note = roll_up(level, resource, children) if children else None
            self._annotations.put_roll_up(level, resource, note)
        except NotFoundError:
            return  # Deleted meanwhile.
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
