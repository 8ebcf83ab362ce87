"""Threads that wait for something to do, each woken only for what it does, and only if that is due.

Every picture asks for roll-ups a moment later: were all threads woken each time, they would do
nothing more often than anything else.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.queue.task import Kind

_NOW = 0.0


class Sleeper:
    """One thread that is about to look for tasks, or waits for them.

    Parameters
    ----------
    kinds : tuple of Kind
        What it does.
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds
        self.until = float("inf")
        self._woken = threading.Event()

    def wake(self) -> None:
        """End its sleep; before that, let it not fall asleep."""
        self._woken.set()

    def sleep(self, seconds: float) -> None:
        """Wait so long, unless something is due before or was asked for since it began to look."""
        self.until = time.time() + seconds
        self._woken.wait(seconds)


class Sleepers:
    """All threads that wait for tasks, and what was asked for and not told them yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sleeping: set[Sleeper] = set()
        self._mine = threading.local()

    @contextmanager
    def looking(self, kinds: tuple[Kind, ...]) -> Iterator[Sleeper]:
        """Give what is woken by requests from now on, also by those of before it sleeps."""
        sleeper = Sleeper(kinds)
        with self._lock:
            self._sleeping.add(sleeper)
        try:
            yield sleeper
        finally:
            with self._lock:
                self._sleeping.discard(sleeper)

    def asked(self, kind: str, due: float = _NOW) -> None:
        """Note that this thread asked for something, which others see after its transaction."""
        mine: dict[str, float] = self._mine.__dict__.setdefault("asked", {})
        mine[kind] = min(due, mine.get(kind, due))

    def wake(self, *, everybody: bool = False) -> None:
        """Wake those who do what this thread asked for; all, where it asked for nothing."""
        asked: dict[str, float] = self._mine.__dict__.pop("asked", {})
        if everybody:
            asked = {}
        with self._lock:
            for one in self._sleeping:
                if not asked or any(asked.get(kind, one.until) < one.until for kind in one.kinds):
                    one.wake()
