"""The search index: one SQLite row an instance, a cache of what Orthanc's metadata say.

It answers ``find``, knows the parents of an instance that was just deleted, and counts. Losing it
loses nothing: the sweep rebuilds it from the metadata and the audit trail.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bodypart.reviews import machine_word
from bodypart.rollup import Summary
from orthanc_side.archive import Ancestors

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    series TEXT NOT NULL, study TEXT NOT NULL, patient TEXT NOT NULL,
    state TEXT NOT NULL,
    examined TEXT, probability REAL, source TEXT, visible TEXT,
    laterality TEXT, laterality_source TEXT, router_group TEXT, agreement TEXT,
    needs_review INTEGER NOT NULL DEFAULT 0, annotated_at TEXT,
    modality TEXT NOT NULL DEFAULT '', study_date TEXT NOT NULL DEFAULT '',
    image_label TEXT, header_label TEXT,
    machine_label TEXT, machine_probability REAL,
    reviewed_at TEXT, reviewed_by TEXT
) WITHOUT ROWID;
CREATE INDEX instances_series ON instances (series);
CREATE INDEX instances_study ON instances (study);
CREATE INDEX instances_patient ON instances (patient);
CREATE INDEX instances_state ON instances (state);
CREATE INDEX instances_group ON instances (router_group);
CREATE INDEX instances_reviewed ON instances (reviewed_at) WHERE reviewed_at IS NOT NULL;
CREATE INDEX instances_review ON instances (needs_review, id) WHERE needs_review;
CREATE TABLE mentions (
    label TEXT NOT NULL, witness TEXT NOT NULL, instance TEXT NOT NULL,
    PRIMARY KEY (label, witness, instance)
) WITHOUT ROWID;
CREATE TABLE reports (
    study TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, instance TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX mentions_instance ON mentions (instance);
"""
UNSEEN, FORGOTTEN = "unseen", "forgotten"
"""States of an instance without annotation: stored before the plugin came; forgotten on request."""

COLUMNS = {"instances": "id", "series": "series", "studies": "study", "patients": "patient"}
_SUMMARY = (
    "id, state, examined, probability, source, visible, laterality, laterality_source, "
    "router_group, agreement, needs_review, annotated_at"
)
_SUMMARY_FIELDS = tuple(field.name for field in fields(Summary))


class _OtherVersionError(Exception):
    """The file was written by another version of this module."""


