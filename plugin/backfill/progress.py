"""Progress for the person who started the command: one line that updates, and notices above it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TextIO

_EVERY_ON_SCREEN, _EVERY_IN_FILE = 0.5, 10.0
_WINDOW = 30.0
"""Seconds over which the rate is measured."""


class Progress:
    """Writes progress to a terminal, or line by line to a file.

    Parameters
    ----------
    stream : text file
        Terminal or file.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._moves = stream.isatty()
        self._every = _EVERY_ON_SCREEN if self._moves else _EVERY_IN_FILE
        self._lock = threading.Lock()
        self._begun = self._shown_at = time.monotonic()
        self._line = ""
        self._why: str | None = None
        self._seen: deque[tuple[float, int]] = deque([(self._begun, 0)])
        self.taken = 0

    def add(self, taken: int) -> None:
        """Count answers that the service wrote."""
        self.taken += taken

    def show(self, *, total: int, pending: int, workers: int) -> None:
        """Show the progress, unless it was shown just now.

        Parameters
        ----------
        total, pending : int
            Instances of the whole back-fill, and those that have no annotation yet.
        workers : int
            Workers of this command.
        """
        now = time.monotonic()
        if now - self._shown_at < self._every:
            return
        self._shown_at = now
        rate = self._rate(now)
        left = f", {_duration(pending / rate)} left" if rate and pending else ""
        people = "1 worker" if workers == 1 else f"{workers} workers"
        line = f"{total - pending:,} of {total:,}, {rate:.1f} a second by {people}{left}"
        with self._lock:
            self._put(line)

    def waits(self, why: str | None) -> None:
        """Show once that the command waits, and why; None shows that it goes on."""
        with self._lock:
            if why == self._why or (why is None and self._why is None):
                return
            first = why is not None and self._why is None
            self._why = why
            if first:
                self._say(f"{why}; waiting")
            elif why is None:
                self._say("going on")

    def say(self, line: str) -> None:
        """Write a line that stays."""
        with self._lock:
            self._say(line)

    def rate_of_all(self) -> float:
        """Return the mean number of answers a second since the start."""
        return self.taken / max(1e-3, time.monotonic() - self._begun)

    def _rate(self, now: float) -> float:
        self._seen.append((now, self.taken))
        while len(self._seen) > 2 and now - self._seen[1][0] > _WINDOW:
            self._seen.popleft()
        then, taken = self._seen[0]
        return (self.taken - taken) / max(1e-3, now - then)

    def _say(self, line: str) -> None:
        if self._moves and self._line:
            self._stream.write("\r" + " " * len(self._line) + "\r")
            self._line = ""
        self._stream.write(line + "\n")
        self._stream.flush()

    def _put(self, line: str) -> None:
        if not self._moves:
            self._say(line)
            return
        self._stream.write("\r" + line.ljust(len(self._line)))
        self._stream.flush()
        self._line = line


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 96 else f"{round(hours / 24)} days"
