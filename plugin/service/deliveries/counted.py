"""What the last count of a rule found in the old stock: exactly that is sent, if asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.databases.tables import counted

if TYPE_CHECKING:
    from service.databases.database import Database


class Counted:
    """The instances that were counted, with the answer that each is to be sent for, by id.

    Parameters
    ----------
    database : Database
        The durable one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def clear(self) -> None:
        """Forget what an earlier count found."""
        with self._database.write() as connection:
            connection.execute(sa.delete(counted))

    def keep(self, found: Iterable[tuple[str, str]]) -> None:
        """Note what one page of the count found; the same page may come again after a restart."""
        rows = [{"instance": instance, "answer": answer} for instance, answer in found]
        if not rows:
            return
        with self._database.write() as connection:
            again = [row["instance"] for row in rows]
            connection.execute(sa.delete(counted).where(counted.c.instance.in_(again)))
            connection.execute(sa.insert(counted), rows)

    def page(self, after: str, limit: int) -> dict[str, str]:
        """Return the next instances, and the answer of each."""
        rows = self._database.rows(
            sa.select(counted)
            .where(counted.c.instance > after)
            .order_by(counted.c.instance)
            .limit(limit)
        )
        return {row.instance: row.answer for row in rows}
