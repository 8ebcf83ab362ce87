"""What ends a process that takes too long, also where whoever asked it waits in its pipe."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Watchdog:
    """Calls somebody when the seconds are over; they do not run before `resume`, nor while paused.

    Parameters
    ----------
    seconds : float
        In all.
    bite : callable
        Kills who takes longer.

    Attributes
    ----------
    bitten : bool
        Whether they are over.
    """

    def __init__(self, seconds: float, bite: Callable[[], None]) -> None:
        self.bitten = False
        self._left = seconds
        self._call = bite
        self._timer: threading.Timer | None = None

    def resume(self) -> None:
        """Let the seconds run."""
        self._since = time.monotonic()
        self._timer = threading.Timer(self._left, self._bite)
        self._timer.daemon = True
        self._timer.start()

    def pause(self) -> None:
        """Hold them; also for good."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
            self._left = max(0.0, self._left - (time.monotonic() - self._since))

    def _bite(self) -> None:
        self.bitten = True
        self._call()
