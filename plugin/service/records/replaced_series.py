"""Series in which others replaced files, noted until they are left alone, or gone.

The notes are beside that of how far the change log was read: they outlive a restart, and with
PostgreSQL all nodes have the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import instances, marks

if TYPE_CHECKING:
    from service.databases.database import Database

_NAME = "replaced "
_IS_NOTED = Prepared(sa.select(marks.c.name).where(marks.c.name == sa.bindparam("name")))
_FORGET = Prepared(sa.delete(marks).where(marks.c.name == sa.bindparam("mark")))
_FORGET_IF_GONE = Prepared(
    sa.delete(marks).where(
        marks.c.name == sa.bindparam("mark"),
        ~sa.exists().where(instances.c.series == sa.bindparam("b_series")),
    )
)


def are_replaced(database: Database, series: set[str]) -> set[str]:
    """Return which of some series are noted."""
    return {one for one in series if database.value(_IS_NOTED, name=_NAME + one) is not None}


def note(database: Database, connection: sa.Connection, series: str) -> None:
    """Note that files of a series were replaced."""
    connection.execute(database.noting(marks), {"name": _NAME + series, "value": ""})


def forget(connection: sa.Connection, series: str) -> None:
    """Forget a series that is left alone."""
    _FORGET.run(connection, {"mark": _NAME + series})


def forget_if_gone(connection: sa.Connection, series: str) -> None:
    """Forget a series without instances: nobody tells that it is left alone."""
    _FORGET_IF_GONE.run(connection, {"mark": _NAME + series, "b_series": series})
