"""Threads that wait for tasks: each is woken only for a kind that it does, and only if one is due.

Every picture asks for roll-ups a moment later: if all threads were woken each time, most would find
nothing to do. For one picture, only one thread is woken.
"""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.queue.task import Kind

_NOW, _NEVER = 0.0, float("inf")


class Sleeper:
    """One thread that is about to look for tasks, or waits for them.

    Parameters
    ----------
    kinds : tuple of Kind
        Kinds of tasks that it does.
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds
        self.until = _NEVER
        self._woken = threading.Event()

    @property
    def awake(self) -> bool:
        """Whether it was woken, and is about to look again."""
        return self._woken.is_set()

    def wake(self) -> None:
        """End the thread's sleep, or prevent it if it has not begun."""
        self._woken.set()

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, unless woken meanwhile or since the thread began to look."""
        self.until = time.time() + seconds
        self._woken.wait(seconds)


class Sleepers:
    """All threads that wait for tasks, and the requests for which none has been woken yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sleeping: set[Sleeper] = set()
        self._mine = threading.local()

    @contextmanager
    def looking(self, kinds: tuple[Kind, ...]) -> Iterator[Sleeper]:
        """Register this thread; requests made from now on wake it, even before it sleeps.

        If it was woken but does not sleep, because it has found a task or failed, another is woken
        in its place: the task that it has may be an earlier one.
        """
        sleeper = Sleeper(kinds)
        with self._lock:
            self._sleeping.add(sleeper)
        try:
            yield sleeper
        finally:
            with self._lock:
                self._sleeping.discard(sleeper)
                if sleeper.awake and sleeper.until == _NEVER:
                    able = (one for one in self._sleeping if set(kinds) & set(one.kinds))
                    _wake(able, 1)

    def asked(self, kind: str, due: float = _NOW, count: int = 1) -> None:
        """Note a request of this thread, which others can see only after its transaction."""
        mine: dict[str, tuple[float, int]] = self._mine.__dict__.setdefault("asked", {})
        before = mine.get(kind, (due, 0))
        mine[kind] = min(due, before[0]), before[1] + count

    def wake(self, *, everybody: bool = False) -> None:
        """Wake as many threads as this thread's requests need; all, if it made none.

        Threads that are awake already do not count: they were woken for another request.
        """
        asked: dict[str, tuple[float, int]] = self._mine.__dict__.pop("asked", {})
        with self._lock:
            if everybody or not asked:
                for one in self._sleeping:
                    one.wake()
                return
            for kind, (due, count) in asked.items():
                able = (one for one in self._sleeping if kind in one.kinds and due < one.until)
                _wake(able, count)


def _wake(able: Iterable[Sleeper], count: int) -> None:
    asleep = (one for one in able if not one.awake)
    for one in itertools.islice(asleep, count):
        one.wake()
