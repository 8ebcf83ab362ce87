"""The pool of decoders: kept running, replaced when they die or have served long enough.

One that hangs is killed at its time limit; one that dies takes down one request only. Requests
that a person waits for go before the backlog's.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from service.decoders.process import DecoderProcess, EngineDownError, WorkerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.settings import Settings
    from service.learning.lessons import Lessons

__all__ = ["Engine", "EngineDownError", "RefusedError", "WorkerDiedError"]

_WITH_MEMORY = ("annotate", "classify")
_PAUSES = (0.2, 1.0, 5.0, 30.0)


class RefusedError(Exception):
    """The worker answered that the task cannot be done on this input."""

    def __init__(self, kind: str, details: str) -> None:
        super().__init__(details)
        self.kind = kind


class Engine:
    """A pool of workers behind one method, ``ask``.

    Parameters
    ----------
    settings : Settings
        The checked section, with ``python`` and ``model`` filled in.
    log : callable
        Takes a line without patient data.
    lessons : Lessons or None
        What a decoder has to learn before it looks at a picture.
    """

    def __init__(
        self, settings: Settings, log: Callable[[str], None], lessons: Lessons | None = None
    ) -> None:
        self._settings = settings
        self._lessons = lessons
        self._log = log
        self._idle: deque[DecoderProcess] = deque()
        self._all: set[DecoderProcess] = set()
        self._running: set[DecoderProcess] = set()
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
        for worker in list(self._running):
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
            if self._lessons and task in _WITH_MEMORY:
                self._teach(worker, self._lessons)
            answer, attachment = worker.ask(
                task, {**request, "task": task}, payload, self._settings.time_limit
            )
        except WorkerDiedError as error:
            self._log(str(error))
            raise
        finally:
            self._give(worker)
        if "error" in answer:
            raise RefusedError(answer["error"], answer["details"])
        return answer, attachment

    def _teach(self, worker: DecoderProcess, lessons: Lessons) -> None:
        """Bring a decoder's memory up to date; told the whole where an update does not fit."""
        for known in (worker.revision, None):
            lesson = lessons.after(known)
            if lesson is None:
                return
            record, numbers = lesson
            answer, _ = worker.ask(
                "learn", {"memory": record, "task": "learn"}, numbers, self._settings.time_limit
            )
            # It is not told the same again before the next words.
            worker.revision = record["revision"]
            if answer.get("applied"):
                return
        self._log("a decoder does not take the memory, and answers without it")

    def _take(self, *, urgent: bool) -> DecoderProcess:
        with self._changed:
            self._urgent += urgent
            try:
                while True:
                    # One that died while nobody asked it must not be blamed on the next request.
                    while self._idle and not self._idle[0].fit():
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

    def _give(self, worker: DecoderProcess) -> None:
        with self._changed:
            dismissed = worker not in self._all
            if worker.fit() and not dismissed:
                self._idle.append(worker)
            self._changed.notify_all()
        if dismissed:
            self._end(worker)

    def _keep_one(self) -> None:
        """Keep one running: start it, wait for its end, start it again, more slowly each time.

        One that has served long enough goes when the next is ready. This thread must outlive
        them: the kernel takes the end of the thread that started a process for its parent's.
        """
        failures = 0
        current: DecoderProcess | None = None
        while not self._stopping.is_set():
            try:
                following = self._new_worker()
            except EngineDownError as error:
                if self._stopping.is_set():
                    break
                self.down_reason = str(error)
                self._log(str(error))
                self._stopping.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                if current and not current.alive():
                    self._dismiss(current)
                    current = None
                continue
            failures = 0
            self._welcome(following)
            if current:
                self._dismiss(current)
            current = following
            if not self._serves_until_worn(current):
                self._dismiss(current)
                current = None
        if current:
            self._dismiss(current)

    def _new_worker(self) -> DecoderProcess:
        """Return a worker that is ready; ``stop`` kills one that is still starting."""
        worker = DecoderProcess(self._settings)
        self._running.add(worker)
        try:
            if self._stopping.is_set():
                worker.kill()
            worker.greet()
        except EngineDownError:
            self._end(worker)
            raise
        return worker

    def _welcome(self, worker: DecoderProcess) -> None:
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
            if hello.get("warning"):
                self._log(hello["warning"])
            for layer, why in hello.get("lockdown", {}).get("missing", {}).items():
                self._log(f"the workers do without a layer of protection: {layer} ({why})")

    def _serves_until_worn(self, worker: DecoderProcess) -> bool:
        """Wait; return whether it has served long enough, not if it died or all is to stop."""
        descriptor = os.pidfd_open(worker.process.pid)
        try:
            while not self._stopping.is_set():
                if select.select([descriptor], [], [], 1.0)[0]:
                    return False
                if worker.worn():
                    return True
        finally:
            os.close(descriptor)
        worker.kill()
        return False

    def _dismiss(self, worker: DecoderProcess) -> None:
        """Take it out of the pool; one that is at work ends after it."""
        with self._changed:
            self._all.discard(worker)
            at_work = worker.alive() and worker not in self._idle
            with contextlib.suppress(ValueError):
                self._idle.remove(worker)
            if not self._all:
                self.down_reason = "the worker is starting again"
            self._changed.notify_all()
        if not at_work:
            self._end(worker)

    def _end(self, worker: DecoderProcess) -> None:
        worker.close()
        self._running.discard(worker)
