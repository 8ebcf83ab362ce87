"""One delivery: a row of the outbox, and the states it goes through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from bodypart.annotation import utc_text
from service.databases.tables import deliveries

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import Connection


GONE = "the instance is gone"
REMOVED = "the annotation was removed before it was sent"
NO_RULE = "no rule asks for it any more"
_UNTIL_ASKED_FOR_AGAIN = (GONE, REMOVED, NO_RULE)
"""Reasons of cancelled deliveries that are sent if they are asked for again: when a deleted
instance returns, a newer file is annotated, or the rule returns."""


class State(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeliveryRecord(TypedDict):
    """A delivery as people see it; ``due`` is null unless it waits."""

    id: int
    rule: str
    destination: str
    instance: str
    series: str
    study: str
    answer: str
    state: State
    attempts: int
    error: str | None
    due: str | None
    job: str | None
    created_at: str
    changed_at: str


class Priority:
    """Who goes first."""

    URGENT = 0
    ARRIVAL = 10
    OLD_STOCK = 30


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox."""

    number: int
    rule: str
    destination: str
    instance: str
    series: str
    study: str
    answer: str
    state: str
    error: str | None
    priority: int
    due: float
    attempts: int
    job: str | None
    sender_aet: str
    sender_ip: str
    created_at: str
    changed_at: str

    def gave(self, answer: str) -> bool:
        """Tell whether an answer is dealt with: it was sent, is about to be, or must not be."""
        given_up = self.state in (State.FAILED, State.CANCELLED)
        return self.answer == answer and not (given_up and self.error in _UNTIL_ASKED_FOR_AGAIN)

    def to_json(self) -> DeliveryRecord:
        """Return the row as the routes show it."""
        waits = self.state == State.WAITING
        return {
            "id": self.number,
            "rule": self.rule,
            "destination": self.destination,
            "instance": self.instance,
            "series": self.series,
            "study": self.study,
            "answer": self.answer,
            "state": State(self.state),
            "attempts": self.attempts,
            "error": self.error,
            "due": utc_text(datetime.fromtimestamp(self.due, UTC)) if waits else None,
            "job": self.job,
            "created_at": self.created_at,
            "changed_at": self.changed_at,
        }


COLUMNS = [deliveries.c[name] for name in Delivery.__slots__]
OPEN = (State.WAITING, State.SENDING)


def read(connection: Connection, question: sa.Select[Any]) -> list[Delivery]:
    """Return the deliveries that a question for `COLUMNS` gives."""
    return [Delivery(*row) for row in connection.execute(question)]
