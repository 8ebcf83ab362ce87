"""The audit trail: who said what of which instance, in a table that is only appended to.

The annotation in Orthanc's metadata has its own history, but is lost when the instance is
overwritten or deleted. The trail stays, is written first, and restores a person's word if the
instance is sent again. It has Orthanc ids, labels, users and comments, but nothing from headers.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sa
from typing_extensions import TypedDict

from bodypart.annotation import Review, utc_text
from bodypart.labels import BY_LABEL
from bodypart.laterality import Side
from bodypart.record import Label
from service.databases.prepared import Prepared
from service.databases.tables import events
from service.errors import DamagedEventError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from bodypart.record import ReviewRecord
    from service.databases.database import Database

_INSTANCE = 3
"""Number of the level in Orthanc's plugin interface."""
REMOVED, WITHDRAWN = "forgotten", "withdrawn"
"""Events that end a person's word: the annotation was removed; the word was taken back."""
DAMAGED = "damaged"
"""The action given for an event whose word is damaged and cannot be read."""


class EventRecord(TypedDict):
    """Who said what of which instance, and what stood there before; a damaged one has no word."""

    number: int
    at: str
    by: str
    action: Literal["confirmed", "corrected", "withdrawn", "forgotten", "damaged"]
    instance: str
    old: Label | None
    new: Label | None
    old_laterality: Side | None
    new_laterality: Side | None
    comment: str


class LastEvent(NamedTuple):
    """The last event of an instance.

    Attributes
    ----------
    number : int
        Its number in the trail.
    at : str
        UTC time.
    action : str
        ``confirmed``, ``corrected``, ``withdrawn`` or ``forgotten``.
    said : str, bytes or None
        The word as stored; see ``review``.
    file : str or None
        Of a removal: ``FileUuid`` of the removed annotation's file. A file with another one was
        sent since.
    change : int or None
        Of a removal noted by an earlier version: number of Orthanc's newest change at that time.
    """

    number: int
    at: str
    action: str
    said: str | bytes | None
    file: str | None
    change: int | None

    @property
    def review(self) -> Review | None:
        """The word; None if it was taken back, or the annotation removed.

        Raises
        ------
        DamagedEventError
            If the word is damaged.
        """
        return Review.from_json(_parsed(self.number, self.said)) if self.said else None


