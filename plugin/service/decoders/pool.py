"""The worker processes: started, spoken to over a pipe, timed, killed and started again.

A worker that hangs is killed at its time limit; one that dies takes down one request only.
Requests that a person waits for go before the backlog's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from bodypart.settings import Settings
from decoder.wire import WireError, read_frame, write_frame

if TYPE_CHECKING:
    from collections.abc import Callable

_PLUGIN = Path(__file__).resolve().parents[2]
_START_LIMIT = 120.0
_PIPE_BYTES = 2**20
_F_SETPIPE_SZ = 1031
_PAUSES = (0.2, 1.0, 5.0, 30.0)


class EngineDownError(Exception):
    """No worker runs: the text says why the last start failed."""


class WorkerDiedError(Exception):
    """The worker died, or was killed at its time limit, while it had the request."""


class RefusedError(Exception):
    """The worker answered that the task cannot be done on this input."""

    def __init__(self, kind: str, details: str) -> None:
        super().__init__(details)
        self.kind = kind


class _Worker:
    """One process with its pipe; ``greet`` must follow before the first ``ask``."""

    def __init__(self, settings: Settings) -> None:
        self.hello: dict[str, Any] | None = None
        self._settings = settings
        self._dead = False
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_PLUGIN),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ORT_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": str(settings.threads),
        }
        try:
            self.process = subprocess.Popen(
                [settings.python, "-m", "decoder"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineDownError(f"{settings.python}: {error.strerror}") from error
        self._last_words = deque[str](maxlen=1)
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.process.stdin
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.process.stdin.fileno(), _F_SETPIPE_SZ, _PIPE_BYTES)

    def greet(self) -> None:
        """Hand over the settings and wait until the worker is ready.

        Raises
        ------
        EngineDownError
            If it dies instead, or takes too long.
        """
        try:
            self.hello, _ = self.ask(self._settings.to_json(), b"", _START_LIMIT)
        except WorkerDiedError as error:
            raise EngineDownError(
                f"the worker did not start: {self._last_words[0] if self._last_words else error}"
            ) from error

    def ask(
        self, request: dict[str, Any], payload: bytes, limit: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send one frame and wait for the answer; a worker past its limit is killed."""
        watchdog = threading.Timer(limit, self.kill)
        watchdog.daemon = True
        watchdog.start()
        started = time.monotonic()
        try:
            write_frame(cast("IO[bytes]", self.process.stdin), request, payload)  # type: ignore[arg-type]
            return read_frame(cast("IO[bytes]", self.process.stdout))  # type: ignore[arg-type]
        except (WireError, OSError, ValueError) as error:
            self.kill()
            late = time.monotonic() - started >= limit
            why = f"took longer than {limit:g} s" if late else "died"
            raise WorkerDiedError(f"the worker {why}") from error
        finally:
            watchdog.cancel()

    def alive(self) -> bool:
        """Tell whether it may be asked again."""
        # The pipe ends a moment before the process can be waited for.
        return not self._dead and self.process.poll() is None

    def kill(self) -> None:
        self._dead = True
        self.process.kill()

    def close(self) -> None:
        """Let it end by itself, then make sure."""
        with contextlib.suppress(OSError):
            cast("IO[bytes]", self.process.stdin).close()
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()

    def _listen(self) -> None:
        """Keep the last line of stderr until the worker is ready, drop everything after."""
        for line in cast("IO[bytes]", self.process.stderr):
            if self.hello is None:
                self._last_words.append(line.decode(errors="replace").strip()[:300])


