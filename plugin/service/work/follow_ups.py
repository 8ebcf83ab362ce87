"""Does the tasks that follow a record: roll-ups, rewrites, reconstructions and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from service.decoders.pool import EngineDownError
from service.errors import ArchiveError, RecordError, ServiceError
from service.queue.tasks import Kind, Task
from service.work.failures import PAUSE_WHILE_DOWN, pause_after, reason_of, unexpected

if TYPE_CHECKING:
    from service.dicom_tags.in_place import InPlace
    from service.dicom_tags.structured_reports import Reports
    from service.orthanc_api.resources import Content
    from service.queue.tasks import Tasks
    from service.records.rollups import RollUps

_TRIES = 5
_REWRITE_TRIES = 12
"""About a quarter of an hour while Orthanc fails: deliveries wait for the file."""


class FollowUps:
    """Does tasks of the kinds ``roll-up``, ``rewrite``, ``reconstruct`` and ``report``.

    Parameters
    ----------
    tasks : Tasks
        The table.
    roll_ups : RollUps
        Writes roll-ups.
    in_place : InPlace or None
        Rewrites files, if the operator wants it.
    reports : Reports or None
        Stores reports, if the operator wants it.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        tasks: Tasks,
        roll_ups: RollUps,
        in_place: InPlace | None,
        reports: Reports | None,
        log: Callable[[str], None],
    ) -> None:
        self._tasks = tasks
        self._roll_ups = roll_ups
        self._in_place = in_place
        self._reports = reports
        self._log = log

    @property
    def with_files(self) -> bool:
        """Whether files are rewritten."""
        return self._in_place is not None

    @property
    def with_reports(self) -> bool:
        """Whether reports are stored."""
        return self._reports is not None

    def do(self, claimed: list[Task]) -> None:
        """Do the one task of a list: a rewrite, a reconstruction or a report.

        Raises
        ------
        RecordError
            If the task cannot be ended.
        """
        self._follow(claimed[0])

    def mend(self, instance: str) -> None:
        """Finish a rewrite that was interrupted, if there is one.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        if self._in_place:
            self._in_place.mend(instance)

    def rewrite_at_once(self, claimed: list[Task], read: Content) -> None:
        """Rewrite a file that was just read, if that is due and not enough others rewrite.

        Parameters
        ----------
        claimed : list of Task
            The task that annotated it, which is done; replaced by that of the rewrite, as the one
            to give back if anything fails.
        read : Content
            The file.

        Raises
        ------
        RecordError
            If the rewrite cannot be ended.
        """
        if self._in_place is None:
            return
        with self._in_place.turn() as ours:
            rewrite = self._tasks.claim_this(Kind.REWRITE, claimed[0].resource) if ours else None
            if rewrite:
                claimed[:] = [rewrite]
                self._follow(rewrite, read)

    def write_roll_ups(self, claimed: list[Task]) -> None:
        """Write those roll-ups that are due, together; one that fails is tried again later.

        Raises
        ------
        RecordError
            If the tasks cannot be ended.
        """
        due = []
        for task in claimed:
            if (pause := self._roll_ups.rest(task)) > 0:
                self._tasks.retry(task, pause, counts=False)
            else:
                due.append(task)
        tried = self._roll_ups.write(due)
        for task, error in tried.items():
            if error:
                if not isinstance(error, ServiceError):
                    self._log(unexpected(task, error))
                self._try_again(task, error)
        self._tasks.finish_all([task for task, error in tried.items() if error is None])
        self._tasks.let_go([task for task in due if task not in tried])

    def _follow(self, task: Task, read: Content | None = None) -> None:
        try:
            if task.kind == Kind.REPORT and self._reports:
                self._reports.write(task)
            elif task.kind == Kind.REWRITE and self._in_place:
                self._in_place.rewrite(task, read)
            elif task.kind == Kind.RECONSTRUCT and self._in_place:
                self._in_place.main_tags.follow(task)
        except EngineDownError:
            self._tasks.retry(task, PAUSE_WHILE_DOWN, counts=False)
        except ServiceError as error:
            self._try_again(task, error)
        except Exception as error:
            self._log(unexpected(task, error))
            self._try_again(task, error)
        else:
            self._tasks.finish(task)

    def _try_again(self, task: Task, error: Exception) -> None:
        """Try a rewrite, report or roll-up again if that may help; otherwise log it and give up."""
        if _may_help(task, error):
            self._tasks.retry(task, pause_after(task))
            return
        self._log(f"{task.kind} of {task.level} {task.resource} failed: {reason_of(error)}")
        if task.kind == Kind.REWRITE and self._in_place:
            try:
                self._in_place.give_up(task, f"it could not be done: {type(error).__name__}")
            except RecordError:
                raise
            except Exception as further:
                # What an overwrite wiped must be restored, however long that takes.
                if not isinstance(further, ArchiveError):
                    self._log(unexpected(task, further))
                self._tasks.retry(task, pause_after(task))
                return
        self._tasks.finish(task)


def _may_help(task: Task, error: Exception) -> bool:
    """Return whether a further try may help: without limit where nobody waits for it."""
    if not isinstance(error, ArchiveError | RecordError):
        return task.attempts + 1 < _TRIES
    return task.kind != Kind.REWRITE or task.attempts + 1 < _REWRITE_TRIES