class Index:
    """The index in one SQLite file.

    Parameters
    ----------
    path : Path
        The file; one that is damaged or of another version is replaced by an empty one.
    wait : float
        Seconds to wait for a file that is locked.
    """

    def __init__(self, path: Path, wait: float = 30.0) -> None:
        self._lock = threading.RLock()
        self._connection = _open(path, wait)
        # Long questions (statistics, export) must not hold up the queue.
        self._reading = threading.Lock()
        self._reader = sqlite3.connect(path, check_same_thread=False, timeout=wait)
        self._reader.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
        with self._reading:
            self._reader.close()

    def put(self, annotation: dict[str, Any], above: Ancestors) -> None:
        """Take in an annotation."""
        instance = annotation["instance"]
        summary = Summary.of(annotation)
        with self._lock, self._connection as db:
            self._clear(instance)
            db.execute(
                "INSERT INTO instances VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    instance, above.series, above.study, above.patient, summary.status,
                    summary.examined, summary.probability, summary.source,
                    json.dumps(summary.visible), summary.laterality, summary.laterality_source,
                    summary.group, summary.agreement, summary.needs_review, summary.annotated_at,
                    above.modality, above.study_date, *_witnesses(annotation),
                ),
            )  # fmt: skip
            db.executemany(
                "INSERT OR IGNORE INTO mentions VALUES (?,?,?)",
                [(label, witness, instance) for label, witness in _mentions(annotation)],
            )

    def put_unseen(self, instance: str, above: Ancestors) -> None:
        """Take in an instance that has no annotation; one that the index knows stays as it is."""
        self._put_bare("OR IGNORE", instance, above, UNSEEN)

    def put_forgotten(self, instance: str, above: Ancestors) -> None:
        """Note that the annotation of an instance was removed on request."""
        with self._lock, self._connection:
            self._clear(instance)
        self._put_bare("OR REPLACE", instance, above, FORGOTTEN)

    def _put_bare(self, conflict: str, instance: str, above: Ancestors, state: str) -> None:
        with self._lock, self._connection as db:
            db.execute(
                f"INSERT {conflict} INTO instances (id, series, study, patient, state) "
                "VALUES (?,?,?,?,?)",
                (instance, above.series, above.study, above.patient, state),
            )

    def remove(self, instance: str) -> Ancestors | None:
        """Drop an instance; return what it belonged to, None if the index never knew it."""
        with self._lock, self._connection:
            above = self.above(instance)
            self._clear(instance)
        return above

    def above(self, instance: str) -> Ancestors | None:
        """Return what an instance belongs to, None if the index does not know it."""
        row = self._one("SELECT series, study, patient FROM instances WHERE id = ?", (instance,))
        return Ancestors(*row) if row else None

    def state(self, instance: str) -> str | None:
        """Return the state of an instance, None if the index does not know it."""
        row = self._one("SELECT state FROM instances WHERE id = ?", (instance,))
        return row[0] if row else None

    def ids(self) -> set[str]:
        """Return the ids of all instances in the index."""
        return {row[0] for row in self._all("SELECT id FROM instances")}

    def in_state(self, state: str, limit: int) -> list[str]:
        """Return up to ``limit`` instances in a state."""
        rows = self._all("SELECT id FROM instances WHERE state = ? LIMIT ?", (state, limit))
        return [row[0] for row in rows]

    def counts(self) -> dict[str, int]:
        """Return the number of instances in each state."""
        return dict(self._all("SELECT state, count(*) FROM instances GROUP BY state"))

    def reopen_forgotten(self) -> None:
        """Make what was forgotten open to a back-fill that starts now."""
        with self._lock, self._connection as db:
            db.execute("UPDATE instances SET state = ? WHERE state = ?", (UNSEEN, FORGOTTEN))

    def report(self, study: str) -> tuple[str, str] | None:
        """Return fingerprint and instance of the structured report stored in a study."""
        row = self._one("SELECT fingerprint, instance FROM reports WHERE study = ?", (study,))
        return (row[0], row[1]) if row else None

    def note_report(self, study: str, fingerprint: str, instance: str) -> None:
        """Note the structured report that was stored in a study."""
        with self._lock, self._connection as db:
            db.execute(
                "INSERT OR REPLACE INTO reports VALUES (?,?,?)", (study, fingerprint, instance)
            )

    def children(self, level: str, resource: str) -> list[Summary]:
        """Return the summaries of the annotated instances below a resource."""
        rows = self._all(
            f"SELECT {_SUMMARY} FROM instances WHERE {COLUMNS[level]} = ? "
            f"AND state NOT IN ('{UNSEEN}', '{FORGOTTEN}')",
            (resource,),
        )
        return [_summary(row) for row in rows]

    def select(
        self, level: str, where: str, parameters: Sequence[object], since: int, limit: int
    ) -> list[str]:
        """Return the ids at a level whose instances satisfy a condition, in order of id."""
        column = COLUMNS[level]
        return [
            row[0]
            for row in self._all(
                f"SELECT DISTINCT {column} FROM instances AS i WHERE {where} "
                f"ORDER BY {column} LIMIT ? OFFSET ?",
                (*parameters, limit, since),
            )
        ]

    def ask(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return the rows that a question about ``instances`` gives, beside all writing."""
        with self._reading:
            return self._reader.execute(sql, parameters).fetchall()

    def _clear(self, instance: str) -> None:
        self._connection.execute("DELETE FROM instances WHERE id = ?", (instance,))
        self._connection.execute("DELETE FROM mentions WHERE instance = ?", (instance,))

    def _one(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchone()

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()


def _witnesses(annotation: dict[str, Any]) -> tuple[object, ...]:
    """Return what picture, header, machine and person said, in the order of the columns."""
    image, header = annotation["image"], annotation["header"]
    seen = image["top"][0]["label"] if image and image["top"] and not image["rejected"] else None
    label, probability = machine_word(annotation)
    review = annotation["review"] or {}
    read = header["label"] if header else None
    return seen, read, label, probability, review.get("at"), review.get("by")


def _mentions(annotation: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield (label, witness) pairs: who names which part."""
    if annotation["examined"]:
        yield annotation["examined"]["label"], "final"
    image = annotation["image"]
    if image and image["top"] and not image["rejected"]:
        yield image["top"][0]["label"], "image"
    header = annotation["header"]
    if header:
        for label in header.get("labels") or [header["label"]]:
            if label:
                yield label, "header"
    for item in annotation["visible"]:
        yield item["label"], "visible"


def _summary(row: tuple[Any, ...]) -> Summary:
    columns = dict(zip(_SUMMARY_FIELDS, row, strict=True))
    columns["visible"] = json.loads(columns["visible"])
    columns["needs_review"] = bool(columns["needs_review"])
    return Summary(**columns)


def _open(path: Path, wait: float) -> sqlite3.Connection:
    try:
        return _connect(path, wait)
    except _OtherVersionError:
        pass
    except sqlite3.DatabaseError as error:
        # The lower byte is the kind, the rest says more of it.
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _connect(path, wait)


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=wait)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # A cache: losing its last second in a power cut costs a sweep, not an annotation.
        connection.execute("PRAGMA synchronous = OFF")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _SCHEMA_VERSION):
            raise _OtherVersionError
        if version == 0:
            # At once: a kill halfway must not leave half of the tables.
            version = f"PRAGMA user_version = {_SCHEMA_VERSION};"
            connection.executescript(f"BEGIN;{_SCHEMA}{version}COMMIT;")
    except (_OtherVersionError, sqlite3.DatabaseError):
        connection.close()
        raise
    return connection
