"""The network on this machine's GPU: one process with one session, asked by all decoders.

Decoders have the network as well, and run it on the CPU while the process starts, where CUDA does
not work, and after its death until the next is ready.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import threading
from concurrent.futures import Future
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from bodypart.network import NetworkError
from bodypart.network.tensors import unpacked
from decoder.wire import Frame, WireError, read_frame, write_frame
from service.decoders.elsewhere import NetworkDownError, NetworkInProcess
from service.decoders.process import environment
from service.decoders.watchdog import Watchdog
from service.lasting import lasting, lengthening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bodypart.settings import Settings
    from service.decoders.greeting import LockdownRecord

    Float32 = NDArray[np.float32]

_PAUSES = (0.2, 1.0, 5.0, 30.0)
_LONGEST_START = 300.0
"""Seconds for the start: CUDA plans for each batch size before the process is ready."""
_LONGEST_RUN = 60.0
"""Seconds for an answer, transfer included; a GPU that takes longer hangs."""
_LONGEST_WORDS = 300
_LONGEST_HEADER, _LONGEST_PAYLOAD = 64 * 2**10, 64 * 2**20
_PREFACE = "the model runs on the CPU: "


class _StartError(Exception):
    """There is no process, or it ended before it was ready; the text says why."""


class SharedNetwork:
    """See `service.decoders.elsewhere.ElsewhereNetwork`.

    Parameters
    ----------
    settings : Settings
        The checked section, with ``python`` and ``model`` filled in.
    shape : tuple of int
        Of the pictures of one question.
    log : callable
        Takes a line.
    provider : str
        ``cuda``; tests put it on the ``cpu``, where it makes nothing faster.
    """

    own_too = True

    def __init__(
        self,
        settings: Settings,
        shape: tuple[int, ...],
        log: Callable[[str], None],
        provider: str = "cuda",
    ) -> None:
        self.provider = provider
        self.shape = shape
        self.down_reason: str | None = "the network's process is starting"
        self._settings = settings
        self._log = log
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Frame]] = {}
        self._writing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._questions, self._batches = 0, 0.0
        self._lockdown: LockdownRecord | None = None
        self._stopping = threading.Event()
        self._thread = lasting("network", self._keep, self._stopping, log)

    @property
    def ready(self) -> bool:
        """Whether the process answers."""
        return self.down_reason is None

    def start(self) -> None:
        """Start the process, and keep it running."""
        self._thread.start()

    def stop(self) -> None:
        """End the process."""
        self._stopping.set()
        process = self._process
        if process:
            process.kill()
        if self._thread.ident:
            self._thread.join()

    def run(self, pictures: Float32) -> Mapping[str, Float32]:
        """Run the network, together with what others ask at the same time.

        Raises
        ------
        NetworkDownError
            If the process is away.
        """
        process = self._process
        if self.down_reason is not None or process is None:
            raise NetworkDownError(self.down_reason or "the network's process is gone")
        number, answer = next(self._numbers), Future[Frame]()
        self._asked[number] = answer
        question = Frame({"network": len(pictures)}, pictures.tobytes(), number)
        watchdog = Watchdog(_LONGEST_RUN, process.kill)
        watchdog.resume()
        try:
            with self._writing:
                write_frame(cast("IO[bytes]", process.stdin), question)
            frame = answer.result()
            self._questions += 1
            return unpacked(frame.header, frame.payload)
        except (OSError, ValueError, NetworkError):
            # One that answers wrongly would go on doing so.
            process.kill()
            late = "the GPU took too long"
            reason = late if watchdog.expired else "the network's process is gone"
            raise NetworkDownError(reason) from None
        finally:
            watchdog.pause()
            self._asked.pop(number, None)

    def to_json(self) -> NetworkInProcess:
        """Return what the status tells."""
        return {
            "where": "process",
            "ready": self.ready,
            "reason": self.down_reason,
            "questions": self._questions,
            "batches": round(self._batches),
            "lockdown": self._lockdown,
        }

    def _keep(self) -> None:
        """Keep it running; one that says that CUDA does not work here is not started again."""
        pauses = lengthening(_PAUSES)
        while not self._stopping.is_set():
            process = None
            try:
                process = self._process = self._started()
                hello = self._greeted(process)
                if hello["provider"] != self.provider:
                    self.down_reason = _without_preface(hello.get("warning"))
                    self._log(f"{_PREFACE}{self.down_reason}")
                    return
                pauses, self.down_reason = lengthening(_PAUSES), None
                self._log(f"one process runs the network for all decoders on {self.provider}")
                self._listen(process)
                self.down_reason = "the network's process is starting again"
            except _StartError as error:
                self.down_reason = f"the network's process did not start: {error}"
            finally:
                if process:
                    self._end(process)
            if not self._stopping.is_set():
                self._log(self.down_reason)
            self._stopping.wait(next(pauses))

    def _started(self) -> subprocess.Popen[bytes]:
        python = self._settings.python
        try:
            return subprocess.Popen(
                [python, "-P", "-s", "-m", "gpu_network"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Only until the process is ready: then it closes stderr.
                stderr=subprocess.PIPE,
                env=environment(self._settings),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise _StartError(f"{python}: {error.strerror}") from error

    def _greeted(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        if self._stopping.is_set():
            process.kill()
        told = {
            "model": self._settings.model,
            "provider": self.provider,
            "threads": self._settings.threads,
        }
        watchdog = Watchdog(_LONGEST_START, process.kill)
        watchdog.resume()
        try:
            write_frame(cast("IO[bytes]", process.stdin), Frame(told))
            hello = self._read(process).header
        except (WireError, OSError):
            late = f"it took longer than {_LONGEST_START:g} s"
            raise _StartError(late if watchdog.expired else _words(process)) from None
        finally:
            watchdog.pause()
        whole = isinstance(hello.get("provider"), str)
        if not whole or not isinstance(hello.get("warning"), str | None):
            raise _StartError("its first message is not valid")
        self._lockdown = hello.get("lockdown")
        return hello

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Hand each answer to its asker, until the process ends, or sends what is no answer."""
        with contextlib.suppress(Exception):
            while True:
                frame = self._read(process)
                self._batches += 1 / max(1, int(frame.header["together"]))
                asked = self._asked.get(frame.number)
                if asked:
                    asked.set_result(frame)

    def _read(self, process: subprocess.Popen[bytes]) -> Frame:
        return read_frame(
            cast("IO[bytes]", process.stdout),
            longest_header=_LONGEST_HEADER,
            longest_payload=_LONGEST_PAYLOAD,
        )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End a process, and fail all questions that wait for its answers."""
        process.kill()
        process.wait()
        for asked in list(self._asked.values()):
            if not asked.done():
                asked.set_exception(NetworkDownError("the network's process is gone"))
        with contextlib.suppress(OSError):
            cast("IO[bytes]", process.stdin).close()
        cast("IO[bytes]", process.stdout).close()
        cast("IO[bytes]", process.stderr).close()


def _words(process: subprocess.Popen[bytes]) -> str:
    """Return the last line that a process wrote before its end."""
    process.kill()
    lines = cast("IO[bytes]", process.stderr).read().decode(errors="replace").split("\n")
    return next((line.strip()[:_LONGEST_WORDS] for line in reversed(lines) if line.strip()), "?")


def _without_preface(warning: str | None) -> str:
    return (warning or "CUDA does not work here").removeprefix(_PREFACE)
