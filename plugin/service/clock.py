"""Notices that this machine's clock was set back: what was due by it may be hours away now."""

from __future__ import annotations

import time

SET_BACK = 60.0
"""Seconds. A smaller difference may be one between the clocks of two nodes."""


class Clock:
    """The machine's clock, against one that nobody sets."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def set_back(self) -> float:
        """Return by how many seconds it was set back since this was asked last; mostly 0."""
        before, self._ahead = self._ahead, time.time() - time.monotonic()
        back = before - self._ahead
        return back if back > SET_BACK else 0.0
