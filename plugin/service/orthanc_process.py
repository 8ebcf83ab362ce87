"""The process of Orthanc, whose end is seen before it is told.

Orthanc lets go of SIGTERM when it begins to end, whatever makes it end. It tells its plugins once
nothing has changed for a tenth of a second, which it waits for to end Lua. What changes after that,
version 7.1 of its Python plugin frees twice, and Orthanc ends by SIGABRT. So the service stops at
the first sign.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOKS_EVERY = 0.025
_CAUGHT = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)


class OrthancProcess:
    """Looks at the signals that Orthanc catches, as proc_pid_status(5) has them.

    Parameters
    ----------
    pid : int
        Its process.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")

    def catches(self) -> bool:
        """Tell whether it catches SIGTERM: it has quite begun, and not begun to end.

        Where nobody may look, it does.
        """
        try:
            found = _CAUGHT.search(self._status.read_text(errors="replace"))
        except OSError:
            found = None
        return found is None or bool(int(found[1], 16) >> (signal.SIGTERM - 1) & 1)

    def follow(self, ends: Callable[[], None]) -> None:
        """Call ``ends`` when Orthanc begins to end, and return."""
        while not self.catches():
            time.sleep(_LOOKS_EVERY)
        while self.catches():
            time.sleep(_LOOKS_EVERY)
        ends()

    def wait_to_be_told(self, hearing: threading.Thread) -> None:
        """Return once Orthanc has told of its end, or when it does not end after all.

        A SIGHUP has it let go of its signals for a moment; it goes on where its configuration is
        the same. Who ends before it says so is started again.

        Parameters
        ----------
        hearing : threading.Thread
            Ends when it is told.
        """
        while hearing.is_alive() and not self.catches():
            hearing.join(_LOOKS_EVERY)
