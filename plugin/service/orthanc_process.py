"""Orthanc's process: its shutdown is seen before plugins are told of it.

When Orthanc begins to shut down, for whatever reason, it removes its handler of SIGTERM. It tells
its plugins a tenth of a second later, or later still if anything changes, because it waits for Lua.
After that, version 7.1 of its Python plugin frees twice what changes, and Orthanc ends by SIGABRT.
So the service stops at the first sign.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOKS_EVERY = 0.025
_BOTH_SIGNALLED = 1.0
"""Seconds within which Orthanc begins to shut down, if it got the signal as well."""
_ALL = 8192
"""Bytes; more than there are."""
_CAUGHT = re.compile(rb"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)


class OrthancProcess:
    """Looks at the signals that Orthanc catches, as proc_pid_status(5) has them.

    Parameters
    ----------
    pid : int
        Its process.
    """

    def __init__(self, pid: int) -> None:
        # Kept open: it is read forty times a second, as long as Orthanc runs.
        self._status: int | None = None
        with suppress(OSError):
            self._status = os.open(f"/proc/{pid}/status", os.O_RDONLY)
            weakref.finalize(self, os.close, self._status)

    def catches(self) -> bool:
        """Tell whether it catches SIGTERM: it has started, and not begun to shut down.

        True if its signals may not be read.
        """
        found = None
        if self._status is not None:
            with suppress(OSError):
                found = _CAUGHT.search(os.pread(self._status, _ALL, 0))
        return found is None or bool(int(found[1], 16) >> (signal.SIGTERM - 1) & 1)

    def follow(self, ends: Callable[[], None]) -> None:
        """Call ``ends`` when Orthanc begins to shut down, and return."""
        while not self.catches():
            time.sleep(_LOOKS_EVERY)
        while self.catches():
            time.sleep(_LOOKS_EVERY)
        ends()

    def obey(self, ends: Callable[[], None]) -> None:
        """Wait for a SIGTERM, which all threads must block, call ``ends`` and return.

        systemd signals all processes of a unit at once: then Orthanc gets time to say when to end.
        """
        signal.sigwait((signal.SIGTERM,))
        time.sleep(_BOTH_SIGNALLED)
        ends()

    def wait_to_be_told(self, hearing: threading.Thread) -> None:
        """Return once Orthanc has told of its shutdown, or if it does not shut down after all.

        On a SIGHUP it removes its handlers for a moment, and goes on if its configuration is the
        same. A service that ends before it is told to is started again.

        Parameters
        ----------
        hearing : threading.Thread
            Ends when it is told.
        """
        while hearing.is_alive() and not self.catches():
            hearing.join(_LOOKS_EVERY)
