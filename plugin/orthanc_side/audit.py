"""The audit trail: who said what of which instance, in a file that is only appended to.

The annotation in Orthanc's metadata carries its own history, but goes when the instance is
overwritten or deleted. This file stays, and gives a person's word back to an instance that comes
again. It holds Orthanc ids, labels, users and comments; no header of an instance.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from bodypart.annotation import Review

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    "number", "at", "by", "action", "instance", "old", "new", "old_laterality", "new_laterality",
    "comment",
)  # fmt: skip
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, by TEXT NOT NULL, action TEXT NOT NULL, instance TEXT NOT NULL,
    review TEXT
);
CREATE INDEX IF NOT EXISTS events_instance ON events (instance, number);
"""


class Word(NamedTuple):
    """The last event of an instance.

    Attributes
    ----------
    number : int
        Its place in the trail.
    at : str
        UTC time.
    review : Review or None
        What a person said; None if the annotation was removed.
    """

    number: int
    at: str
    review: Review | None


class Audit:
    """The trail in one SQLite file.

    Parameters
    ----------
    path : Path
        The file; made if it is missing, never replaced.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30.0)
        # Unlike the index this is no cache: a written event must outlive a power cut.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def reviewed(self, instance: str, review: dict[str, Any]) -> None:
        """Note a person's word, as it stands in the annotation."""
        action = "confirmed" if _confirms(review) else "corrected"
        text = json.dumps(review, ensure_ascii=False)
        self._append(review["at"], review["by"], action, instance, text)

    def forgotten(self, instance: str, *, by: str, at: str) -> None:
        """Note that a person had an annotation removed."""
        self._append(at, by, "forgotten", instance, None)

    def last(self, instance: str) -> Word | None:
        """Return the last word on an instance, None if nobody ever spoke of it."""
        with self._lock:
            row = self._connection.execute(
                "SELECT number, at, review FROM events WHERE instance = ? "
                "ORDER BY number DESC LIMIT 1",
                (instance,),
            ).fetchone()
        if row is None:
            return None
        number, at, review = row
        return Word(number, at, Review.from_json(json.loads(review)) if review else None)

    def events(self, since: int, limit: int) -> list[dict[str, Any]]:
        """Return events in the order they happened, as rows of `COLUMNS`."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, at, by, action, instance, review FROM events "
                "WHERE number > ? ORDER BY number LIMIT ?",
                (since, limit),
            ).fetchall()
        return [_event(row) for row in rows]

    def _append(self, at: str, by: str, action: str, instance: str, review: str | None) -> None:
        with self._lock, self._connection as db:
            db.execute(
                "INSERT INTO events (at, by, action, instance, review) VALUES (?,?,?,?,?)",
                (at, by, action, instance, review),
            )


def _confirms(review: dict[str, Any]) -> bool:
    previous = review["previous"]
    same_side = not review["laterality_given"] or review["laterality"] == previous["laterality"]
    return review["examined"] == previous["examined"] and same_side and review["visible"] is None


def _event(row: tuple[Any, ...]) -> dict[str, Any]:
    number, at, by, action, instance, review = row
    said = json.loads(review) if review else {}
    previous = said.get("previous") or {}
    side = said.get("laterality") if said.get("laterality_given") else previous.get("laterality")
    return {
        "number": number,
        "at": at,
        "by": by,
        "action": action,
        "instance": instance,
        "old": previous.get("examined"),
        "new": said.get("examined"),
        "old_laterality": previous.get("laterality"),
        "new_laterality": side,
        "comment": said.get("comment", ""),
    }
