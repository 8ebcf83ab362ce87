"""The threads that do the tasks: which does which kinds, and what happens when a task fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from service.decoders.pool import EngineDownError, WorkerDiedError
from service.errors import (
    ArchiveError,
    DamagedError,
    LostFileError,
    NotFoundError,
    RecordError,
    ServiceError,
)
from service.lasting import kind_and_place, lasting
from service.queue.tasks import Kind, Mode, Priority, Task

if TYPE_CHECKING:
    import threading

    from bodypart.settings import Settings
    from service.annotator import Annotator
    from service.decoders.pool import Engine
    from service.dicom_tags.in_place import InPlace
    from service.dicom_tags.structured_reports import Reports
    from service.orthanc_api.resources import ReadFile
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.records.rollups import RollUps
    from service.reviewer import Reviewer
    from service.work.change_log import ChangeLog

_DEATHS_TO_QUARANTINE = 2
_AHEAD = 1
"""Annotating threads beyond the number of decoders: one fetches or stores while all decode."""
_PAUSE_WHILE_DOWN = 0.5
_PAUSE_AFTER_TROUBLE = 1.0
_PAUSE_AFTER_STUMBLE = 5.0
_LONGEST_PAUSE = 300.0
_FOLLOW_UP_TRIES = 5
_REWRITE_TRIES = 12
"""About a quarter of an hour while Orthanc fails: deliveries wait for the file."""
_ROLL_UPS_TOGETHER = 24
"""The roll-ups of eight pictures, each of another patient."""
Log = Callable[[str], None]


class Workers:
    """Does the tasks until the service stops.

    Parameters
    ----------
    settings, tasks, decoders, annotator, reviewer, annotations, roll_ups, change_log
        The service's other parts.
    damaged : callable
        Called with the error if a database is damaged.
    in_place : InPlace or None
        Rewrites files, if the operator wants it.
    reports : Reports or None
        Stores reports, if the operator wants it.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        settings: Settings,
        tasks: Tasks,
        decoders: Engine,
        annotator: Annotator,
        reviewer: Reviewer,
        annotations: Annotations,
        roll_ups: RollUps,
        change_log: ChangeLog,
        *,
        damaged: Callable[[DamagedError], None],
        in_place: InPlace | None,
        reports: Reports | None,
        log: Log,
    ) -> None:
        self._settings = settings
        self._tasks = tasks
        self._decoders = decoders
        self._annotator = annotator
        self._reviewer = reviewer
        self._annotations = annotations
        self._roll_ups = roll_ups
        self._change_log = change_log
        self._damaged = damaged
        self._in_place = in_place
        self._reports = reports
        self._log = log

    def threads(self, stopping: threading.Event) -> list[threading.Thread]:
        """Return the threads, not started yet."""
        plan: list[tuple[str, tuple[Kind, ...], Callable[[list[Task]], None]]] = [
            (
                f"annotate-{number}",
                (Kind.APPLY, Kind.ANNOTATE, Kind.LOOK),
                self._annotate_and_rewrite,
            )
            for number in range(self._settings.workers + _AHEAD)
        ]
        plan.append(("roll-up", (Kind.ROLL_UP,), self._roll_up))
        if self._in_place:
            kinds = (Kind.REWRITE, Kind.RECONSTRUCT)
            plan.append(("rewrite", kinds, _one_by_one(self._follow_up)))
        if self._reports:
            plan.append(("report", (Kind.REPORT,), _one_by_one(self._follow_up)))
        return [
            lasting(name, partial(self._work, kinds, do, stopping), stopping, self._log)
            for name, kinds, do in plan
        ]

    def _work(
        self, kinds: tuple[Kind, ...], do: Callable[[list[Task]], None], stopping: threading.Event
    ) -> None:
        needs_decoder = kinds != (Kind.ROLL_UP,)
        most = 1 if needs_decoder else _ROLL_UPS_TOGETHER
        while not stopping.is_set():
            # Rewriting and reports need no network.
            able = self._decoders.ready if Kind.ANNOTATE in kinds else self._decoders.running
            if needs_decoder and not able:
                stopping.wait(0.1)
                continue
            while Kind.ANNOTATE in kinds and (burst := self._change_log.burst()):
                if stopping.wait(burst):
                    return
            claimed: list[Task] = []
            try:
                claimed = self._tasks.wait(kinds, stopping, most)
                if claimed:
                    do(claimed)
            except DamagedError as error:
                self._damaged(error)
                return
            except Exception as error:
                # A transient failure of the database must not end the queue.
                self._log(f"the queue failed and starts again: {kind_and_place(error)}")
                self._give_back(claimed, stopping, foreseen=isinstance(error, ServiceError))

    def _give_back(self, claimed: list[Task], stopping: threading.Event, *, foreseen: bool) -> None:
        """Release the tasks that could not be ended, once the records can be written again."""
        left = list(claimed)
        while not stopping.wait(_PAUSE_AFTER_TROUBLE) and left:
            with suppress(RecordError):
                while left:
                    pause = max(_PAUSE_AFTER_STUMBLE, 0.0 if foreseen else _pause_after(left[-1]))
                    self._tasks.retry(left[-1], pause, counts=not foreseen)
                    left.pop()

    def _annotate_and_rewrite(self, claimed: list[Task]) -> None:
        """Annotate, and rewrite the file at once if that is due, while it is still in memory."""
        read = self._annotate(claimed[0])
        if read is None or self._in_place is None:
            return
        with self._in_place.turn() as ours:
            rewrite = self._tasks.claim_this(Kind.REWRITE, claimed[0].resource) if ours else None
            if rewrite:
                # From here on, this is the task to give back if anything fails.
                claimed[:] = [rewrite]
                self._follow_up(rewrite, read)

    def _annotate(self, task: Task) -> ReadFile | None:
        """Do a task; return the file if it was read and is to be rewritten."""
        try:
            if task.kind == Kind.APPLY:
                self._reviewer.apply_word(task)
            elif task.kind == Kind.LOOK:
                self._annotator.look(task)
            else:
                if task.priority == Priority.STUCK and task.deaths >= _DEATHS_TO_QUARANTINE:
                    # Reading it again, only to note the failure, would kill one more decoder.
                    reason = f"quarantined: decoders died on it, {task.deaths} times"
                    self._give_up(task, reason, died=False)
                    return None
                if self._in_place:
                    # The present file may be ours, from a rewrite that is not finished.
                    self._in_place.mend(task.resource)
                urgent = task.priority == Priority.PERSON
                mode = Mode(task.mode)
                return self._annotator.annotate(task.resource, mode, urgent=urgent, task=task)
        except NotFoundError:
            self._annotations.gone(task.resource)
            if task.kind == Kind.LOOK:
                self._annotator.look_no_more(task)
            else:
                self._tasks.finish(task)
        except EngineDownError:
            self._tasks.retry(task, _PAUSE_WHILE_DOWN, counts=False)
        except ServiceError as error:
            self._try_again(task, error)
        except Exception as error:
            self._tell_of_stumble(task, error)
            self._try_again(task, error)
        return None

    def _try_again(self, task: Task, error: Exception) -> None:
        away = isinstance(error, ArchiveError | RecordError) and not isinstance(
            error, LostFileError
        )
        if task.kind == Kind.APPLY or (task.kind == Kind.LOOK and away):
            # A word is never given up: a full disk may last for days.
            self._tasks.retry(task, _pause_after(task))
            return
        died = isinstance(error, WorkerDiedError)
        deaths, attempts = task.deaths + died, task.attempts + 1
        if deaths >= _DEATHS_TO_QUARANTINE:
            reason = f"quarantined: {error}, {deaths} times"
        elif attempts > self._settings.retries:
            reason = f"given up after {attempts} attempts: {_told(error)}"
        else:
            delay = self._settings.retry_delay * 2 ** (attempts - 1)
            self._tasks.retry(task, delay, died=died)
            return
        self._log(f"instance {task.resource} failed: {reason}")
        if task.kind == Kind.LOOK:
            # Only its word stays unlearned; the annotation is not touched.
            self._annotator.look_no_more(task)
        else:
            self._give_up(task, reason, died=died)

    def _give_up(self, task: Task, reason: str, *, died: bool) -> None:
        """Note that an instance failed; if even that fails, its task waits behind all others."""
        try:
            self._annotator.give_up(task, reason)
        except NotFoundError:
            self._annotations.gone(task.resource)
            self._tasks.finish(task)
        except RecordError:
            raise
        except Exception as error:
            if not isinstance(error, ArchiveError):
                self._tell_of_stumble(task, error)
            # Orthanc may be away for long, or never accept anything for this one instance.
            self._tasks.retry(task, _pause_after(task), died=died, priority=Priority.STUCK)

    def _roll_up(self, claimed: list[Task]) -> None:
        """Write those roll-ups that are due, together; one that fails is tried again later."""
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
                    self._tell_of_stumble(task, error)
                self._try_to_follow_again(task, error)
        self._tasks.finish_all([task for task, error in tried.items() if error is None])
        self._tasks.let_go([task for task in due if task not in tried])

    def _follow_up(self, task: Task, read: ReadFile | None = None) -> None:
        """Do a task that follows a record: a rewrite, a reconstruction or a report."""
        try:
            self._do(task, read)
        except EngineDownError:
            self._tasks.retry(task, _PAUSE_WHILE_DOWN, counts=False)
        except ServiceError as error:
            self._try_to_follow_again(task, error)
        except Exception as error:
            self._tell_of_stumble(task, error)
            self._try_to_follow_again(task, error)
        else:
            self._tasks.finish(task)

    def _tell_of_stumble(self, task: Task, error: Exception) -> None:
        """Log an unforeseen error; the task is tried again like others, but not for ever."""
        why = kind_and_place(error)
        self._log(f"{task.kind} of {task.level} {task.resource} failed unexpectedly: {why}")

    def _try_to_follow_again(self, task: Task, error: Exception) -> None:
        """Try a rewrite, report or roll-up again if that may help; otherwise log it and give up."""
        if self._may_help(task, error):
            self._tasks.retry(task, _pause_after(task))
            return
        self._log(f"{task.kind} of {task.level} {task.resource} failed: {_told(error)}")
        if task.kind == Kind.REWRITE and self._in_place:
            try:
                self._in_place.give_up(task, f"it could not be done: {type(error).__name__}")
            except RecordError:
                raise
            except Exception as further:
                # What an overwrite wiped must be restored, however long that takes.
                if not isinstance(further, ArchiveError):
                    self._tell_of_stumble(task, further)
                self._tasks.retry(task, _pause_after(task))
                return
        self._tasks.finish(task)

    def _may_help(self, task: Task, error: Exception) -> bool:
        """Return whether a further try may help: without limit where nobody waits for it."""
        if not isinstance(error, ArchiveError | RecordError):
            return task.attempts + 1 < _FOLLOW_UP_TRIES
        return task.kind != Kind.REWRITE or task.attempts + 1 < _REWRITE_TRIES

    def _do(self, task: Task, read: ReadFile | None) -> None:
        if task.kind == Kind.REPORT and self._reports:
            self._reports.write(task)
        elif task.kind == Kind.REWRITE and self._in_place:
            self._in_place.rewrite(task, read)
        elif task.kind == Kind.RECONSTRUCT and self._in_place:
            self._in_place.main_tags.follow(task)


def _pause_after(task: Task) -> float:
    """Return the seconds before a task is tried again: doubled each time, up to a limit."""
    return min(_LONGEST_PAUSE, _PAUSE_AFTER_TROUBLE * 2.0 ** min(task.attempts, 20))


def _told(error: Exception) -> str:
    """Return what may be told of an error: the text of an unforeseen one may hold values."""
    return str(error) if isinstance(error, ServiceError) else type(error).__name__


def _one_by_one(do: Callable[[Task], None]) -> Callable[[list[Task]], None]:
    def do_all(claimed: list[Task]) -> None:
        for task in claimed:
            do(task)

    return do_all
