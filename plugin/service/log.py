"""What the service says to Orthanc's side, a line each: log, metrics, where it listens."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, BinaryIO


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
        """Return one that owns the standard output; what libraries print goes to stderr."""
        stream = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(stream)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message; one that nobody hears is lost."""
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._stream.write(data)
                self._stream.flush()
        except (OSError, ValueError):
            return
