"""The workers as the driver sees them, wherever they run, and the workers of this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from backfill.errors import AwayError, BackfillError
from backfill.gpu import MachineNetwork
from backfill.reader import Batch, Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from backfill.options import Order
    from bodypart.record import BroughtRecord

EACH = 2
"""Batches that a worker has: one that it reads, and one that waits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes
    ----------
    batch : Batch
        The batch that was given.
    answers : list of dict
        Answers as the route for results takes them.
    lost : str or None
        Why the worker is lost, None if it is not; the batch must be given to another one.
    """

    batch: Batch
    answers: list[BroughtRecord] = field(default_factory=list)
    lost: str | None = None


class Crew(Protocol):
    """Workers that read batches."""

    @property
    def workers(self) -> int:
        """How many workers are left."""

    @property
    def room(self) -> int:
        """How many batches may be given now."""

    def give(self, batch: Batch) -> None:
        """Have a batch read; returns at once."""

    def wait(self, seconds: float) -> list[Outcome]:
        """Return the finished batches, waiting up to ``seconds`` if there are none."""

    def close(self) -> None:
        """End all workers."""


class LocalCrew:
    """Workers of this machine: one thread for each, with a decoder process of its own.

    Parameters
    ----------
    order : Order
        Their order.
    workers : int
        How many.
    notice : callable
        See `Connection`.
    """

    def __init__(self, order: Order, workers: int, notice: Callable[[str | None], None]) -> None:
        self._stopping = threading.Event()
        self._network = MachineNetwork()
        self._given: SimpleQueue[Batch | None] = SimpleQueue()
        self._finished: SimpleQueue[Outcome] = SimpleQueue()
        self._out = 0
        self.workers = workers
        # The kernel ends a decoder with the thread that started it, so the threads stay for good.
        self._threads = [
            threading.Thread(target=self._work, args=(order, notice), name=f"bodypart-read-{n}")
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def room(self) -> int:
        """How many batches may be given now."""
        return EACH * self.workers - self._out

    def give(self, batch: Batch) -> None:
        """Have a batch read; returns at once."""
        self._out += 1
        self._given.put(batch)

    def wait(self, seconds: float) -> list[Outcome]:
        """Return a finished batch, waiting up to ``seconds`` if there is none."""
        try:
            outcome = self._finished.get(timeout=seconds)
        except Empty:
            return []
        self._out -= 1
        self.workers -= outcome.lost is not None
        return [outcome]

    def close(self) -> None:
        """End all workers; they do not finish their batches."""
        self._stopping.set()
        for _ in self._threads:
            self._given.put(None)
        for thread in self._threads:
            thread.join()
        self._network.close()

    def _work(self, order: Order, notice: Callable[[str | None], None]) -> None:
        reader = Reader(order, self._stopping, notice, self._network)
        try:
            while (batch := self._given.get()) and not self._stopping.is_set():
                try:
                    self._finished.put(Outcome(batch, reader.read(batch)))
                except AwayError:
                    return  # The crew is being closed.
                except BackfillError as error:
                    self._finished.put(Outcome(batch, lost=str(error)))
                    return
                except Exception as error:
                    self._finished.put(Outcome(batch, lost=f"{type(error).__name__}: {error}"))
                    return
        finally:
            reader.close()
