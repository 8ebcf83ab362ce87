"""Numbers for Prometheus, published through Orthanc's own endpoint."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PREFIX = "bodypart_"


class Metrics:
    """Counts and seconds since the start of the service.

    Published as ``bodypart_annotated``, ``bodypart_failed``, ``bodypart_skipped``,
    ``bodypart_queue`` and, for each step, ``bodypart_seconds_STEP`` (sum of seconds); for each
    destination of routes ``bodypart_deliveries_open_DESTINATION``, ``…_failed_…`` and
    ``…_delivered_…``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: defaultdict[str, float] = defaultdict(float)
        self._published: dict[str, float] = {}

    def count(self, status: str) -> None:
        """Count an annotation that was written with a status."""
        with self._lock:
            self._numbers["annotated" if status == "done" else status] += 1

    def add_seconds(self, step: str, seconds: float) -> None:
        """Add to the seconds that a step took."""
        with self._lock:
            self._numbers[f"seconds_{step}"] += seconds

    def queue(self, pending: int) -> None:
        """Tell the length of the queue."""
        with self._lock:
            self._numbers["queue"] = pending

    def set(self, numbers: dict[str, float]) -> None:
        """Tell numbers that are counted elsewhere, by name."""
        with self._lock:
            for name, value in numbers.items():
                self._numbers[name] = value

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds that the block takes to a step."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add_seconds(step, time.perf_counter() - started)

    def publish(self, say: Callable[[dict[str, dict[str, float]]], None]) -> None:
        """Publish what changed since the last time."""
        with self._lock:
            changed = {
                f"{_PREFIX}{name}": float(value)
                for name, value in self._numbers.items()
                if self._published.get(name) != value
            }
            self._published = dict(self._numbers)
        if changed:
            say({"metrics": changed})
