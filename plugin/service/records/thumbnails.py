"""Small pictures of instances, kept beside the index: a cache of the decoders' thumbnails."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from service.databases.database import Database
from service.databases.prepared import Prepared
from service.errors import DamagedError, RecordError

if TYPE_CHECKING:
    from pathlib import Path

_TABLES = sa.MetaData()
_thumbnails = sa.Table(
    "thumbnails",
    _TABLES,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("side", sa.Integer, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("instance", "side"),
)
_columns = _thumbnails.c
_NEW = insert(_thumbnails).inline()
_PUT = Prepared(
    _NEW.on_conflict_do_update(
        index_elements=["instance", "side"],
        set_={name: _NEW.excluded[name] for name in ("version", "data")},
    )
)
_FOLLOW = Prepared(
    sa.update(_thumbnails)
    .where(_columns.instance == sa.bindparam("of"), _columns.version == sa.bindparam("before"))
    .values(version=sa.bindparam("after"))
)
_AT_ONCE = 500
USUAL_SIZE = 192
"""Longest side, in pixels, of the thumbnail that is drawn whenever a picture is read."""


class Thumbnails:
    """A bounded cache in a SQLite file of its own; the oldest go first.

    An error here costs only a decoding, so none is raised.

    Parameters
    ----------
    path : Path
        The file; a damaged one is created again. If it cannot be created, nothing is kept.
    largest : int
        Bytes of thumbnails to keep, at most.
    """

    def __init__(self, path: Path, largest: int) -> None:
        self._largest = largest
        self._lock = threading.Lock()
        self._bytes: int | None = None
        self._database = Database.of_file(path)
        try:
            self._opened()
        except DamagedError:
            self._database.close()
            with suppress(OSError):
                _remove(path)
            self._database = Database.of_file(path)
        except RecordError:
            pass  # The disk may be full: the next picture tries again.

    def get(self, instance: str, side: int, version: str) -> bytes | None:
        """Return a thumbnail of this very file, None if there is none."""
        with suppress(RecordError):
            found = self._opened().value(
                sa.select(_columns.data).where(
                    _columns.instance == instance,
                    _columns.side == side,
                    _columns.version == version,
                )
            )
            return bytes(found) if found is not None else None
        return None

    def put(self, instance: str, side: int, version: str, data: bytes) -> None:
        """Keep a thumbnail; it replaces that of an earlier file."""
        row = {"instance": instance, "side": side, "version": version, "data": data}
        with suppress(RecordError):
            database = self._opened()
            database.put(_PUT, **row)
            with self._lock:
                self._bytes = (self._bytes or 0) + len(data)
                if self._bytes > self._largest:
                    with database.write() as connection:
                        self._make_room(connection)

    def follow(self, instance: str, before: str, after: str) -> None:
        """Note that the file was rewritten; its picture is the same."""
        with suppress(RecordError):
            self._opened().put(_FOLLOW, of=instance, before=before, after=after)

    def remove(self, instance: str) -> None:
        """Delete the thumbnails of an instance that is gone."""
        with suppress(RecordError), self._opened().write() as connection:
            connection.execute(sa.delete(_thumbnails).where(_columns.instance == instance))

    def instances(self, after: str, limit: int) -> list[str]:
        """Return the next instances after one that have thumbnails, in order of id."""
        with suppress(RecordError):
            rows = self._opened().rows(
                sa.select(_columns.instance)
                .distinct()
                .where(_columns.instance > after)
                .order_by(_columns.instance)
                .limit(limit)
            )
            return [row.instance for row in rows]
        return []

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _make_room(self, connection: sa.Connection) -> None:
        while True:
            kept = connection.execute(
                sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(_columns.data)), 0))
            ).scalar_one()
            if kept <= self._largest:
                break
            oldest = sa.select(_columns.number).order_by(_columns.number).limit(_AT_ONCE)
            connection.execute(
                sa.delete(_thumbnails).where(_columns.number.in_(oldest.scalar_subquery()))
            )
        self._bytes = kept

    def _opened(self) -> Database:
        """Return the database, after creating its table if need be.

        Raises
        ------
        RecordError
            If the table cannot be created.
        """
        with self._lock:
            if self._bytes is None:
                with self._database.write() as connection:
                    _TABLES.create_all(connection)
                length = sa.func.sum(sa.func.length(_columns.data))
                self._bytes = int(self._database.value(sa.select(length)) or 0)
        return self._database


def _remove(path: Path) -> None:
    """Delete a damaged file, and those beside it, instead of keeping it: it shows patients."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
