"""The service's process as Orthanc's side sees it: started, told events, watched, stopped.

The service is an ordinary program. Orthanc's events reach it through its standard input, one JSON
object a line; the end of that input tells it that Orthanc is gone, also after ``kill -9``. What it
has to tell Orthanc (log lines, metrics, where it listens) comes back on its standard output.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_PLUGIN = Path(__file__).resolve().parents[1]
_OWN_MODULES = ("-P", "-s")
"""No module comes from Orthanc's current folder, or from a home."""
_PAUSES = (0.2, 1.0, 5.0, 30.0)
_HEALTHY = 60.0
"""Seconds after which a service that ends is started again at once."""
_LONGEST_STOP, _LONGEST_FAREWELL, _LONGEST_CHECK = 8.0, 2.0, 120.0
"""Seconds that a stop may take, the end of what was killed, and a check of the configuration."""
_LONGEST_HOLD, _LONGEST_REWRITE = 5.0, 60.0
"""Seconds that a deletion is held, and after which a rewrite's node is taken for dead."""
_PIPE = 2**20
"""Bytes of events that wait for a service that does not read; log and sweep tell it the rest."""

Report = Callable[[Mapping[str, Any]], None]


class ConfigurationError(Exception):
    """The service refuses Orthanc's configuration; the text is one line that names the key."""


