"""Access to a database: SQLite beside Orthanc's index, or one PostgreSQL for several Orthancs."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from service.databases.prepared import Prepared
from service.errors import DamagedError, RecordError, UnreachableError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_BUSY_SECONDS = 30
_CONNECTIONS, _FURTHER_CONNECTIONS = 5, 15
"""Connections to PostgreSQL for records, and as many again for locks: at most 40 per node."""
_LONGEST_LOCK = 90
"""Seconds to wait for a lock: longer than a decoder may take, so that its holder must hang."""
_LONGEST_CONNECT = 10
_WATCHED = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""A node or server that lost power is noticed within a minute; by default after two hours."""
_LONGEST_SILENCE = 60_000
"""Milliseconds in which the server must acknowledge what was sent; by default a quarter of an hour.
While that is pending, keepalives are not sent."""
_OF_THE_FILE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""SQLite's errors for a file that cannot be opened, read or written."""
_OF_THE_SERVER = frozenset({"25006", "3F000", "42501", "42703", "42P01"})
"""PostgreSQL's codes for a read-only database, for a missing schema, table or column, and for a
missing privilege: their texts name tables and columns, never values."""
_OF_ITS_STATE = ("53", "57", "58")
"""Beginnings of its codes for lack of resources, for its shutdown, and for errors of its files."""
_LONGEST_REASON = 200
SCHEMA = "bodypart"
"""Our schema in a PostgreSQL that others may use as well."""


class Database:
    """One database: reads run in parallel; with SQLite, writes run one after the other.

    Parameters
    ----------
    url : str or URL
        Of SQLite's file, or ``postgresql+psycopg://…``.
    synchronous : str
        SQLite's durability: with ``FULL`` writes survive a power cut, with ``NORMAL`` a crash.

    Attributes
    ----------
    shared : bool
        Whether other nodes may write to it at the same time.
    insert : callable
        Takes a table; returns an ``INSERT`` that can say what is done ``ON CONFLICT``.
    asked : Engine
        For single queries, without a transaction: that would double the cost with SQLite, and needs
        two more round trips with PostgreSQL.
    """

    def __init__(self, url: str | sa.URL, *, synchronous: str = "NORMAL") -> None:
        url = sa.make_url(url)
        self.shared = url.get_backend_name() != "sqlite"
        self.insert: Any = postgresql.insert if self.shared else sqlite.insert
        if self.shared:
            self.engine = _postgresql(url)
            # A pool of its own: the holder of a lock must get a connection to write, however many
            # threads wait for locks.
            self._lockers = _postgresql(url, lock_timeout=f"{_LONGEST_LOCK}s").execution_options(
                isolation_level="AUTOCOMMIT"
            )
            self.asked: Engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._soon = self.engine
            self._mine = threading.local()
            self._writing: Any = nullcontext()
        else:
            self.engine = _sqlite(url, synchronous)
            self._soon = self.engine if synchronous == "NORMAL" else _sqlite(url, "NORMAL")
            self._writing = threading.RLock()
            self.asked = _sqlite(url, synchronous, transactions=False)
            self._idle: deque[sqlite3.Connection] = deque()
            self._writers: dict[Engine, Connection] = {}

    @classmethod
    def of_file(cls, path: Path, *, synchronous: str = "NORMAL") -> Database:
        """Return the SQLite database in a file."""
        # Not as a text, in which "?" and "%" have a meaning.
        return cls(sa.URL.create("sqlite", database=str(path)), synchronous=synchronous)

    @contextmanager
    def write(self, *, at_once: bool = True) -> Iterator[Connection]:
        """Open a transaction: all changes on the connection are kept, or none.

        Parameters
        ----------
        at_once : bool
            Whether the changes must survive a power cut from now on. False, for what is repeated
            after one anyway, lets them survive only once a later change is written so.

        Raises
        ------
        RecordError
            If they could not be kept.
        DamagedError
            If the file is damaged.
        """
        engine = self.engine if at_once else self._soon
        with (
            self._writing,
            self._our_errors(),
            self._writer(engine) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _writer(self, engine: Engine) -> Iterator[Connection]:
        """Open a connection for changes; with SQLite, where writers take turns, it is reused."""
        if self.shared:
            with engine.connect() as connection:
                yield connection
            return
        kept = self._writers.pop(engine, None)
        connection = engine.connect() if kept is None else kept
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._writers[engine] = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for queries; errors as in ``write``."""
        with self._our_errors(), self.engine.connect() as connection:
            yield connection

    def noting(self, table: sa.Table) -> Any:
        """Return the statement that notes a ``value`` by its ``name``, in place of an earlier one.

        It is one, as two nodes may note the same at once when they start for the first time.
        """
        insert = self.insert(table)
        return insert.on_conflict_do_update(
            index_elements=["name"], set_={"value": insert.excluded.value}
        )

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold a lock that all nodes respect; with SQLite, where there is one node, do nothing.

        The lock is reentrant. PostgreSQL releases the locks of a node that died.

        Parameters
        ----------
        name : str
            Name of the lock.

        Raises
        ------
        RecordError
            If the lock could not be taken.
        """
        held: dict[str, Connection] = getattr(self._mine, "held", {}) if self.shared else {}
        if not self.shared or name in held:
            yield
            return
        self._mine.held = held
        number = {"n": int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])}
        with self._our_errors():
            # One connection per thread: for a second lock it must not wait for one in the pool.
            connection = next(iter(held.values()), None) or self._lockers.connect()
            try:
                connection.execute(sa.text("SELECT pg_advisory_lock(:n)"), number)
            except BaseException:
                if not held:
                    connection.close()
                raise
        held[name] = connection
        try:
            yield
        finally:
            del held[name]
            # If the connection broke, PostgreSQL has released the lock.
            with suppress(SQLAlchemyError):
                connection.execute(sa.text("SELECT pg_advisory_unlock(:n)"), number)
            if not held:
                connection.close()

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Turn the database's errors into ours, as their text may hold values."""
        try:
            yield
        except NoConnectionError:
            raise RecordError("the records cannot be kept: too many at once") from None
        except UnicodeDecodeError as error:
            if not is_damage(error):
                raise
            raise DamagedError(str(self.engine.url.database)) from None
        except (DatabaseError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DatabaseError) else error
            if is_damage(cause):
                raise DamagedError(str(self.engine.url.database)) from None
            asked = error.statement if isinstance(error, DatabaseError) else None
            reason = _reason(cause or error, self.engine.url.database, asked or "")
            if _by_libpq(cause):
                raise UnreachableError(reason) from error
            raise RecordError(f"the records cannot be kept: {reason}") from error

    def rows(self, statement: sa.Executable | Prepared, **values: Any) -> list[Any]:
        """Return all rows of a query; ``values`` are those of its parameters."""
        if isinstance(statement, Prepared):
            with self._our_errors(), self._quick() as connection:
                return statement.rows(connection, **values)
        with self._our_errors(), self.asked.connect() as connection:
            return list(connection.execute(statement, values))

    def value(self, statement: sa.Executable | Prepared, **values: Any) -> Any:
        """Return the first column of the first row, None if there is none; see ``rows``."""
        found = self.rows(statement, **values)
        return found[0][0] if found else None

    def put(self, statement: Prepared, **values: Any) -> None:
        """Run one change that needs no explicit transaction; errors as in ``write``."""
        with self._writing, self._our_errors(), self._quick() as connection:
            statement.run(connection, values)

    @contextmanager
    def _quick(self) -> Iterator[Connection | sqlite3.Connection]:
        """Open a connection for one prepared statement; with SQLite, one of the driver itself.

        Taking one from SQLAlchemy's pool takes longer than SQLite takes for the statement.
        """
        if self.shared:
            with self.asked.connect() as connection:
                yield connection
            return
        try:
            driver = self._idle.pop()
        except IndexError:
            # The pool does not manage this connection.
            driver = self._opened()
        try:
            yield driver
        finally:
            self._idle.append(driver)

    def _opened(self) -> sqlite3.Connection:
        lent = self.asked.raw_connection()
        driver = lent.driver_connection
        lent.detach()
        assert isinstance(driver, sqlite3.Connection)
        return driver

    def close(self) -> None:
        """Close all connections that nobody uses now."""
        if self.shared:
            self._lockers.dispose()
        else:
            # Each is taken out first: closed in use, it would drop a change without an error.
            with suppress(KeyError):
                while True:
                    self._writers.popitem()[1].close()
            with suppress(IndexError):
                while True:
                    self._idle.pop().close()
        for engine in (self.engine, self._soon, self.asked):
            engine.dispose()


