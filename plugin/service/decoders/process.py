"""One decoder process: started, asked over its pipe, timed, watched, killed.

Nothing that comes back is trusted: see `answers` for what is looked at. On any surprise the
process is killed, and whoever asked is told that it died.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import secrets
import select
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from bodypart.network import NetworkError
from bodypart.network.tensors import packed, pictures_from
from decoder.shelf import Shelf, Unread
from decoder.wire import (
    ON_THE_SHELF,
    OUT_OF_MEMORY,
    ClosedError,
    Frame,
    WireError,
    read_frame,
    write_frame,
)
from service.decoders import answers, elsewhere
from service.decoders.answers import SurpriseError
from service.decoders.watchdog import Watchdog
from service.errors import ServiceError

if TYPE_CHECKING:
    from bodypart.settings import Settings
    from service.decoders.answers import Bounds
    from service.decoders.elsewhere import ElsewhereNetwork
    from service.decoders.greeting import Greeting

MOST_ANSWERS = 5_000
MOST_CPU_SECONDS = 1_800.0
"""After either, a decoder is replaced, so that one that was taken over unnoticed does not stay."""

_PLUGIN = Path(__file__).resolve().parents[2]
_START_LIMIT = 600.0
"""Where others take every core a start needs minutes, and one that is given up begins anew."""
_LAST_WORDS_LIMIT = 1.0
_PIPE_BYTES = 2**20
_F_SETPIPE_SZ = 1031
_LISTENED, _LONGEST_WORDS = 65_536, 300
_INHERITED = ("LD_LIBRARY_PATH", "TZ", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")


class UnreadError(Exception):
    """The picture is still to be read, which no decoder is to wait for.

    Attributes
    ----------
    picture : Unread
        The file, which ``data`` reads.
    """

    def __init__(self, picture: Unread) -> None:
        super().__init__()
        self.picture = picture


class EngineDownError(ServiceError):
    """No decoder runs: the text says why the last start failed."""


class DecoderDiedError(ServiceError):
    """The decoder died, or was killed, while it had the request; the text says why."""


class DecoderKilledError(DecoderDiedError):
    """Neither it nor we ended it, but the kernel or an operator: perhaps not for the request."""


class DecoderProcess:
    """One process with its pipe; ``greet`` must follow before the first ``ask``.

    Parameters
    ----------
    settings : Settings
        The checked section, with ``python`` and ``model`` filled in.
    network : ElsewhereNetwork or None
        Runs the network for the decoder; None: it does that itself.

    Attributes
    ----------
    hello : dict or None
        What it told of itself when it was ready.
    answered : int
        Tasks that it did.
    revision : str or None
        State of the memory that it has.

    Raises
    ------
    EngineDownError
        If it cannot be started.
    """

    def __init__(self, settings: Settings, network: ElsewhereNetwork | None = None) -> None:
        self.hello: Greeting | None = None
        self.answered = 0
        self.revision: str | None = None
        self._settings = settings
        self._network = network
        self._dead = False
        self._at_work = threading.Lock()
        self._shelf = Shelf.made()
        try:
            self.process = subprocess.Popen(
                # -P: no module comes from the folder that happens to be the current one.
                [settings.python, "-P", "-s", "-m", "decoder"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment(settings) | (self._shelf.environment() if self._shelf else {}),
                cwd="/",
                start_new_session=True,
                pass_fds=[self._shelf.descriptor] if self._shelf else (),
            )
        except OSError as error:
            self._clear()
            raise EngineDownError(f"{settings.python}: {error.strerror}") from error
        self._questions = cast("IO[bytes]", self.process.stdin)
        # It reads whole frames into one piece of memory, and not a byte ahead: `fit` would miss it.
        self._answers = io.BufferedReader(cast("io.RawIOBase", self.process.stdout), 1)
        self._last_words = deque[bytes](maxlen=1)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        for pipe in (self._questions, self._answers):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe.fileno(), _F_SETPIPE_SZ, _PIPE_BYTES)

    def greet(self) -> None:
        """Hand over the settings and wait until the decoder is ready.

        Raises
        ------
        EngineDownError
            If it dies instead, or takes too long.
        """
        where = "inside"
        if self._network:
            where = "either" if self._network.own_too else "outside"
        told = {"settings": self._settings.to_json(), "network": where}
        try:
            hello, _ = self.ask("hello", told, b"", _START_LIMIT)
            self.hello = cast("Greeting", hello)
        except DecoderDiedError as error:
            self._listener.join(_LAST_WORDS_LIMIT)
            words = self._last_words[0].decode(errors="replace").strip() if self._last_words else ""
            if isinstance(error, DecoderKilledError):
                words = ""  # It had no time for any.
            # The last words may be a library's warning, which is not why.
            why = f"{words} ({error})" if words else str(error)
            raise EngineDownError(f"the decoder did not start: {why}") from error

    def ask(
        self, task: str, request: dict[str, Any], payload: bytes | Unread, limit: float
    ) -> tuple[dict[str, Any], bytes]:
        """Have it do a task; it is killed after ``limit`` seconds, and on any surprise.

        Raises
        ------
        DecoderDiedError
            If it died or was killed; `DecoderKilledError` if somebody else killed it.
        NetworkError
            If the network that it asked for could not be had.
        UnreadError
            If the picture could not be had at once; it is asked nothing then.
        """
        watchdog = Watchdog(limit, self.kill)
        bounds = answers.bounds(task, request, payload)
        try:
            with self._at_work:
                question = self._question(task, request, payload)
                frame, trouble = self._conversation(task, question, bounds, watchdog)
            answers.check(task, request, payload, frame, question.number)
        except (WireError, SurpriseError, OSError, ValueError, MemoryError) as error:
            ended = self._ended() if isinstance(error, ClosedError | BrokenPipeError) else None
            self.kill()
            kind = DecoderDiedError
            if watchdog.expired:
                why = f"took longer than {limit:g} s"
            elif isinstance(error, WireError | SurpriseError) and not isinstance(
                error, ClosedError
            ):
                why = f"was killed, its answer cannot be trusted: {error}"
            elif ended == OUT_OF_MEMORY:
                why = f"died at its memory limit (MemoryLimitMB {self._settings.memory_limit_mb})"
            elif ended == -signal.SIGKILL:
                kind, why = DecoderKilledError, "was killed: most likely memory ran out"
            elif ended is not None and ended < 0:
                why = f"died: {signal.strsignal(-ended)}"  # A processor that is too old, for one.
            else:
                why = "died"
            raise kind(f"the decoder {why}") from error
        finally:
            watchdog.pause()
        self.answered += 1
        if trouble:
            raise trouble
        return frame.header, frame.payload

    def _conversation(
        self, task: str, question: Frame, bounds: Bounds, watchdog: Watchdog
    ) -> tuple[Frame, NetworkError | None]:
        """Ask, run the network for it if it asks back, and return its answer.

        Also what was wrong with the network, where the decoder could not do without: that is not
        for it to say.
        """
        longest, trouble, network = bounds.payload, None, self._network
        left = elsewhere.ASKING.get(task, 0)
        if network is not None and left:
            longest = max(longest, elsewhere.largest(network))
        watchdog.resume()
        write_frame(self._questions, question)
        while True:
            frame = read_frame(self._answers, longest_header=bounds.header, longest_payload=longest)
            if frame.header.keys() != {"network"}:
                if len(frame.payload) > bounds.payload:
                    raise SurpriseError("it is too long")
                return frame, trouble
            if network is None or not left:
                raise SurpriseError("it asks for the network")
            try:
                # Only pictures leave: so many, of that size, each value in -1 to 1.
                pictures = pictures_from(frame.payload, network.shape)
            except ValueError as error:
                raise SurpriseError(f"it hands over {error}") from None
            watchdog.pause()
            try:
                header, payload = packed(network.run(pictures))
            except NetworkError as error:
                trouble = None if network.own_too else error
                header, payload = {}, b""
            left -= 1
            watchdog.resume()
            write_frame(self._questions, Frame(header, payload))

    def _question(self, task: str, request: dict[str, Any], payload: bytes | Unread) -> Frame:
        """Return a question; its picture is laid where the decoder finds it, if it knows there."""
        header, number = {**request, "task": task}, secrets.randbits(64)
        knows = task == "annotate" and self.hello and self.hello.get("shelf") is True
        if knows and self._shelf and self._shelf.put(payload):
            return Frame({**header, ON_THE_SHELF: len(payload)}, number=number)
        if not isinstance(payload, bytes):
            raise UnreadError(payload)
        return Frame(header, payload, number)

    def alive(self) -> bool:
        """Tell whether it runs, as far as is known."""
        # The pipe ends a moment before the process can be waited for.
        return not self._dead and self.process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end; return whether it came."""
        # By its pipe: descriptors of processes need Linux 5.3, and a runtime that allows them.
        ending = select.poll()
        ending.register(self._answers, 0)
        return bool(ending.poll(seconds * 1000))

    def fit(self) -> bool:
        """Tell whether it may be asked; one that speaks without having been asked is killed."""
        if not self.alive():
            return False
        unasked = select.poll()
        unasked.register(self._answers, select.POLLIN)
        if unasked.poll(0):
            self.kill()
        return self.alive()

    def worn(self) -> bool:
        """Tell whether it has served long enough."""
        return self.answered >= MOST_ANSWERS or self.cpu_seconds() >= MOST_CPU_SECONDS

    def cpu_seconds(self) -> float:
        """Return the processor time of its threads, as the kernel counts it."""
        try:
            # As clock_getcpuclockid(3) has it. Of a process that cannot be dumped, ``/proc`` may
            # show nothing to its own user (systemd's ProtectProc).
            return time.clock_gettime(~self.process.pid << 3 | 2)
        except OSError:
            return 0.0

    def kill(self) -> None:
        """End it at once."""
        self._dead = True
        self.process.kill()

    def _ended(self) -> int | None:
        """Return the exit status of one whose pipe is closed, None if it goes on without."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(_LAST_WORDS_LIMIT)
        return None

    def close(self) -> None:
        """End it and give back what it held here."""
        self.kill()
        self.process.wait()
        with self._at_work:
            self._questions.close()
            self._answers.close()
            self._clear()

    def _clear(self) -> None:
        if self._shelf:
            self._shelf.close()
            self._shelf = None

    def _listen(self) -> None:
        """Keep the last line of stderr until it is ready, drop everything after."""
        errors = cast("IO[bytes]", self.process.stderr)
        with contextlib.suppress(OSError), errors:
            rest = b""
            while piece := errors.read(_LISTENED):
                if self.hello is None:
                    *lines, rest = (rest + piece)[-_LISTENED:].split(b"\n")
                    spoken = [line for line in (*lines, rest) if line.strip()]
                    self._last_words.extend(line[:_LONGEST_WORDS] for line in spoken[-1:])


def environment(settings: Settings) -> dict[str, str]:
    """Return all that a decoder, or the network's process, gets to know of our environment."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_PLUGIN),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": str(settings.threads),
        # Weights and pictures in pages of 2 MB: of the small ones a processor looks up so many that
        # a tenth of its time goes there. Others than glibc, and kernels without them, ignore it.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
