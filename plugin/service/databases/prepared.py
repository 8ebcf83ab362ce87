"""Statements that run for each picture, compiled once.

Each time, SQLAlchemy looks up a statement's text, orders its values and wraps its rows: that takes
ten times as long as SQLite takes to run it. PostgreSQL is still queried through SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

_DIALECT: sa.Dialect = sqlite.dialect()


class Prepared:
    """A statement that is run many times with different values.

    Parameters
    ----------
    statement : Select, Insert, Update or Delete
        Without lists of values (``IN``) of varying length, and without default values that
        SQLAlchemy would have to compute.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._texts: dict[frozenset[str], tuple[str, list[str], Mapping[str, Any]]] = {}

    def rows(self, connection: Connection | sqlite3.Connection, **values: Any) -> list[Any]:
        """Run the statement; return its rows as named tuples."""
        driver = _sqlite(connection)
        if isinstance(driver, sa.Connection):
            return list(driver.execute(self._statement, values))
        text, names, fixed = self._put_together(values)
        given = {**fixed, **values}
        found = driver.execute(text, [given[name] for name in names]).fetchall()
        return [self._row(row) for row in found]

    def run(self, connection: Connection | sqlite3.Connection, values: Mapping[str, Any]) -> int:
        """Run the statement; return how many rows it changed."""
        return self.run_for_each(connection, [values])

    def run_for_each(
        self, connection: Connection | sqlite3.Connection, many: Sequence[Mapping[str, Any]]
    ) -> int:
        """Run the statement for each set of values; return how many rows it changed in all."""
        driver = _sqlite(connection)
        if isinstance(driver, sa.Connection):
            changed: int = driver.execute(self._statement, many).rowcount
            return changed
        text, names, fixed = self._put_together(many[0])
        in_order = ([{**fixed, **one}[name] for name in names] for one in many)
        return driver.executemany(text, in_order).rowcount

    def _put_together(self, names: Iterable[str]) -> tuple[str, list[str], Mapping[str, Any]]:
        """Return text, names of parameters in order, and the values of constant parameters."""
        given = frozenset(names)
        if given not in self._texts:
            compiled = self._statement.compile(dialect=_DIALECT, column_keys=sorted(given))
            assert not compiled.prefetch, "it has values that SQLAlchemy would have to make"
            fixed = {n: bind.value for bind, n in compiled.bind_names.items() if not bind.required}
            self._texts[given] = str(compiled), compiled.positiontup, fixed
        return self._texts[given]

    @cached_property
    def _columns(self) -> tuple[Any, list[int]]:
        """Return the rows' class, and the places of booleans, which SQLite returns as numbers."""
        columns = self._statement.exported_columns
        truths = [at for at, one in enumerate(columns) if isinstance(one.type, sa.Boolean)]
        return namedtuple("Row", columns.keys()), truths

    def _row(self, row: tuple[Any, ...]) -> Any:
        make, truths = self._columns
        if truths:
            values = list(row)
            for at in truths:
                values[at] = values[at] if values[at] is None else bool(values[at])
            return make(*values)
        return make(*row)


def _sqlite(connection: Connection | sqlite3.Connection) -> Connection | sqlite3.Connection:
    """Return the SQLite driver's connection below one of SQLAlchemy's; another one as it is."""
    if isinstance(connection, sqlite3.Connection):
        return connection
    driver = connection.connection.driver_connection
    return driver if isinstance(driver, sqlite3.Connection) else connection
