"""The pool of decoders: kept running, replaced when they die or have served long enough.

A decoder that hangs is killed at its time limit; one that dies fails one request only. Requests
that a person waits for go first.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from bodypart.network import NetworkError
from service.decoders.elsewhere import ASKING, NetworkDownError
from service.decoders.lessons import LEARNING
from service.decoders.process import (
    DecoderDiedError,
    DecoderProcess,
    EngineDownError,
    UnreadError,
)
from service.errors import ServiceError
from service.lasting import lasting, lengthening

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.settings import Settings
    from decoder.shelf import Unread
    from service.decoders.elsewhere import ElsewhereNetwork
    from service.decoders.greeting import Greeting
    from service.decoders.lessons import Lessons

__all__ = ["DecoderDiedError", "DecoderPool", "EngineDownError", "RefusedError"]

_WITH_MEMORY = ("annotate", "classify")
_PAUSES = (0.2, 1.0, 5.0, 30.0)
_LOOKS_EVERY = 1.0
_DEATHS = 2
"""Deaths of decoders while they learned a state of the memory, after which it is not sent again."""


class RefusedError(ServiceError):
    """The decoder answered that the task cannot be done on this input.

    Attributes
    ----------
    kind : str
        The name of the decoder's error.
    """

    def __init__(self, kind: str, details: str) -> None:
        super().__init__(details)
        self.kind = kind


class DecoderPool:
    """A pool of decoders behind one method, ``ask``.

    Parameters
    ----------
    settings : Settings
        The checked section, with ``python`` and ``model`` filled in.
    log : callable
        Takes a line without patient data.
    lessons : Lessons or None
        What a decoder has to learn before it looks at a picture.
    network : ElsewhereNetwork or None
        Runs the network for the decoders; None: each does that itself.
    """

    def __init__(
        self,
        settings: Settings,
        log: Callable[[str], None],
        lessons: Lessons | None = None,
        network: ElsewhereNetwork | None = None,
    ) -> None:
        self._settings = settings
        self.network = network
        self._lessons = lessons
        self._log = log
        self._idle: deque[DecoderProcess] = deque()
        self._all: set[DecoderProcess] = set()
        self._running: set[DecoderProcess] = set()
        self._changed = threading.Condition()
        self._urgent = 0
        self._deaths: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._starters: list[threading.Thread] = []
        self.hello: Greeting | None = None
        self._why_down: str | None = "the decoder is starting"

    def start(self) -> None:
        """Start the decoders in the background; ``ask`` waits for none but raises until then."""
        if self.network:
            self.network.start()
        for number in range(self._settings.workers):
            thread = lasting(f"decoder-{number}", self._keep_one, self._stopping, self._log)
            thread.start()
            self._starters.append(thread)

    def stop(self) -> None:
        """Kill what runs and wait for it."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for decoder in list(self._running):
            decoder.kill()
        for thread in self._starters:
            thread.join()
        if self.network:
            self.network.stop()

    @property
    def running(self) -> bool:
        """Whether a decoder runs: it can do what needs no network."""
        return bool(self._all)

    @property
    def ready(self) -> bool:
        """Whether pictures can be looked at."""
        return self.running and self._missing is None

    @property
    def down_reason(self) -> str | None:
        """Why they cannot."""
        return self._missing if self.running else self._why_down

    @property
    def provider(self) -> str | None:
        """Where the network runs now: ``cpu``, ``cuda`` or ``remote``; None before the start."""
        if self.network is None:
            return self.hello["provider"] if self.hello else None
        fallen_back = self.network.own_too and not self.network.ready
        return "cpu" if fallen_back else self.network.provider

    @property
    def warning(self) -> str | None:
        """Why it does not run where it was asked to."""
        if self.network is None or not self.network.own_too:
            return self.hello["warning"] if self.hello else None
        reason = self.network.down_reason
        return reason and f"the model runs on the CPU: {reason}"

    @property
    def _missing(self) -> str | None:
        """What a running decoder waits for before it can look at a picture."""
        if self.network and not (self.network.own_too or self.network.ready):
            return self.network.down_reason
        return LEARNING if self._lessons and not self._lessons.ready else None

    def ask(
        self, task: str, request: dict[str, Any], payload: bytes | Unread, *, urgent: bool = False
    ) -> tuple[dict[str, Any], bytes]:
        """Have a decoder do a task.

        Parameters
        ----------
        task : str
            A key of ``decoder.tasks.TASKS``.
        request, payload : dict, bytes or Unread
            What the task takes, usually a DICOM file as payload.
        urgent : bool
            Whether a person waits: goes before the backlog.

        Raises
        ------
        EngineDownError
            If no decoder runs, or what it needs is not there: the network, or the memory.
        DecoderDiedError
            If it died on this request, or took longer than ``TimeLimit``.
        RefusedError
            If it answered that the task cannot be done.
        """
        try:
            return self._ask(task, request, payload, urgent=urgent)
        except UnreadError as error:
            # A disk may take long, or stand still: meanwhile the decoder does something else.
            return self._ask(task, request, error.picture.data, urgent=urgent)

    def _ask(
        self, task: str, request: dict[str, Any], payload: bytes | Unread, *, urgent: bool
    ) -> tuple[dict[str, Any], bytes]:
        if task in ASKING and (missing := self._missing):
            raise EngineDownError(missing)
        decoder = self._take(urgent=urgent)
        try:
            if self._lessons and task in _WITH_MEMORY:
                self._teach(decoder, self._lessons)
            answer, attachment = decoder.ask(task, request, payload, self._settings.time_limit)
        except DecoderDiedError as error:
            if self._stopping.is_set():
                # Killed, and not by the picture.
                raise EngineDownError("Orthanc is stopping") from None
            self._log(str(error))
            raise
        except NetworkDownError as error:
            raise EngineDownError(str(error)) from error
        except NetworkError as error:
            raise RefusedError(type(error).__name__, str(error)) from error
        finally:
            self._give(decoder)
        if "error" in answer:
            raise RefusedError(answer["error"], answer["details"])
        return answer, attachment

    def _teach(self, decoder: DecoderProcess, lessons: Lessons) -> None:
        """Bring a decoder's memory up to date; told the whole where an update does not fit.

        Raises
        ------
        EngineDownError
            If it died of it: the picture that it was to look at has nothing to do with that.
        """
        for known in (decoder.revision, None):
            lesson = lessons.after(known)
            if lesson is None:
                return
            record, numbers = lesson
            # It does not get the same again before there are new words.
            decoder.revision = revision = record["revision"]
            if self._deaths[revision] >= _DEATHS:
                return
            try:
                answer, _ = decoder.ask(
                    "learn", {"memory": record}, numbers, self._settings.time_limit
                )
            except DecoderDiedError as error:
                self._deaths[revision] += 1
                left_out = self._deaths[revision] >= _DEATHS
                self._log(
                    f"{error} while it loaded the memory"
                    + ("; decoders go on without the newest words" if left_out else "")
                )
                raise EngineDownError(f"{error} while it loaded the memory") from error
            if answer.get("applied"):
                return
        self._log("a decoder rejected the memory, and answers without it")

    def _take(self, *, urgent: bool) -> DecoderProcess:
        with self._changed:
            self._urgent += urgent
            try:
                while True:
                    # One that died while idle must not be blamed on the next request.
                    while self._idle and not self._idle[0].fit():
                        self._idle.popleft()
                    if self._idle and (urgent or not self._urgent):
                        return self._idle.popleft()
                    if self._stopping.is_set():
                        raise EngineDownError("Orthanc is stopping")
                    if not self._all:
                        raise EngineDownError(self._why_down or "no decoder runs")
                    self._changed.wait(1.0)
            finally:
                self._urgent -= urgent

    def _give(self, decoder: DecoderProcess) -> None:
        with self._changed:
            dismissed = decoder not in self._all
            if decoder.fit() and not dismissed:
                self._idle.append(decoder)
            self._changed.notify_all()
        if dismissed:
            self._end(decoder)

    def _keep_one(self) -> None:
        """Keep one running: start it, wait for its end, start it again, more slowly each time.

        One that has served long enough goes when the next is ready. This thread must outlive
        them: the kernel takes the end of the thread that started a process for its parent's.
        """
        pauses = lengthening(_PAUSES)
        current: DecoderProcess | None = None
        try:
            while not self._stopping.is_set():
                try:
                    following = self._new_decoder()
                except EngineDownError as error:
                    if self._stopping.is_set():
                        break
                    self._why_down = str(error)
                    self._log(str(error))
                    self._stopping.wait(next(pauses))
                    if current and not current.alive():
                        self._dismiss(current)
                        current = None
                    continue
                pauses = lengthening(_PAUSES)
                self._welcome(following)
                if current:
                    self._dismiss(current)
                current = following
                if not self._serves_until_worn(current):
                    self._dismiss(current)
                    current = None
        finally:
            if current:
                self._dismiss(current)

    def _new_decoder(self) -> DecoderProcess:
        """Return a decoder that is ready; ``stop`` kills one that is still starting."""
        decoder = DecoderProcess(self._settings, self.network)
        self._running.add(decoder)
        try:
            if self._stopping.is_set():
                decoder.kill()
            decoder.greet()
        except EngineDownError:
            self._end(decoder)
            raise
        return decoder

    def _welcome(self, decoder: DecoderProcess) -> None:
        first, hello = self.hello is None, decoder.hello
        assert hello is not None
        with self._changed:
            self.hello = hello
            self._all.add(decoder)
            self._idle.append(decoder)
            self._changed.notify_all()
        if first:
            model = hello["model"]
            where = "" if self.network else f" on {hello['provider']}"
            self._log(f"the model {model['name']} {model['version']} is ready{where}")
            if warning := hello.get("warning"):
                self._log(warning)
            for layer, why in hello.get("lockdown", {}).get("missing", {}).items():
                self._log(
                    f"the decoders run without one layer of their protection: {layer} ({why})"
                )

    def _serves_until_worn(self, decoder: DecoderProcess) -> bool:
        """Wait; return True if it has served long enough, False if it died or the service stops."""
        while not self._stopping.is_set():
            if decoder.ends_within(_LOOKS_EVERY):
                return False
            if decoder.worn():
                return True
        decoder.kill()
        return False

    def _dismiss(self, decoder: DecoderProcess) -> None:
        """Take it out of the pool; one that is at work ends after it."""
        with self._changed:
            self._all.discard(decoder)
            at_work = decoder.alive() and decoder not in self._idle
            with contextlib.suppress(ValueError):
                self._idle.remove(decoder)
            if not self._all:
                self._why_down = "the decoder is starting again"
            self._changed.notify_all()
        if not at_work:
            self._end(decoder)

    def _end(self, decoder: DecoderProcess) -> None:
        decoder.close()
        self._running.discard(decoder)
