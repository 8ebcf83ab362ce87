"""A lock for each resource, which exists only while a thread holds it or waits for it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Locks:
    """Reentrant locks by name."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._locks: dict[str, AbstractContextManager[object]] = {}
        self._users: dict[str, int] = {}

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of a name."""
        with self._counting:
            lock = self._locks.setdefault(name, threading.RLock())
            self._users[name] = self._users.get(name, 0) + 1
        try:
            with lock:
                yield
        finally:
            with self._counting:
                self._users[name] -= 1
                if not self._users[name]:
                    del self._users[name], self._locks[name]
