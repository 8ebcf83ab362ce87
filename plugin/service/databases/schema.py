"""Opens the databases: creates, migrates, and replaces damaged ones if that loses nothing."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import sqlalchemy as sa

from service.databases.database import SCHEMA, Database, is_damage
from service.databases.tables import (
    DURABLE,
    INDEX,
    LEARNED,
    SEEN,
    events,
    facts,
    instances,
    reports,
)
from service.errors import DamagedError, NewerError, RecordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK_TRIES, _LOCK_PAUSE = 200, 0.05
_LOCK = 0x626F6479
"""Key of the advisory lock by which only one node at a time changes the tables in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One set of tables, with its migrations.

    Attributes
    ----------
    name : str
        Name of the folder of migrations, and beginning of the name of Alembic's version table.
    tables : MetaData
        The tables of this version.
    head : str
        The newest migration; a new database is created at it.
    first : str
        A table that every version had.
    """

    name: str
    tables: sa.MetaData
    head: str
    first: str

    @property
    def version_table(self) -> str:
        """Alembic's table in the database."""
        return f"{self.name}_version"


DURABLE_SCHEMA = Schema("durable", DURABLE, "durable_0005", "events")
LEARNED_SCHEMA = Schema("learned", LEARNED, "learned_0001", "words")
SEEN_SCHEMA = Schema("seen", SEEN, "seen_0001", "sightings")
INDEX_SCHEMA = Schema("index", INDEX, "index_0007", "instances")


def open_durable(path: Path) -> Database:
    """Return the database of what must not be lost, created or migrated if need be.

    Raises
    ------
    RecordError
        If it cannot be used, for example because a newer version made it: it is never replaced.
    """
    database = Database.of_file(path, synchronous="FULL")
    prepare(database, DURABLE_SCHEMA)
    prepare(database, LEARNED_SCHEMA)
    return database


def open_index(path: Path, durable: Database, log: Callable[[str], None]) -> Database:
    """Return the database of the index and the queue; a damaged one is replaced by an empty one.

    Parameters
    ----------
    path : Path
        The file.
    durable : Database
        Takes over what version 0.1 kept only in the index.
    log : callable
        Takes a line.
    """
    try:
        _take_over_of_0_1(path, durable)
        database = Database.of_file(path)
        prepare(database, INDEX_SCHEMA)
        prepare(database, SEEN_SCHEMA)
        _look_at_all(database)
    except (
        DamagedError,
        NewerError,
        sa.exc.OperationalError,
        sa.exc.IntegrityError,
        RuntimeError,
        ValueError,
    ) as error:
        log(f"the index cannot be used ({type(error).__name__}) and is made anew")
        set_aside(path)
        database = Database.of_file(path)
        prepare(database, INDEX_SCHEMA)
        prepare(database, SEEN_SCHEMA)
    return database


def _look_at_all(database: Database) -> None:
    """Read every column of every table once: a damaged byte may have renamed one."""
    for table in (*INDEX.tables.values(), *SEEN.tables.values()):
        try:
            database.rows(sa.select(table).limit(1))
        except RecordError:
            raise DamagedError(str(database.engine.url.database)) from None


def words_lost(durable: Database, index: Database) -> int:
    """Return how many reviewed instances the index has if the durable database is new; else 0."""
    if any(durable.rows(sa.select(table).limit(1)) for table in (facts, events)):
        return 0
    reviewed = sa.select(sa.func.count()).where(instances.c.reviewed_at.is_not(None))
    return int(index.value(reviewed))


def open_shared(url: str) -> Database:
    """Return the PostgreSQL database that holds everything for several Orthancs."""
    database = Database(url)
    question = sa.text(
        "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = :name"
    )
    usable = database.value(question, name=SCHEMA)
    if usable is None:
        # Only if it is missing: PostgreSQL demands the right to create one even if it exists.
        with database.write() as connection:
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    elif not usable:
        # PostgreSQL skips it in the search path, and would only say that tables are missing.
        raise RecordError(f"the records cannot be kept: permission denied for schema {SCHEMA}")
    for schema in (DURABLE_SCHEMA, LEARNED_SCHEMA, INDEX_SCHEMA, SEEN_SCHEMA):
        prepare(database, schema)
    return database


