"""Does the tasks of an instance itself: annotate, apply a word, look for the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from service.decoders.pool import DecoderDiedError, EngineDownError
from service.decoders.process import DecoderKilledError
from service.errors import (
    ArchiveError,
    LostFileError,
    NotFoundError,
    RecordError,
    ServiceError,
)
from service.queue.tasks import Kind, Mode, Priority, Task
from service.work.failures import PAUSE_WHILE_DOWN, pause_after, reason_of, unexpected

if TYPE_CHECKING:
    from bodypart.settings import Settings
    from service.annotator import Annotator
    from service.orthanc_api.resources import Content
    from service.queue.tasks import Tasks
    from service.reviewer import Reviewer
    from service.work.follow_ups import FollowUps

_DEATHS_TO_QUARANTINE = 2


class Annotating:
    """Does tasks of the kinds ``annotate``, ``apply`` and ``look``.

    Parameters
    ----------
    settings : Settings
        Say how often a task is tried, and after how long.
    tasks, annotator, reviewer
        The service's other parts.
    follow_ups : FollowUps
        Rewrites a file at once, while it is still in memory.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        settings: Settings,
        tasks: Tasks,
        annotator: Annotator,
        reviewer: Reviewer,
        follow_ups: FollowUps,
        log: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._tasks = tasks
        self._annotator = annotator
        self._reviewer = reviewer
        self._follow_ups = follow_ups
        self._log = log

    def do(self, claimed: list[Task]) -> None:
        """Do the one task of a list, and rewrite the file at once if that is due.

        Raises
        ------
        RecordError
            If the task cannot be ended; in the list is the one to be given back.
        """
        read = self._do(claimed[0])
        if read is not None:
            self._follow_ups.rewrite_at_once(claimed, read)

    def _do(self, task: Task) -> Content | None:
        """Do a task; return the file if it was read and may be rewritten."""
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
                # The present file may be ours, from a rewrite that is not finished.
                self._follow_ups.mend(task.resource)
                urgent = task.priority == Priority.PERSON
                mode = Mode(task.mode)
                return self._annotator.annotate(task.resource, mode, urgent=urgent, task=task)
        except NotFoundError:
            self._annotator.gone(task)
        except EngineDownError:
            self._tasks.retry(task, PAUSE_WHILE_DOWN, counts=False)
        except ServiceError as error:
            self._try_again(task, error)
        except Exception as error:
            self._log(unexpected(task, error))
            self._try_again(task, error)
        return None

    def _try_again(self, task: Task, error: Exception) -> None:
        away = isinstance(error, ArchiveError | RecordError) and not isinstance(
            error, LostFileError
        )
        if task.kind == Kind.APPLY or (task.kind == Kind.LOOK and away):
            # A word is never given up: a full disk may last for days.
            self._tasks.retry(task, pause_after(task))
            return
        # Where memory runs out, a decoder is the first to go, whoever took the memory.
        died = isinstance(error, DecoderDiedError) and not isinstance(error, DecoderKilledError)
        deaths, attempts = task.deaths + died, task.attempts + 1
        if deaths >= _DEATHS_TO_QUARANTINE:
            reason = f"quarantined: {error}, {deaths} times"
        elif attempts > self._settings.retries:
            reason = f"given up after {attempts} attempts: {reason_of(error)}"
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
            self._annotator.gone(task)
        except RecordError:
            raise
        except Exception as error:
            if not isinstance(error, ArchiveError):
                self._log(unexpected(task, error))
            # Orthanc may be away for long, or never accept anything for this one instance.
            self._tasks.retry(task, pause_after(task), died=died, priority=Priority.STUCK)
