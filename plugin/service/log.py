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
class _Told:
    """Until when a line is not repeated, how long that is, and how often it came meanwhile."""

    until: float
    silence: float
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
        self._told: dict[str, _Told] = {}
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Have a line written: ids and reasons only, never patient data."""
        now = time.monotonic()
        with self._lock:
            told = self._told.get(line)
            if told and now < told.until:
                told.times += 1
                return
            if len(self._told) >= _MOST_LINES:
                self._told = {line: told for line, told in self._told.items() if now < told.until}
            again = told is not None and now < told.until + told.silence
            silence = min(2 * told.silence, _LONGEST_SILENCE) if told and again else _FIRST_SILENCE
            self._told[line] = _Told(now + silence, silence)
            more = (
                f" ({told.times} times more since it was told last)" if told and told.times else ""
            )
        self._say({"log": line + more})
