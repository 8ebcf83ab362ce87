"""What is told of a task that failed, and when it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import ServiceError
from service.lasting import kind_and_place

if TYPE_CHECKING:
    from service.queue.tasks import Task

PAUSE_WHILE_DOWN = 0.5
"""Seconds before a task that found no decoder is tried again."""
PAUSE_AFTER_TROUBLE = 1.0
_LONGEST_PAUSE = 300.0


def pause_after(task: Task) -> float:
    """Return the seconds before a task is tried again: doubled each time, up to a limit."""
    return min(_LONGEST_PAUSE, PAUSE_AFTER_TROUBLE * 2.0 ** min(task.attempts, 20))


def reason_of(error: Exception) -> str:
    """Return what may be told of an error: the text of an unforeseen one may hold values."""
    return str(error) if isinstance(error, ServiceError) else type(error).__name__


def unexpected(task: Task, error: Exception) -> str:
    """Return the log's line of an unforeseen error.

    The task is tried again like others, but not for ever.
    """
    why = kind_and_place(error)
    return f"{task.kind} of {task.level} {task.resource} failed unexpectedly: {why}"
