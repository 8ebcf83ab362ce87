"""Threads that wait for something to do, each woken only for what it does, and only if that is due.

Every picture asks for roll-ups a moment later: were all threads woken each time, they would do
nothing more often than anything else. Nor is more than one woken for one picture.
"""

from __future__ import annotations

import itertools
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

    @property
    def awake(self) -> bool:
        """Whether it was woken, and is about to look again."""
        return self._woken.is_set()

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

    def asked(self, kind: str, due: float = _NOW, count: int = 1) -> None:
        """Note that this thread asked for something, which others see after its transaction."""
        mine: dict[str, tuple[float, int]] = self._mine.__dict__.setdefault("asked", {})
        before = mine.get(kind, (due, 0))
        mine[kind] = min(due, before[0]), before[1] + count

    def wake(self, *, everybody: bool = False) -> None:
        """Wake as many as it takes to do what this thread asked for; all, if that was nothing.

        Those that are awake by now were woken for something else.
        """
        asked: dict[str, tuple[float, int]] = self._mine.__dict__.pop("asked", {})
        with self._lock:
            if everybody or not asked:
                for one in self._sleeping:
                    one.wake()
                return
            for kind, (due, count) in asked.items():
                able = (one for one in self._sleeping if kind in one.kinds and due < one.until)
                asleep = (one for one in able if not one.awake)
                for one in itertools.islice(asleep, count):
                    one.wake()