class AuditTrail:
    """The trail in the durable database.

    Parameters
    ----------
    database : Database
        The durable database, whose writes survive a power cut.
    announce : callable
        Called for each event with the fields of Orthanc's own audit log: source, user, level,
        instance, action; comments are not passed on.
    """

    def __init__(
        self, database: Database, announce: Callable[[list[Any]], None] = lambda _: None
    ) -> None:
        self._database = database
        self._announce = announce
        # As bytes: for a damaged one that is not UTF-8, SQLite would fail for all rows.
        as_bytes = sa.cast(events.c.review, sa.LargeBinary).label("review")
        said = events.c.review if database.shared else as_bytes
        columns = (said if column is events.c.review else column for column in events.c)
        self._events = sa.select(*columns)
        self._last = Prepared(
            self._events.where(events.c.instance == sa.bindparam("instance"))
            .order_by(events.c.number.desc())
            .limit(1)
        )

    def reviewed(self, instance: str, review: ReviewRecord) -> int:
        """Note a person's word as it is in the annotation; return the event's number.

        Raises
        ------
        RecordError
            If it could not be noted; then nothing may be changed.
        """
        action = "confirmed" if _confirms(review) else "corrected"
        text = json.dumps(review, ensure_ascii=False)
        return self._append(review["at"], review["by"], action, instance, text, None)

    def withdrawn(self, instance: str, *, by: str, at: str) -> int:
        """Note that a person's word was taken back; returns and raises like ``reviewed``."""
        return self._append(at, by, WITHDRAWN, instance, None, None)

    def removed(self, instance: str, *, by: str, at: str, file: str) -> int:
        """Note that the annotation of a file was removed; returns and raises like ``reviewed``."""
        return self._append(at, by, REMOVED, instance, None, file)

    def applied(self, number: int) -> None:
        """Note that metadata and index have an event; earlier ones of its instance are done too."""
        of = sa.select(events.c.instance).where(events.c.number == number).scalar_subquery()
        until = sa.and_(events.c.instance == of, events.c.number <= number, ~events.c.applied)
        # If a power cut undoes this, the event is only applied once more.
        with self._database.write(at_once=False) as connection:
            connection.execute(sa.update(events).where(until).values(applied=True))

    def removal_is_of(self, number: int, file: str) -> None:
        """Note the new file of a removal: rewritten by us, it is still the one that was removed."""
        with self._database.write() as connection:
            connection.execute(sa.update(events).where(events.c.number == number).values(file=file))

    def open(self, limit: int, after: int = 0) -> list[tuple[int, str]]:
        """Return number and instance of the oldest events after a number that are not applied."""
        rows = self._database.rows(
            sa.select(events.c.number, events.c.instance)
            .where(~events.c.applied, events.c.number > after)
            .order_by(events.c.number)
            .limit(limit)
        )
        return [(row.number, row.instance) for row in rows]

    def latest(self, within: timedelta, most: int) -> list[str]:
        """Return the instances of the last events and of those shortly before them, each once."""
        rows = self._database.rows(
            sa.select(events.c.instance, events.c.at).order_by(events.c.number.desc()).limit(most)
        )
        if not rows:
            return []
        since = utc_text(datetime.fromisoformat(rows[0].at) - within)
        return list(dict.fromkeys(row.instance for row in rows if row.at >= since))

    def last(self, instance: str) -> LastEvent | None:
        """Return the last event of an instance, None if there never was one."""
        rows = self._database.rows(self._last, instance=instance)
        if not rows:
            return None
        row = rows[0]
        return LastEvent(row.number, row.at, row.action, row.review, row.file, row.change)

    def knows(self, instance: str, at: str) -> bool:
        """Return whether the trail has an event of an instance at this time."""
        said = sa.and_(events.c.instance == instance, events.c.at == at)
        return self._database.value(sa.select(events.c.number).where(said).limit(1)) is not None

    def events(self, since: int, limit: int) -> list[EventRecord]:
        """Return events after a number, in the order they happened."""
        rows = self._database.rows(
            self._events.where(events.c.number > since).order_by(events.c.number).limit(limit)
        )
        return [_event(row) for row in rows]

    def number_of(self, since: int, count: int) -> int | None:
        """Return the number of the ``count``-th event after a number, None if none follows it."""
        rows = self._database.rows(
            sa.select(events.c.number)
            .where(events.c.number > since)
            .order_by(events.c.number)
            .offset(count - 1)
            .limit(2)
        )
        return rows[0].number if len(rows) > 1 else None

    def _append(
        self, at: str, by: str, action: str, instance: str, review: str | None, file: str | None
    ) -> int:
        # One node after the other: who reads on from a number must find no smaller one later.
        with self._database.hold(events.name), self._database.write() as connection:
            number: int = connection.execute(
                sa.insert(events)
                .values(
                    at=at,
                    by=by,
                    action=action,
                    instance=instance,
                    review=review,
                    file=file,
                    applied=False,
                )
                .returning(events.c.number)
            ).scalar_one()
        part = json.loads(review)["examined"] if review else None
        self._announce(
            ["bodypart", by, _INSTANCE, instance, f"{action} {part}" if part else action]
        )
        return number


def _confirms(review: ReviewRecord) -> bool:
    previous = review["previous"]
    same_side = not review["laterality_given"] or review["laterality"] == previous["laterality"]
    return review["examined"] == previous["examined"] and same_side and review["visible"] is None


def _parsed(number: int, text: str | bytes) -> ReviewRecord:
    """Parse the stored word of an event."""
    try:
        said: ReviewRecord = json.loads(text)
        review = Review.from_json(said)
        named = {review.examined, *(review.visible or ())} - {None}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedEventError(number) from None
    if not (named <= BY_LABEL.keys() and isinstance(review.previous, dict | None)):
        raise DamagedEventError(number)
    return said


def _event(row: sa.Row[Any]) -> EventRecord:
    action = row.action
    said: dict[str, Any] = {}
    try:
        said = {**_parsed(row.number, row.review)} if row.review else {}
    except DamagedEventError:
        action = DAMAGED
    previous = said.get("previous") or {}
    side = said.get("laterality") if said.get("laterality_given") else previous.get("laterality")
    return {
        "number": row.number,
        "at": row.at,
        "by": row.by,
        "action": action,
        "instance": row.instance,
        "old": previous.get("examined"),
        "new": said.get("examined"),
        "old_laterality": previous.get("laterality"),
        "new_laterality": side,
        "comment": said.get("comment", ""),
    }