class ServiceProcess:
    """Keeps one service alive from ``start`` to ``stop``.

    Parameters
    ----------
    configuration : mapping
        Orthanc's whole configuration.
    folder : str
        Where relative paths of the configuration start.
    report : callable
        Takes what the service says: an object with ``log`` (a line), ``metrics`` or ``audit``.

    Attributes
    ----------
    rescued : Path
        Folder with a file for each instance that this service, or one that shares the storage, is
        just rewriting: ``length`` of its own file, ``md5`` of so many bytes of its ``beginning``.
    socket : str or None
        Unix socket at which the service answers requests; None while it does not.
    down_reason : str
        Why it does not, in a sentence.
    """

    def __init__(self, configuration: Mapping[str, Any], folder: str, report: Report) -> None:
        self._configuration = configuration
        self._given = {"configuration": configuration, "folder": folder}
        self._report = report
        self._process: subprocess.Popen[bytes] | None = None
        self._events: int | None = None
        self._telling = threading.Lock()
        self._stopping = threading.Event()
        # Orthanc's end waits for this thread no longer than ``stop`` does.
        self._keeper = threading.Thread(target=self._keep, name="bodypart-keep", daemon=True)
        self._hello: dict[str, Any] = {}
        self._last_words = ""
        self.rescued = Path(os.devnull)
        self.socket: str | None = None
        self.down_reason = "the service is starting"

    def check(self) -> None:
        """Have the service check the configuration before Orthanc goes on.

        Raises
        ------
        ConfigurationError
            If a setting, or what it needs, is wrong.
        """
        try:
            done = subprocess.run(
                [self._python(), *_OWN_MODULES, "-m", "service", "--check"],
                input=json.dumps(self._given).encode(),
                capture_output=True,
                env=self._environment(),
                timeout=_LONGEST_CHECK,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            why = f"{type(error).__name__}; was orthanc-config/install.sh run?"
            raise ConfigurationError(f"{self._python()} cannot run the service: {why}") from None
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            old = f"{self._python()} must be Python 3.11 or newer"  # It knows no option -P.
            raise ConfigurationError(old if done.returncode == 2 else lines[-1])

    def start(self, orthanc: Mapping[str, Any]) -> None:
        """Start the service in the background, with what it needs to talk to Orthanc."""
        self._hello = {**self._given, **orthanc}
        self._keeper.start()

    def stop(self) -> None:
        """End the service and wait for it; one that does not end in time is killed."""
        self._stopping.set()
        self.down_reason = "Orthanc is stopping"
        # Without this word the end of its input means that Orthanc was killed.
        self.tell("stop", "")
        if self._keeper.ident:
            self._keeper.join(_LONGEST_STOP)
            if process := self._process:
                process.kill()
            self._keeper.join(_LONGEST_FAREWELL)

    def tell(self, event: str, resource: str) -> None:
        """Tell the service what happened; returns at once, whatever the service does."""
        line = json.dumps({"event": event, "id": resource}).encode() + b"\n"
        # Under the lock the pipe is not closed, and its number not given to another file. A line is
        # written whole or, to a full pipe, not at all (write(2), PIPE_BUF).
        with self._telling, suppress(OSError):
            if self._events is not None:
                os.write(self._events, line)

    def hold_deletion(self) -> None:
        """Tell of a deletion that comes; wait for the rewrites, which would store again."""
        end, now, left = time.monotonic() + _LONGEST_HOLD, time.time(), list[Path]()
        with suppress(OSError):
            (self.rescued / "deleting").touch()
            now = (self.rescued / "deleting").stat().st_mtime  # By the clock of its disk.
        with suppress(OSError):
            left += self.rescued.glob("*.json")
        while (left := [one for one in left if _is_recent(one, now)]) and time.monotonic() < end:
            time.sleep(0.005)

    def _python(self) -> str:
        """Return the environment beside ``plugin/``, else the interpreter of the settings."""
        own = _PLUGIN.parent / ".venv/bin/python"
        section = self._configuration.get("BodyPart")
        named = section.get("Python") if isinstance(section, dict) else None
        return os.fsdecode(str(named).encode()) if named and not own.exists() else str(own)

    @staticmethod
    def _environment() -> dict[str, str]:
        kept = ("PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "SQLITE_TMPDIR", "TZ")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_PLUGIN),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _keep(self) -> None:
        """Start the service, wait for its end, start it again, more slowly each time."""
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._run_once()
            except (OSError, RuntimeError) as error:  # No process, or no thread, can be had.
                self.down_reason = f"the service cannot start: {getattr(error, 'strerror', error)}"
            if self._stopping.is_set():
                return
            failures = 1 if time.monotonic() - began > _HEALTHY else failures + 1
            self._report({"log": self.down_reason})
            self._stopping.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])

    def _run_once(self) -> None:
        process = self._process = subprocess.Popen(
            [self._python(), *_OWN_MODULES, "-m", "service"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
        )
        assert process.stdin and process.stdout
        listener = threading.Thread(target=self._hear_last_words, args=(process,), daemon=True)
        listener.start()
        try:
            events = process.stdin
            events.write(json.dumps(self._hello).encode() + b"\n")
            events.flush()
            with suppress(OSError):
                fcntl.fcntl(events, fcntl.F_SETPIPE_SZ, _PIPE)
            os.set_blocking(events.fileno(), False)
            self._events = events.fileno()
            # One that was not there when the stop was said is not told of it.
            for line in () if self._stopping.is_set() else process.stdout:
                self._take(json.loads(line))
        except Exception:
            pass  # It died, or said what is no message: it is ended and started again.
        finally:
            with self._telling:
                self._events = None
            self.socket = None
            process.kill()
            process.wait()
            listener.join(_LONGEST_FAREWELL)
            self._process = None
            ended = self._last_words or f"status {process.returncode}"
            self.down_reason = f"the service ended: {ended}"

    def _take(self, message: dict[str, Any]) -> None:
        if "socket" in message:
            self.socket = str(message["socket"])
        elif "rescued" in message:
            self.rescued = Path(os.fsdecode(message["rescued"].encode()))
        elif "rewriting" in message:
            self.tell("rewriting", message["rewriting"])
        else:
            self._report(message)

    def _hear_last_words(self, process: subprocess.Popen[bytes]) -> None:
        # A traceback's last line names an exception; what else is printed is not ours to log.
        self._last_words = ""
        for line in process.stderr or ():
            self._last_words = line.decode(errors="replace").strip()[:300] or self._last_words


def _is_recent(path: Path, now: float) -> bool:
    """Tell whether a file is there, and not one that a node left that died."""
    with suppress(OSError):
        return now - path.stat().st_mtime < _LONGEST_REWRITE
    return False
