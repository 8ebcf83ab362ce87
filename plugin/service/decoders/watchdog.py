"""Ends a process that takes too long, even if its asker is blocked in its pipe."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from service.lasting import lasting

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_SLEEP = 3600.0


class Watchdog:
    """Calls a function when the seconds are over; they run from `resume` on, not while paused.

    Parameters
    ----------
    seconds : float
        How long it may run in all.
    kill : callable
        Ends who takes longer.

    Attributes
    ----------
    expired : bool
        Whether they are over.
    """

    def __init__(self, seconds: float, kill: Callable[[], None]) -> None:
        self.expired = False
        self._left = seconds
        self._kill = kill
        self._until: float | None = None

    def resume(self) -> None:
        """Let the seconds run."""
        self._until = time.monotonic() + self._left
        _RUNNING.watch(self, self._until)

    def pause(self) -> None:
        """Pause them; also for good."""
        if self._until is not None:
            _RUNNING.leave(self)
            self._left = max(0.0, self._until - time.monotonic())
            self._until = None

    def expire(self) -> None:
        """End who takes longer: the seconds are over."""
        self.expired = True
        self._kill()


class _Watchdogs:
    """All watchdogs whose seconds run, in one thread: a thread for each would cost more."""

    def __init__(self) -> None:
        self._until: dict[Watchdog, float] = {}
        self._changed = threading.Condition()
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    def watch(self, watchdog: Watchdog, until: float) -> None:
        with self._changed:
            self._until[watchdog] = until
            if self._thread is None:
                # It ends with the process, and nobody is there to be told of an error.
                self._thread = lasting(
                    "watchdogs", self._watch, threading.Event(), lambda _: None, daemon=True
                )
                self._thread.start()
            elif until < self._wakes_at:
                self._changed.notify()

    def leave(self, watchdog: Watchdog) -> None:
        with self._changed:
            self._until.pop(watchdog, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                self._wakes_at = min(self._until.values(), default=now + _LONGEST_SLEEP)
                if self._wakes_at > now:
                    self._changed.wait(self._wakes_at - now)
                    continue
                over = [watchdog for watchdog, until in self._until.items() if until <= now]
                for watchdog in over:
                    del self._until[watchdog]
            for watchdog in over:
                # One that fails leaves the others watched.
                with suppress(Exception):
                    watchdog.expire()


_RUNNING = _Watchdogs()
