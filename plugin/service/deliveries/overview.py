"""The outbox as an operator sees it: pages, counts, what left; retry and cancel."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

import sqlalchemy as sa
from typing_extensions import TypedDict

from bodypart.annotation import utc_now
from service.databases.tables import deliveries, departures
from service.deliveries.delivery import COLUMNS, Delivery, State, read
from service.errors import ConflictError

if TYPE_CHECKING:
    from service.databases.database import Database

_IN_ONE_STATEMENT = 500
_NOT_SENT = (State.WAITING, State.FAILED, State.CANCELLED)


class OpenCounts(TypedDict):
    """How many deliveries to a destination wait, are under way, and failed."""

    waiting: int
    sending: int
    failed: int


class DepartureRecord(TypedDict):
    """What left the archive; the outcome is unknown if Orthanc's job vanished before it told."""

    number: int
    at: str
    instance: str
    destination: str
    rule: str
    answer: str
    outcome: Literal["delivered", "unknown"]


class Overview:
    """Reads the outbox for people, and retries or cancels single deliveries for them.

    Parameters
    ----------
    database : Database
        The durable one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        where: Iterable[sa.ColumnElement[bool]],
        after: int | None,
        limit: int,
        *,
        states: Iterable[str] = (),
    ) -> list[Delivery]:
        """Return deliveries, the newest first, from one on.

        Parameters
        ----------
        where : iterable
            Conditions on the rows.
        after : int or None
            Number of the last one of the page before.
        limit : int
            The most to return.
        states : iterable of str
            Only in these states; empty is all.
        """
        where = tuple(where)
        question = sa.select(*COLUMNS).where(*where).order_by(deliveries.c.number.desc())
        if after is not None:
            question = question.where(deliveries.c.number < after)
        # With a condition the indexes have an order for each state, and none across states.
        questions = [question.where(deliveries.c.state == state) for state in states or State]
        if not where and not states:
            questions = [question]
        with self._database.read() as connection:
            found = [row for one in questions for row in read(connection, one.limit(limit))]
        return sorted(found, key=lambda row: -row.number)[:limit]

    def get(self, number: int) -> Delivery | None:
        """Return one delivery, None if there is none of this number."""
        with self._database.read() as connection:
            found = read(connection, sa.select(*COLUMNS).where(deliveries.c.number == number))
        return found[0] if found else None

    def open_counts(self, destinations: Iterable[str]) -> dict[str, OpenCounts]:
        """Return how many deliveries some destinations have in each state but the last ones."""
        # One narrow question for each: a single one would have to look at every row.
        count = sa.select(sa.func.count()).select_from(deliveries)
        with self._database.read() as connection:

            def counted(destination: str, state: State) -> int:
                where = deliveries.c.destination == destination, deliveries.c.state == state
                return connection.execute(count.where(*where)).scalar_one()

            return {
                destination: {
                    "waiting": counted(destination, State.WAITING),
                    "sending": counted(destination, State.SENDING),
                    "failed": counted(destination, State.FAILED),
                }
                for destination in destinations
            }

    def again(self, number: int, answer: str = "") -> None:
        """Try a delivery again, at once and from the first try on.

        Parameters
        ----------
        number : int
            The delivery's.
        answer : str
            What stands now, for which one is sent whose own answer was withdrawn.

        Raises
        ------
        ConflictError
            If it arrived, or is being sent.
        """
        withdrawn = deliveries.c.answer == ""
        # Else its courier would cancel it once it had to wait.
        kept = sa.case((withdrawn, answer), else_=deliveries.c.answer)
        self._act(number, {**_anew(), "answer": kept})

    def all_again(self, destination: str, rules: Iterable[str]) -> int:
        """Try all again that failed on the way to a destination; return how many.

        Parameters
        ----------
        destination : str
            As the rules have it.
        rules : iterable of str
            Names of the rules that send there: what others asked for stays failed.
        """
        failed = (
            deliveries.c.destination == destination,
            deliveries.c.state == State.FAILED,
            deliveries.c.rule.in_(list(rules)),
        )
        last, tried = 0, 0
        # In pieces, so that couriers can write in between.
        while True:
            piece = sa.select(deliveries.c.number).where(*failed, deliveries.c.number > last)
            rows = self._database.rows(piece.order_by(deliveries.c.number).limit(_IN_ONE_STATEMENT))
            if not rows:
                return tried
            with self._database.write() as connection:
                done = connection.execute(
                    sa.update(deliveries)
                    .where(*failed, deliveries.c.number.between(rows[0].number, rows[-1].number))
                    .values(**_anew(), job=None, node=None, changed_at=utc_now())
                )
            last, tried = rows[-1].number, tried + done.rowcount

    def cancel(self, number: int) -> None:
        """Do not send it.

        Raises
        ------
        ConflictError
            If it arrived, or is being sent.
        """
        self._act(number, {"state": State.CANCELLED, "error": "cancelled by a person"})

    def departures(self, since: int, limit: int) -> list[DepartureRecord]:
        """Return what left after a number, in the order it left."""
        rows = self._database.rows(
            sa.select(departures)
            .where(departures.c.number > since)
            .order_by(departures.c.number)
            .limit(limit)
        )
        # The fields are the columns of the table.
        return [cast("DepartureRecord", dict(row._mapping)) for row in rows]

    def known(self, instances: list[str]) -> dict[str, list[Delivery]]:
        """Return the rows of some instances."""
        found: dict[str, list[Delivery]] = {}
        with self._database.read() as connection:
            for start in range(0, len(instances), _IN_ONE_STATEMENT):
                some = instances[start : start + _IN_ONE_STATEMENT]
                question = sa.select(*COLUMNS).where(deliveries.c.instance.in_(some))
                for row in read(connection, question):
                    found.setdefault(row.instance, []).append(row)
        return found

    def _act(self, number: int, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.number == number, deliveries.c.state.in_(_NOT_SENT))
                .values(**values, job=None, node=None, changed_at=utc_now())
            )
        if not done.rowcount:
            found = self.get(number)
            raise ConflictError(f"delivery {number} is {found.state if found else 'gone'}")


def _anew() -> dict[str, Any]:
    """Return what makes a delivery be tried at once, and from the first try on."""
    return {"state": State.WAITING, "attempts": 0, "due": time.time(), "error": None}
