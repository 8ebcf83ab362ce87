"""Numbers for Prometheus, published through Orthanc's own endpoint."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PREFIX = "bodypart_"


class Metrics:
    """Counts and seconds since the start of Orthanc.

    Published as ``bodypart_annotated``, ``bodypart_failed``, ``bodypart_skipped``,
    ``bodypart_queue`` and, for each step, ``bodypart_seconds_STEP`` (sum of seconds).

    Parameters
    ----------
    publish : callable
        Takes a name and a number.
    """

    def __init__(self, publish: Callable[[str, float], None]) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._seconds: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def count(self, status: str) -> None:
        """Count an annotation that was written with a status."""
        name = "annotated" if status == "done" else status
        with self._lock:
            self._statuses[name] += 1
            total = self._statuses[name]
        self._publish(_PREFIX + name, total)

    def add_seconds(self, step: str, seconds: float) -> None:
        """Add to the seconds that a step took."""
        with self._lock:
            self._seconds[step] += seconds  # type: ignore[assignment]
            total = self._seconds[step]
        self._publish(f"{_PREFIX}seconds_{step}", total)

    def queue(self, pending: int) -> None:
        """Tell the length of the queue."""
        self._publish(_PREFIX + "queue", pending)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds that the block takes to a step."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add_seconds(step, time.perf_counter() - started)
