"""What the service says to Orthanc's side, a line each: log, metrics, where it listens."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_SILENCE, _LONGEST_SILENCE = 10.0, 600.0
"""Seconds before a line that came again is written again: at first, and at most."""
_MOST_LINES = 1_000


class Speaker:
    """Writes messages on a stream that nothing else writes to.

    Parameters
    ----------
    stream : binary file
        Orthanc's side reads it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    @classmethod
    def on_stdout(cls) -> Speaker:
        """Return a writer that owns the standard output; what libraries print goes to stderr."""
        stream = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(stream)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message; it is lost if nobody reads it."""
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._stream.write(data)
                self._stream.flush()
        except (OSError, ValueError):
            return


@dataclass(slots=True)
class _Silence:
    """Until when a line is not repeated, how long that is, and how often it came meanwhile."""

    until: float
    seconds: float
    times: int = 0


class Log:
    """Lines for Orthanc's log; a line that keeps coming is written less and less often.

    While a database is down for a night, each thread would report that every second.

    Parameters
    ----------
    say : callable
        Takes a message for Orthanc's side.
    """

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self._say = say
        self._silences: dict[str, _Silence] = {}
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Have a line written: ids and reasons only, never patient data."""
        now = time.monotonic()
        with self._lock:
            last = self._silences.get(line)
            if last and now < last.until:
                last.times += 1
                return
            if len(self._silences) >= _MOST_LINES:
                self._silences = {k: one for k, one in self._silences.items() if now < one.until}
            again = last is not None and now < last.until + last.seconds
            seconds = min(2 * last.seconds, _LONGEST_SILENCE) if last and again else _FIRST_SILENCE
            self._silences[line] = _Silence(now + seconds, seconds)
            more = (
                f" ({last.times} times more since it was told last)" if last and last.times else ""
            )
        self._say({"log": line + more})
