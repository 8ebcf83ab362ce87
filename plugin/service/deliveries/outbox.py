"""The outbox: what is to leave, left, or could not; one row a (rule, destination, instance).

It is in the durable database and alone decides; Orthanc's jobs only carry. A row is written before
the annotation counts as finished, and is ``delivered`` only when its arrival is proved. After a
kill at any moment it goes on from the row's state: at worst something is sent twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bodypart.annotation import utc_now, utc_text
from service.clock import SET_BACK
from service.databases.tables import deliveries, departures
from service.deliveries.delivery import COLUMNS, NO_RULE, OPEN, Delivery, State, read

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from service.databases.database import Database

UNKNOWN = "unknown"
"""Outcome of what was interrupted before it could tell."""
LEASE = 900.0
"""Seconds after which another node takes over what a silent one was sending."""
_LONGEST_WAIT = 5.0
_WITHDRAWN = deliveries.c.answer == ""
_UNLESS_WITHDRAWN = sa.case((_WITHDRAWN, State.CANCELLED), else_=State.WAITING)
"""State of what could not be sent, and may have been withdrawn meanwhile."""


class Outbox:
    """The table of deliveries.

    Parameters
    ----------
    database : Database
        The durable one; several nodes may share it.
    node : str
        Name of this service among those that share it.
    """

    def __init__(self, database: Database, node: str) -> None:
        self.database = database
        self._node = node
        self._changed = threading.Condition()
        self._version = 0

    # What routing writes.

    def of(self, connection: Connection, instance: str) -> list[Delivery]:
        """Return all rows of an instance, in a transaction of the caller's."""
        return read(connection, sa.select(*COLUMNS).where(deliveries.c.instance == instance))

    def put(
        self, connection: Connection, existing: Delivery | None, values: dict[str, Any]
    ) -> None:
        """Write a row of an answer, new or over an older answer's; ``wake`` follows it.

        One that is just being sent for an older answer is sent again after that.
        """
        times = dict.fromkeys(("created_at", "changed_at"), utc_now())
        if existing is None:
            connection.execute(sa.insert(deliveries).values(**values, **times))
            return
        if existing.state == State.SENDING:
            values = {"answer": values["answer"]}
        else:
            values = {**values, "attempts": 0, "job": None, "node": None}
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.number == existing.number)
            .values(**values, **times)
        )

    def withdraw(self, connection: Connection, number: int, why: str) -> None:
        """Cancel what was not sent yet; a later answer may open it again.

        One that is just being sent is cancelled when that fails.
        """
        sending = deliveries.c.state == State.SENDING
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.number == number)
            .values(
                state=sa.case((sending, State.SENDING), else_=State.CANCELLED),
                answer="",
                error=why,
                changed_at=utc_now(),
            )
        )

    def keep_only(self, pairs: Iterable[tuple[str, str]]) -> int:
        """Cancel what waits by a rule that is no longer there; return how many.

        Parameters
        ----------
        pairs : iterable of tuple of str
            Rule and destination of all rules that there are.
        """
        known = set(pairs)
        waiting = deliveries.c.state.in_(OPEN)
        found = self.database.rows(
            sa.select(deliveries.c.rule, deliveries.c.destination).where(waiting).distinct()
        )
        cancelled = 0
        for rule, destination in map(tuple, found):
            if (rule, destination) not in known:
                with self.database.write() as connection:
                    done = connection.execute(
                        sa.update(deliveries)
                        .where(
                            deliveries.c.rule == rule,
                            deliveries.c.destination == destination,
                            waiting,
                        )
                        .values(
                            state=State.CANCELLED,
                            error=NO_RULE,
                            changed_at=utc_now(),
                        )
                    )
                cancelled += done.rowcount
        return cancelled

    # What couriers do.

    def recover(self, destination: str) -> None:
        """Make due again what this node was sending to a destination when it was interrupted.

        Also what was changed after the present time: the clock was set back since, and its due
        time may be hours away.
        """
        now = datetime.now(UTC)
        with self._departing() as connection:
            connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.destination == destination,
                    deliveries.c.state == State.WAITING,
                    deliveries.c.changed_at > utc_text(now + timedelta(seconds=SET_BACK)),
                )
                .values(due=now.timestamp(), changed_at=utc_text(now))
            )
            mine = read(
                connection,
                sa.select(*COLUMNS).where(
                    deliveries.c.state == State.SENDING,
                    deliveries.c.destination == destination,
                    # A node may have been given another name; nobody else writes to its file.
                    deliveries.c.node == self._node if self.database.shared else sa.true(),
                ),
            )
            for delivery in mine:
                if delivery.job is None:
                    _depart(connection, delivery, UNKNOWN)
                connection.execute(
                    sa.update(deliveries).where(_sent(delivery)).values(due=time.time())
                )

    def claim(self, destination: str) -> Delivery | None:
        """Return the next delivery to a destination that is due; it is ours until it ends.

        One with a job was being sent before: its job may have carried it by now.
        """
        now = time.time()
        with self.database.read() as connection:
            if not any(connection.execute(chosen).first() for chosen in _next(destination, now)):
                return None
        with self.database.write() as connection:
            for chosen in _next(destination, now):
                row = connection.execute(chosen.with_for_update(skip_locked=True)).first()
                if row is not None:
                    connection.execute(
                        sa.update(deliveries)
                        .where(deliveries.c.number == row.number)
                        .values(state=State.SENDING, node=self._node, due=now + LEASE)
                    )
                    return Delivery(*row)
        return None

    def note_job(self, delivery: Delivery, job: str) -> None:
        """Note which job carries a delivery."""
        self._end(delivery, lambda _: {"job": job})

    def extend(self, delivery: Delivery) -> None:
        """Extend this node's claim on a delivery."""
        self._end(delivery, lambda _: {"due": time.time() + LEASE})

    def delivered(self, delivery: Delivery) -> None:
        """Note that it arrived; where the answer changed meanwhile, it is sent again."""
        with self._departing() as connection:
            _depart(connection, delivery, State.DELIVERED)
            row = connection.execute(sa.select(deliveries.c.answer).where(_sent(delivery))).first()
            same = row is not None and row.answer in (delivery.answer, "")
            connection.execute(
                sa.update(deliveries)
                .where(_sent(delivery))
                .values(
                    state=State.DELIVERED if same else State.WAITING,
                    answer=delivery.answer if same else deliveries.c.answer,
                    due=time.time(),
                    attempts=delivery.attempts + 1 if same else 0,
                    error=None,
                    job=None,
                    node=None,
                    changed_at=utc_now(),
                )
            )

    def may_have_left(self, delivery: Delivery) -> None:
        """Note that nobody can tell whether it arrived."""
        with self._departing() as connection:
            _depart(connection, delivery, UNKNOWN)

    def retry(self, delivery: Delivery, delay: float, error: str) -> None:
        """Note a try that failed; the next one is due after ``delay`` seconds."""
        self._end(
            delivery,
            lambda now: {
                "state": _UNLESS_WITHDRAWN,
                "due": now + delay,
                "attempts": deliveries.c.attempts + 1,
                "error": sa.case((_WITHDRAWN, deliveries.c.error), else_=error),
                "job": None,
                "node": None,
            },
        )

    def postpone(self, delivery: Delivery, due: float) -> None:
        """Put back what may not leave yet; that does not count as a try."""
        self._end(delivery, lambda _: {"state": _UNLESS_WITHDRAWN, "due": due, "node": None})

    def give_up(self, delivery: Delivery, error: str, state: State = State.FAILED) -> None:
        """Note that it failed for good, or is cancelled."""
        tries = int(state == State.FAILED)
        self._end(
            delivery,
            lambda _: {
                "state": state,
                "error": error,
                "attempts": deliveries.c.attempts + tries,
                "job": None,
                "node": None,
            },
        )

    def hold(self, destination: str, delay: float, retries: int, error: str) -> None:
        """Count a failed try for all that is due for a destination that accepts nothing.

        Those that were tried more than ``retries`` times have failed.
        """
        tried = deliveries.c.attempts + 1
        with self.database.write() as connection:
            connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.destination == destination,
                    deliveries.c.state == State.WAITING,
                    deliveries.c.due <= time.time(),
                )
                .values(
                    attempts=tried,
                    state=sa.case((tried > retries, State.FAILED), else_=State.WAITING),
                    due=time.time() + delay,
                    error=error,
                    changed_at=utc_now(),
                )
            )

    def until_due(self, destination: str) -> float:
        """Return the seconds until something is due for a destination, a few at most."""
        due = self.database.value(
            sa.select(sa.func.min(deliveries.c.due)).where(
                deliveries.c.destination == destination, deliveries.c.state.in_(OPEN)
            )
        )
        return _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, float(due) - time.time())

    def version(self) -> int:
        """Return what `wait` is to compare with."""
        with self._changed:
            return self._version

    def wait(self, seen: int, seconds: float) -> None:
        """Wait some seconds, or until the outbox changed since ``version`` said ``seen``."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, max(0.002, seconds))

    def wake(self) -> None:
        """Tell the couriers that there is something to do."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    @contextmanager
    def _departing(self) -> Iterator[Connection]:
        """Open a transaction in which something departs."""
        # One node after the other: who reads on from a number must find no smaller one later.
        with self.database.hold(departures.name), self.database.write() as connection:
            yield connection

    def _end(self, delivery: Delivery, values: Callable[[float], dict[str, Any]]) -> None:
        with self.database.write() as connection:
            connection.execute(
                sa.update(deliveries)
                .where(_sent(delivery))
                .values(**values(time.time()), changed_at=utc_now())
            )


def _next(destination: str, now: float) -> list[sa.Select[Any]]:
    """Return the questions for what is due: what a node left being sent, what waits."""
    return [
        sa.select(*COLUMNS)
        .where(
            deliveries.c.destination == destination,
            deliveries.c.state == state,
            deliveries.c.due <= now,
        )
        .order_by(deliveries.c.priority, deliveries.c.due)
        .limit(1)
        for state in (State.SENDING, State.WAITING)
    ]


def _sent(delivery: Delivery) -> sa.ColumnElement[bool]:
    return sa.and_(deliveries.c.number == delivery.number, deliveries.c.state == State.SENDING)


def _depart(connection: Connection, delivery: Delivery, outcome: str) -> None:
    connection.execute(
        sa.insert(departures).values(
            at=utc_now(),
            instance=delivery.instance,
            destination=delivery.destination,
            rule=delivery.rule,
            answer=delivery.answer,
            outcome=outcome,
        )
    )