def only_one(path: Path) -> IO[bytes]:
    """Make sure that no other service uses a database; return the file whose lock ensures it.

    Raises
    ------
    RecordError
        If another one does and does not end within a few seconds; one whose Orthanc was killed may
        need a moment to end.
    """
    place = path.with_name(path.name + ".lock").open("wb")
    for _ in range(_LOCK_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return place
        time.sleep(_LOCK_PAUSE)
    raise RecordError(f"another service works on {path}")


def set_aside(path: Path) -> None:
    """Move a damaged SQLite file out of the way, and delete the files beside it."""
    _delete_beside(path)
    if path.exists():
        path.replace(path.with_name(path.name + ".damaged"))


def _delete_beside(path: Path) -> None:
    """Delete the files that SQLite has beside a database that nobody has open."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def prepare(database: Database, schema: Schema) -> None:
    """Create the tables, or migrate them."""
    with database.write() as connection:
        if database.shared:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        tables = sa.inspect(connection).get_table_names()
        if schema.version_table in tables:
            version = sa.table(schema.version_table, sa.column("version_num"))
            if connection.execute(sa.select(version.c.version_num)).scalar() != schema.head:
                _alembic(connection, schema, "upgrade")
        elif schema.first in tables:
            _alembic(connection, schema, "upgrade")
        else:
            schema.tables.create_all(connection)
            _alembic(connection, schema, "stamp")


def _alembic(connection: Connection, schema: Schema, command: str) -> None:
    # Importing it takes a tenth of a second, and it is needed only once per version.
    from alembic import command as commands
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("path_separator", "os")
    for option, folder in (
        ("script_location", _MIGRATIONS),
        ("version_locations", _MIGRATIONS / schema.name),
    ):
        config.set_main_option(option, str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = schema.version_table
    try:
        getattr(commands, command)(config, "head")
    except CommandError:
        # Alembic does not know the migration at which the database is.
        place = Path(connection.engine.url.database or "").name
        raise NewerError(
            f"the database {place} is of a newer version of this plugin than this one"
        ) from None
    except sa.exc.OperationalError as error:
        if not _lies(error.orig):
            raise
        raise DamagedError(str(connection.engine.url.database)) from None


def _lies(error: BaseException | None) -> bool:
    """Return whether a database lacks tables or columns that it has by its version."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def _take_over_of_0_1(path: Path, durable: Database) -> None:
    """Take over the table of our structured reports from an index of version 0.1.

    Where a later version had run before 0.1, the index is then deleted, to be made anew: it does
    not tell which files that version had still to rewrite.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            if old.execute("PRAGMA user_version").fetchone()[0] != 2:
                return
            names = ("study", "fingerprint", "instance")
            rows = old.execute(f"SELECT {', '.join(names)} FROM reports").fetchall()
            if rows:
                with durable.write() as connection:
                    # They may be there already: a start was killed, or 0.1 ran once more since.
                    connection.execute(
                        sa.delete(reports).where(reports.c.study == sa.bindparam("b_study")),
                        [{"b_study": study} for study, *_ in rows],
                    )
                    connection.execute(
                        sa.insert(reports), [dict(zip(names, row, strict=True)) for row in rows]
                    )
            again = bool(durable.rows(sa.select(facts).limit(1)))  # 0.1 keeps none.
            if not again:
                old.executescript("BEGIN; DROP TABLE reports; PRAGMA user_version = 0; COMMIT")
        if again:
            _delete_beside(path)
            path.unlink()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if is_damage(error) or _lies(error):
            raise DamagedError(str(path)) from None
        raise RecordError(f"the records cannot be kept: {path.name}: {error}") from None
