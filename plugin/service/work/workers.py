"""The threads that do the tasks: which does which kinds, and what if a task cannot be ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from service.errors import DamagedError, RecordError, ServiceError
from service.lasting import kind_and_place, lasting
from service.queue.tasks import Kind, Task
from service.work.failures import PAUSE_AFTER_TROUBLE, pause_after

if TYPE_CHECKING:
    import threading

    from service.decoders.pool import DecoderPool
    from service.queue.tasks import Tasks
    from service.work.annotating import Annotating
    from service.work.change_log import ChangeLog
    from service.work.follow_ups import FollowUps

_AHEAD = 1
"""Annotating threads beyond the number of decoders: one fetches or stores while all decode."""
_UNTIL_ONE_RUNS = 0.1
_PAUSE_AFTER_FAILURE = 5.0
_ROLL_UPS_TOGETHER = 24
"""The roll-ups of eight pictures, each of another patient."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What one thread does.

    Attributes
    ----------
    name : str
        The thread's.
    kinds : tuple of Kind
        The kinds of task that it takes.
    do : callable
        Does and ends the tasks of a list; leaves in it those to be given back if it raises.
    wait : callable
        Returns the seconds to wait before it takes a task; 0 if it may take one now.
    most : int
        How many it takes at a time.
    """

    name: str
    kinds: tuple[Kind, ...]
    do: Callable[[list[Task]], None]
    wait: Callable[[], float]
    most: int = 1


def duties(
    decoders: DecoderPool,
    count: int,
    change_log: ChangeLog,
    annotating: Annotating,
    follow_ups: FollowUps,
) -> list[Duty]:
    """Return what the threads do, one thread for each.

    Parameters
    ----------
    decoders, count : DecoderPool, int
        The decoders, and how many there are.
    change_log : ChangeLog
        Knows of bursts: what arrives together is stored first and annotated afterwards.
    annotating, follow_ups : Annotating, FollowUps
        They do the tasks.
    """

    def for_the_model() -> float:
        return change_log.burst() if decoders.ready else _UNTIL_ONE_RUNS

    def for_a_decoder() -> float:
        return 0.0 if decoders.running else _UNTIL_ONE_RUNS

    def for_nothing() -> float:
        return 0.0

    first = (Kind.APPLY, Kind.ANNOTATE, Kind.LOOK)
    found = [
        Duty(f"annotate-{number}", first, annotating.do, for_the_model)
        for number in range(count + _AHEAD)
    ]
    roll_up = follow_ups.write_roll_ups
    found.append(Duty("roll-up", (Kind.ROLL_UP,), roll_up, for_nothing, _ROLL_UPS_TOGETHER))
    if follow_ups.with_files:
        # Rewriting and reports need no network.
        kinds = (Kind.REWRITE, Kind.RECONSTRUCT)
        found.append(Duty("rewrite", kinds, follow_ups.do, for_a_decoder))
    if follow_ups.with_reports:
        found.append(Duty("report", (Kind.REPORT,), follow_ups.do, for_a_decoder))
    return found


class Workers:
    """Takes tasks and has them done until the service stops.

    Parameters
    ----------
    tasks : Tasks
        The table.
    duties : sequence of Duty
        One for each thread.
    damaged : callable
        Called with the error if a database is damaged.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        tasks: Tasks,
        duties: Sequence[Duty],
        *,
        damaged: Callable[[DamagedError], None],
        log: Callable[[str], None],
    ) -> None:
        self._tasks = tasks
        self._duties = duties
        self._damaged = damaged
        self._log = log

    def threads(self, stopping: threading.Event) -> list[threading.Thread]:
        """Return the threads, not started yet."""
        return [
            lasting(duty.name, partial(self._work, duty, stopping), stopping, self._log)
            for duty in self._duties
        ]

    def _work(self, duty: Duty, stopping: threading.Event) -> None:
        while not stopping.is_set():
            if pause := duty.wait():
                stopping.wait(pause)
                continue
            claimed: list[Task] = []
            try:
                claimed = self._tasks.wait(duty.kinds, stopping, duty.most)
                if claimed:
                    duty.do(claimed)
            except DamagedError as error:
                self._damaged(error)
                return
            except Exception as error:
                # A transient failure of the database must not end the queue.
                self._log(f"the queue failed and starts again: {kind_and_place(error)}")
                self._give_back(claimed, stopping, foreseen=isinstance(error, ServiceError))

    def _give_back(self, claimed: list[Task], stopping: threading.Event, *, foreseen: bool) -> None:
        """Release the tasks that could not be ended, once the records can be written again."""
        left = list(claimed)
        while not stopping.wait(PAUSE_AFTER_TROUBLE) and left:
            with suppress(RecordError):
                while left:
                    pause = max(_PAUSE_AFTER_FAILURE, 0.0 if foreseen else pause_after(left[-1]))
                    self._tasks.retry(left[-1], pause, counts=not foreseen)
                    left.pop()