def is_damage(error: BaseException | None) -> bool:
    """Return whether SQLite says that the file is no database or damaged, or text is not UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        # SQLite quotes a table's damaged definition in its message, which Python cannot read.
        return b"malformed" in error.object
    if str(error).startswith("Could not decode to UTF-8"):
        return True
    # The lower byte is the primary result code, the rest only details it.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _reason(error: BaseException, database: str | None, statement: str) -> str:
    """Return a database's text on its file, server or connection; else only the kind of error.

    Other errors concern a statement, and their text may quote values.
    """
    state = getattr(error, "sqlstate", None) or ""
    of_server = state in _OF_THE_SERVER or state.startswith(_OF_ITS_STATE)
    of_file = getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_FILE
    said = str(error).strip().partition("\n")[0][:_LONGEST_REASON]
    if _by_libpq(error):
        return f"BodyPart.Database: {said}"
    if of_server:
        # The text names what may not be used, but not for which kind of statement.
        return f"{said} ({statement.lstrip().partition(' ')[0]})" if statement else said
    return f"{Path(database or '').name}: {said}" if of_file else type(error).__name__


def _by_libpq(error: BaseException | None) -> bool:
    """Return whether an error is libpq's own, without a code: no statement reached the server.

    The class is recognised by its name, because psycopg is not imported if only SQLite is used.
    """
    diagnosis = getattr(error, "diag", None)
    kinds = {kind.__name__ for kind in type(error).__mro__}  # A timeout is a kind of its own.
    return "OperationalError" in kinds and bool(diagnosis and not diagnosis.sqlstate)


def _postgresql(url: sa.URL, **options: str) -> Engine:
    server = {"search_path": SCHEMA, **{f"tcp_{k}": str(v) for k, v in _WATCHED.items()}, **options}
    return sa.create_engine(
        url,
        pool_size=_CONNECTIONS,
        max_overflow=_FURTHER_CONNECTIONS,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "options": " ".join(f"-c{name}={value}" for name, value in server.items()),
            **_WATCHED,
            "tcp_user_timeout": _LONGEST_SILENCE,
            "connect_timeout": _LONGEST_CONNECT,
        },
    )


def _sqlite(url: sa.URL, synchronous: str, *, transactions: bool = True) -> Engine:
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        # After a write by one connection, all others must read again: reuse the latest one.
        pool_use_lifo=True,
        pool_reset_on_return="rollback" if transactions else None,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        # Otherwise the driver begins transactions by itself, and not where they are needed.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    def _begun(connection: Connection) -> None:
        # By the driver: through SQLAlchemy it takes longer than SQLite itself.
        connection.connection.cursor().execute("BEGIN")

    if transactions:
        event.listen(engine, "begin", _begun)
    return engine