class Engine:
    """A pool of workers behind one method, ``ask``.

    Parameters
    ----------
    settings : Settings
        The checked section, with ``python`` and ``model`` filled in.
    log : callable
        Takes a line without patient data.
    """

    def __init__(self, settings: Settings, log: Callable[[str], None]) -> None:
        self._settings = settings
        self._log = log
        self._idle: deque[_Worker] = deque()
        self._all: set[_Worker] = set()
        self._starting: set[_Worker] = set()
        self._changed = threading.Condition()
        self._urgent = 0
        self._stopping = threading.Event()
        self._starters: list[threading.Thread] = []
        self.hello: dict[str, Any] | None = None
        self.down_reason: str | None = "the worker is starting"

    def start(self) -> None:
        """Start the workers in the background; ``ask`` waits for none but raises until then."""
        for number in range(self._settings.workers):
            thread = threading.Thread(target=self._keep_one, name=f"bodypart-worker-{number}")
            thread.start()
            self._starters.append(thread)

    def stop(self) -> None:
        """Kill what runs and wait for it."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for worker in [*self._all, *self._starting]:
            worker.kill()
        for thread in self._starters:
            thread.join()

    @property
    def ready(self) -> bool:
        """Whether a worker runs."""
        return bool(self._all)

    def ask(
        self, task: str, request: dict[str, Any], payload: bytes, *, urgent: bool = False
    ) -> tuple[dict[str, Any], bytes]:
        """Have a worker do a task.

        Parameters
        ----------
        task : str
            A key of ``decoder.tasks.TASKS``.
        request, payload : dict, bytes
            What the task takes, usually a DICOM file as payload.
        urgent : bool
            Whether a person waits: goes before the backlog.

        Raises
        ------
        EngineDownError
            If no worker runs.
        WorkerDiedError
            If it died on this request, or took longer than ``TimeLimit``.
        RefusedError
            If it answered that the task cannot be done.
        """
        worker = self._take(urgent=urgent)
        try:
            answer, attachment = worker.ask(
                {**request, "task": task}, payload, self._settings.time_limit
            )
        finally:
            self._give(worker)
        if "error" in answer:
            raise RefusedError(answer["error"], answer["details"])
        return answer, attachment

    def _take(self, *, urgent: bool) -> _Worker:
        with self._changed:
            self._urgent += urgent
            try:
                while True:
                    # One that died while nobody asked it must not be blamed on the next request.
                    while self._idle and not self._idle[0].alive():
                        self._idle.popleft()
                    if self._idle and (urgent or not self._urgent):
                        return self._idle.popleft()
                    if self._stopping.is_set():
                        raise EngineDownError("Orthanc is stopping")
                    if not self._all:
                        raise EngineDownError(self.down_reason or "no worker runs")
                    self._changed.wait(1.0)
            finally:
                self._urgent -= urgent

    def _give(self, worker: _Worker) -> None:
        with self._changed:
            if worker.alive():
                self._idle.append(worker)
            self._changed.notify_all()

    def _keep_one(self) -> None:
        """Start one worker, wait for its death, start it again, more slowly each time."""
        failures = 0
        while not self._stopping.is_set():
            try:
                worker = self._new_worker()
            except EngineDownError as error:
                if self._stopping.is_set():
                    return
                self.down_reason = str(error)
                self._log(str(error))
                self._stopping.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                continue
            failures = 0
            self._welcome(worker)
            self._wait_for_death(worker)
            with self._changed:
                self._all.discard(worker)
                with contextlib.suppress(ValueError):
                    self._idle.remove(worker)
                if not self._all:
                    self.down_reason = "the worker is starting again"
                self._changed.notify_all()
            worker.close()

    def _new_worker(self) -> _Worker:
        """Return a worker that is ready; ``stop`` kills one that is still starting."""
        worker = _Worker(self._settings)
        self._starting.add(worker)
        try:
            if self._stopping.is_set():
                worker.kill()
            worker.greet()
        except EngineDownError:
            worker.close()
            raise
        finally:
            self._starting.discard(worker)
        return worker

    def _welcome(self, worker: _Worker) -> None:
        first, hello = self.hello is None, worker.hello
        assert hello is not None
        with self._changed:
            self.hello = hello
            self._all.add(worker)
            self._idle.append(worker)
            self._changed.notify_all()
        if first:
            model = hello["model"]
            self._log(
                f"the model {model['name']} {model['version']} is ready on {hello['provider']}"
            )
            if hello["warning"]:
                self._log(hello["warning"])

    def _wait_for_death(self, worker: _Worker) -> None:
        descriptor = os.pidfd_open(worker.process.pid)
        try:
            while not self._stopping.is_set():
                if select.select([descriptor], [], [], 1.0)[0]:
                    return
        finally:
            os.close(descriptor)
        worker.kill()
