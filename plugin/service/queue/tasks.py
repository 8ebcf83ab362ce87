"""The table of tasks, given out in order, each to one worker at a time.

A task is a kind of work on one resource. It is in the table from the moment it is asked for until
it is done, so that a kill at any moment does not lose it. Asking again for a task that is there
raises its generation: a worker that ends an older generation leaves the newer request there.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from service.databases.tables import tasks
from service.queue.claims import Claims
from service.queue.sleepers import Sleepers
from service.queue.statements import (
    CLAIM,
    CLAIM_THIS,
    COUNT,
    COUNT_AT,
    END,
    HASTEN,
    HELD,
    LENT,
    LET_GO,
    STANDING,
    claim_next,
    first_due,
    free,
    is_task,
    new_row,
    next_due,
    upsert,
)
from service.queue.task import Kind, Mode, Priority, Task, upwards

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Connection

    from service.databases.database import Database

__all__ = ["Kind", "Mode", "Priority", "Task", "Tasks"]

_APART = 1e-6
"""Seconds between the due times of tasks asked for together, which keeps their order."""
_LOOK_AGAIN = 0.1
"""Seconds after which a waiting thread checks whether another node ended the tasks."""
_LONGEST_WAIT = 1.0
"""Seconds after which a worker looks again, because another node may have asked for something."""


class _Waiting(NamedTuple):
    """A thread that waits for the end of tasks."""

    kind: str
    resources: frozenset[str]
    looked_for: threading.Event


class Tasks:
    """The table of tasks.

    Parameters
    ----------
    database : Database
        Has the table; several nodes may share it.
    node : str
        Name of this service among those that share the database.

    Attributes
    ----------
    claims : Claims
        The tasks that this node's workers have.
    """

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self.claims = Claims(database, node)
        self._upsert = {postpone: upsert(database, postpone) for postpone in (False, True)}
        self._changed = threading.Lock()
        self._sleepers = Sleepers()
        self._ended: deque[tuple[str, str]] = deque()
        self._waiting: list[_Waiting] = []

    def ask(
        self,
        connection: Connection,
        kind: Kind,
        resources: Iterable[str],
        *,
        level: str = "instances",
        mode: Mode = Mode.NEW,
        priority: int = Priority.ARRIVAL,
        delay: float = 0.0,
        postpone: bool = False,
        sequences: Mapping[str, int] | None = None,
    ) -> None:
        """Put tasks into the table, in the caller's transaction, after which it must call ``wake``.

        Parameters
        ----------
        connection : Connection
            An open transaction.
        kind, resources, level
            Kind of work and the resources, in the order in which they are to be given out.
        mode : Mode
            The stronger of two requests counts.
        priority : int
            The more urgent of two requests counts.
        delay : float
            Seconds to wait first.
        postpone : bool
            Whether a further request restarts the wait, as for a resource that is to settle first.
        sequences : mapping or None
            Number of the change in Orthanc's log that asked for each.
        """
        now = time.time() + delay
        due = {one: now + place * _APART for place, one in enumerate(resources)}
        sequences = sequences or {}
        # Always in the same order, so that two nodes do not deadlock.
        rows = [
            new_row(kind, one, level, mode, priority, due[one], sequences.get(one))
            for one in sorted(due)
        ]
        if rows:
            self._upsert[postpone].run_for_each(connection, rows)
            self._sleepers.asked(kind, now, len(rows))

    def ask_roll_ups(
        self,
        connection: Connection,
        levels: Iterable[tuple[str, str]],
        delay: float,
        priority: int = Priority.ARRIVAL,
    ) -> None:
        """Ask for the roll-ups of some (level, resource), in the caller's transaction."""
        due = time.time() + delay
        rows = [
            new_row(Kind.ROLL_UP, resource, level, Mode.NEW, priority, due, None)
            for level, resource in levels
        ]
        self._upsert[False].run_for_each(connection, rows)
        self._sleepers.asked(Kind.ROLL_UP, due)

    def hasten_roll_ups(self, connection: Connection, levels: Iterable[tuple[str, str]]) -> None:
        """Make waiting roll-ups due at once, except those of the old stock.

        No roll-up is asked for that is not waiting.
        """
        due = time.time()
        which = [{"b_resource": resource, "at": due} for _, resource in levels]
        HASTEN.run_for_each(connection, which)
        self._sleepers.asked(Kind.ROLL_UP, due)

    def ask_now(
        self,
        kind: Kind,
        resources: Iterable[str],
        *,
        mode: Mode = Mode.NEW,
        priority: int = Priority.ARRIVAL,
        delay: float = 0.0,
    ) -> None:
        """Put tasks on instances into the table, and wake the workers; see ``ask``."""
        with self._database.write() as connection:
            self.ask(connection, kind, resources, mode=mode, priority=priority, delay=delay)
        self.wake()

    def wake(self, *, everybody: bool = False) -> None:
        """Wake the workers for new tasks, and the threads that wait for the end of others."""
        self._sleepers.wake(everybody=everybody)
        self._tell_of_ends()

    def claim(self, kinds: tuple[Kind, ...]) -> Task | None:
        """Claim and return the next task that is due; None if there is none."""
        return next(iter(self.claim_some(kinds, 1)), None)

    def claim_some(self, kinds: tuple[Kind, ...], most: int) -> list[Task]:
        """Claim and return the next tasks that are due, in order."""
        due, claim = {"most": most, "now": time.time()}, self.claims.new()
        with self._database.write() as connection:
            if self._database.shared:
                found = [row for kind in kinds for row in connection.execute(next_due(kind), due)]
            else:
                found = claim_next(kinds).rows(connection, **due, **claim)
            rows = sorted(found, key=lambda one: (one.priority, one.due))[:most]
            if rows and self._database.shared:
                which = [{"b_kind": row.kind, "b_resource": row.resource} for row in rows]
                connection.execute(CLAIM, [one | claim for one in which])
        return [self.claims.note(Task(*row[:-1])) for row in rows]

    def claim_this(self, kind: Kind, resource: str) -> Task | None:
        """Claim and return a task, due or not; None if there is none, or it is claimed already."""
        which = {"b_kind": kind, "b_resource": resource, "now": time.time()}
        with self._database.write() as connection:
            rows = CLAIM_THIS.rows(connection, **which, **self.claims.new())
        return self.claims.note(Task(*rows[0])) if rows else None

    def wait(self, kinds: tuple[Kind, ...], stopping: threading.Event, most: int = 1) -> list[Task]:
        """Claim and return the next tasks; if none is due, sleep for up to a second instead."""
        with self._sleepers.looking(kinds) as sleeper:
            claimed = self.claim_some(kinds, most)
            if not claimed and not stopping.is_set():
                sleeper.sleep(min(_LONGEST_WAIT, max(0.002, self._until_due(kinds))))
        return claimed

    def finish(self, task: Task, connection: Connection | None = None) -> None:
        """End a task that is done; if it was asked for again meanwhile, it is given out again.

        A task that somebody else has by now, because the claim ran out, is left as it is. With a
        ``connection``, the caller must call ``wake`` after its transaction.
        """
        if connection is not None:
            self._finish(connection, task)
        else:
            self.finish_all([task])

    def finish_all(self, done: list[Task]) -> None:
        """End several tasks that are done, in one transaction; see ``finish``."""
        if not done:
            return
        with self._database.write() as connection:
            again = self._finish(connection, *upwards(done))
        if again:
            self.wake()
        else:
            self._tell_of_ends()

    def _finish(self, connection: Connection, *done: Task) -> bool:
        """End tasks; return whether one is to be done again instead."""
        which = [_as_claimed(task) for task in done]
        ended = END.run_for_each(
            connection,
            [
                {**one, "b_generation": task.generation}
                for one, task in zip(which, done, strict=True)
            ],
        )
        again = ended < len(done)
        if again:
            # This does not touch those that were ended: their rows are gone.
            LET_GO.run_for_each(connection, which)
            for task in done:
                self._sleepers.asked(task.kind)
        for task in done:
            self.claims.let_go(task)
            self._ended.append((task.kind, task.resource))
        return again

    def _tell_of_ends(self) -> None:
        with self._changed:
            while self._ended:
                kind, resource = self._ended.popleft()
                for one in self._waiting:
                    if one.kind == kind and resource in one.resources:
                        one.looked_for.set()

    def retry(
        self,
        task: Task,
        delay: float,
        *,
        died: bool = False,
        counts: bool = True,
        priority: int | None = None,
    ) -> None:
        """Give a task out again after ``delay`` seconds, unless somebody else has it by now.

        Parameters
        ----------
        task : Task
            The task that could not be done.
        delay : float
            Seconds.
        died : bool
            Whether a decoder died on it.
        counts : bool
            Whether it counts as an attempt; False if the task is not to blame.
        priority : int or None
            New priority; None keeps the old one.
        """
        due = time.time() + delay
        with self._database.write() as connection:
            connection.execute(
                sa.update(tasks)
                .where(is_task(task.kind, task.resource), HELD)
                .values(
                    due=due,
                    attempts=tasks.c.attempts + int(counts),
                    deaths=tasks.c.deaths + int(died),
                    priority=tasks.c.priority if priority is None else priority,
                    claimed_by=None,
                    claimed_until=None,
                ),
                {"b_holder": task.claimed_by},
            )
            # Before the commit: afterwards another thread may have claimed it again.
            self.claims.let_go(task)
        self._sleepers.asked(task.kind, due)
        self.wake()

    def let_go(self, untouched: list[Task]) -> None:
        """Release several tasks that were not tried, in one transaction."""
        if not untouched:
            return
        with self._database.write() as connection:
            LET_GO.run_for_each(connection, [_as_claimed(task) for task in upwards(untouched)])
            for task in untouched:
                self.claims.let_go(task)
        for task in untouched:
            self._sleepers.asked(task.kind)
        self.wake()

    def drop(self, connection: Connection, kind: Kind, resource: str) -> None:
        """Delete the task of a kind on a resource."""
        connection.execute(sa.delete(tasks).where(is_task(kind, resource)))

    def standing_task(self, kind: Kind, resource: str) -> Task | None:
        """Return a task that waits or is being worked on, None if there is none."""
        rows = self._database.rows(STANDING, b_kind=kind, b_resource=resource)
        return Task(*tuple(rows[0])) if rows else None

    def cancel(self, kind: Kind, priority: int) -> None:
        """Delete tasks of a priority, also those that are lent; our workers finish theirs."""
        with self._database.write() as connection:
            connection.execute(
                sa.delete(tasks).where(
                    tasks.c.kind == kind,
                    tasks.c.priority == priority,
                    sa.or_(free(time.time()), LENT),
                )
            )

    def stands(self, kind: Kind, resource: str) -> bool:
        """Return whether a task waits or is being worked on."""
        return self.standing_task(kind, resource) is not None

    def wait_for(self, kind: Kind, resources: set[str], limit: float) -> None:
        """Wait, ``limit`` seconds at most, until some resources have no task of a kind.

        Unclaimed tasks that are due only after that time are not waited for.
        """
        end, until = time.monotonic() + limit, time.time() + limit
        waiting = _Waiting(kind, frozenset(resources), threading.Event())
        with self._changed:
            self._waiting.append(waiting)
        try:
            while (left := end - time.monotonic()) > 0 and self.standing(kind, resources, until):
                waiting.looked_for.wait(min(left, _LOOK_AGAIN))
                waiting.looked_for.clear()
        finally:
            with self._changed:
                self._waiting.remove(waiting)

    def standing(
        self, kind: Kind, resources: Iterable[str], until: float | None = None
    ) -> set[str]:
        """Return those of some resources for which a task waits or is being worked on.

        With ``until``, in Unix seconds, unclaimed tasks that are due later do not count.
        """
        question = sa.select(tasks.c.resource).where(
            tasks.c.kind == kind, tasks.c.resource.in_(list(resources))
        )
        if until is not None:
            in_time = sa.or_(tasks.c.due <= until, tasks.c.claimed_until.is_not(None))
            question = question.where(in_time)
        rows = self._database.rows(question)
        return {row.resource for row in rows}

    def count(self, kind: Kind, priority: int | None = None) -> int:
        """Return how many tasks of a kind (and priority) wait or are being worked on."""
        if priority is None:
            return int(self._database.value(COUNT, kind=kind))
        return int(self._database.value(COUNT_AT, kind=kind, priority=priority))

    def count_free(self, kind: Kind, priority: int) -> int:
        """Return how many tasks of a kind and priority are not claimed."""
        question = (
            sa.select(sa.func.count())
            .select_from(tasks)
            .where(tasks.c.kind == kind, tasks.c.priority == priority, free(time.time()))
        )
        return int(self._database.value(question))

    def _until_due(self, kinds: tuple[Kind, ...]) -> float:
        due = self._database.value(first_due(kinds))
        return _LONGEST_WAIT if due is None else float(due) - time.time()


def _as_claimed(task: Task) -> dict[str, Any]:
    """Return the parameters by which statements find a task and its holder."""
    return {"b_kind": task.kind, "b_resource": task.resource, "b_holder": task.claimed_by}
