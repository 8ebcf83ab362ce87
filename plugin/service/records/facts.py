"""What the service remembers about itself: texts by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import facts

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from service.databases.database import Database

_VALUE = Prepared(sa.select(facts.c.value).where(facts.c.name == sa.bindparam("name")))


class Facts:
    """Texts by name in the durable database.

    Parameters
    ----------
    database : Database
        The durable database.
    first : dict of str to str
        Values to set for names that have none yet.
    """

    def __init__(self, database: Database, first: dict[str, str]) -> None:
        self._database = database
        self._set = database.noting(facts)
        for name, value in first.items():
            if value and self.get(name) is None:
                self.set(name, value)

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold a fact against the other nodes, not against other threads of this one."""
        return self._database.hold(name)

    def get(self, name: str) -> str | None:
        """Return a text, None if it was never set."""
        found = self._database.value(_VALUE, name=name)
        return None if found is None else str(found)

    def set(self, name: str, value: str) -> None:
        """Remember a text."""
        with self._database.write() as connection:
            connection.execute(self._set, {"name": name, "value": value})
