"""One worker: fetches files from Orthanc and has its own locked-down decoder read them."""

from __future__ import annotations

import sys
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backfill.connection import Connection
from backfill.errors import (
    AwayError,
    BackfillError,
    GoneError,
    MismatchError,
    RefusedError,
    UnreadableError,
)
from backfill.gpu import MachineNetwork
from backfill.reference import Reference
from bodypart.annotation import failed
from service.decoders.process import DecoderDiedError, DecoderProcess, EngineDownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backfill.options import Order
    from bodypart.record import BroughtRecord

_AHEAD = 2
"""Files that are fetched while the decoder reads one."""
DEATHS = 2
"""Deaths of decoders, or of whole workers, after which a picture is failed."""
_GONE = "Orthanc has no such instance"


@dataclass(frozen=True, slots=True)
class Batch:
    """Instances to read, and the revision of the memory that the decoder must have for them."""

    instances: tuple[str, ...]
    memory: str | None


class Reader:
    """Reads batches; belongs to the thread that creates it.

    Parameters
    ----------
    order : Order
        Where Orthanc is, and which model to use.
    stopping : threading.Event
        Ends any waiting.
    notice : callable
        See `Connection`.
    network : MachineNetwork or None
        Shared with the other readers of this process.
    """

    def __init__(
        self,
        order: Order,
        stopping: threading.Event | None = None,
        notice: Callable[[str | None], None] = lambda _: None,
        network: MachineNetwork | None = None,
    ) -> None:
        self._network = network or MachineNetwork()
        self._order = order
        self._stopping = stopping or threading.Event()
        self._connection = Connection(order, self._stopping, notice)
        self._fetching = ThreadPoolExecutor(_AHEAD, "bodypart-fetch")
        self._decoder: DecoderProcess | None = None
        self._learned: str | None = None
        self._time_limit = 0.0

    def read(self, batch: Batch) -> list[BroughtRecord]:
        """Return an answer for each instance, as the route for results takes them.

        Raises
        ------
        MismatchError
            If this machine would not answer like the service.
        RefusedError
            If Orthanc refuses, or no decoder can be started here.
        AwayError
            If the reader is stopped.
        """
        return [
            self._answer(instance, fetched, batch.memory)
            for instance, fetched in self._files(batch.instances)
        ]

    def give_up(self, instance: str, reason: str) -> BroughtRecord:
        """Return a failed answer for an instance without reading it; errors are those of ``read``.

        Its file is not fetched.
        """
        try:
            file = self._connection.version(instance)
        except (GoneError, UnreadableError):
            file = ""
        return _failed(instance, reason, file)

    def close(self) -> None:
        """End the decoder."""
        self._fetching.shutdown(cancel_futures=True)
        if self._decoder:
            self._decoder.close()

    def _files(self, instances: Sequence[str]) -> Iterator[tuple[str, Future[tuple[bytes, str]]]]:
        """Yield the files in order, while the next ones are being fetched."""
        coming: deque[tuple[str, Future[tuple[bytes, str]]]] = deque()
        for instance in instances:
            coming.append((instance, self._fetching.submit(self._connection.file, instance)))
            if len(coming) > _AHEAD:
                yield coming.popleft()
        yield from coming

    def _answer(
        self, instance: str, fetched: Future[tuple[bytes, str]], memory: str | None
    ) -> BroughtRecord:
        if self._stopping.is_set():
            raise AwayError("it is to stop")
        try:
            data, file = fetched.result()
        except GoneError:
            return _failed(instance, _GONE)
        except UnreadableError:
            return _failed(instance, "Orthanc cannot read its file")
        except (BackfillError, AwayError):
            raise
        except Exception as error:
            return _failed(instance, f"the file cannot be fetched: {type(error).__name__}")
        deaths = 0
        while True:
            decoder = self._ready(memory)
            try:
                return self._asked(decoder, instance, file, data)
            except DecoderDiedError as error:
                why = str(error)
            except Exception as error:
                # Unforeseen: the decoder may be within an answer, so the next picture gets another.
                decoder.close()
                why = type(error).__name__
            deaths += 1
            if deaths == DEATHS:
                return _failed(instance, f"quarantined: {why}, {deaths} times", file)

    def _asked(
        self, decoder: DecoderProcess, instance: str, file: str, data: bytes
    ) -> BroughtRecord:
        """Return a decoder's annotation of a file, with the model's output if there is one."""
        answer, _ = decoder.ask("annotate", {"instance": instance}, data, self._time_limit)
        if "error" in answer:
            return _failed(instance, f"given up: {answer['details']}", file)
        said: BroughtRecord = {
            "instance": instance,
            "file": file,
            "annotation": answer["annotation"],
        }
        if "seen" in answer:
            said["seen"] = answer["seen"]
        return said

    def _ready(self, memory: str | None) -> DecoderProcess:
        """Return a running decoder that has the memory."""
        deaths = 0
        while True:
            try:
                return self._present(memory) or self._new(memory)
            except EngineDownError as error:
                raise RefusedError(f"no decoder can be started on this machine: {error}") from None
            except DecoderDiedError as error:
                # No picture was involved: the cause is the memory, or this machine.
                deaths += 1
                if deaths == DEATHS:
                    raise RefusedError(
                        f"the decoder on this machine cannot load the memory: {error}"
                    ) from None

    def _present(self, memory: str | None) -> DecoderProcess | None:
        """Return the decoder that already runs, None if there is none or it must be replaced."""
        decoder = self._decoder
        if decoder is None:
            return None
        if decoder.fit() and not decoder.worn():
            if memory != self._learned:
                self._teach(decoder, Reference.of(self._connection, decoder.revision))
                self._learned = memory
            return decoder
        decoder.close()
        return None

    def _new(self, memory: str | None) -> DecoderProcess:
        reference = Reference.of(self._connection)
        reference.check_model(Path(self._order.model))
        settings = reference.settings_here(self._order, sys.executable)
        self._time_limit = settings.time_limit
        decoder = DecoderProcess(settings, self._network.of(settings))
        try:
            decoder.greet()
            self._teach(decoder, reference)
        except BaseException:
            decoder.close()
            raise
        self._decoder, self._learned = decoder, memory
        return decoder

    def _teach(self, decoder: DecoderProcess, reference: Reference) -> None:
        if reference.memory is None:
            return
        record, numbers = reference.memory
        answer, _ = decoder.ask("learn", {"memory": record}, numbers, self._time_limit)
        if not answer.get("applied"):
            raise MismatchError("the decoder on this machine rejects the service's memory")
        decoder.revision = record["revision"]


def _failed(instance: str, reason: str, file: str = "") -> BroughtRecord:
    return {"instance": instance, "file": file, "annotation": failed(instance, reason)}
