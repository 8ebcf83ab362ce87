"""Tasks of the back-fill that are lent to helpers for a while, and may be returned unread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.databases.tables import tasks
from service.queue.statements import COLUMNS, free
from service.queue.task import Kind, Priority, Task, helper_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.databases.database import Database

_LENT = sa.select(*COLUMNS).where(
    tasks.c.kind == Kind.ANNOTATE,
    tasks.c.resource == sa.bindparam("instance"),
    tasks.c.claimed_by == sa.bindparam("helper"),
)


class Lending:
    """Lends tasks of the table to helpers.

    Parameters
    ----------
    database : Database
        Has the table.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lend(self, count: int, seconds: float, helper: str | None = None) -> list[str]:
        """Claim up to ``count`` instances for a helper, for some seconds, and return them.

        Instances that were tried before are left to the service's own decoders.
        """
        now = time.time()
        chosen = (
            sa.select(tasks.c.resource)
            .where(
                tasks.c.kind == Kind.ANNOTATE,
                tasks.c.priority == Priority.BACKFILL,
                tasks.c.attempts == 0,
                tasks.c.due <= now,
                free(now),
            )
            .order_by(tasks.c.due)
            .limit(count)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            found = [row.resource for row in connection.execute(chosen)]
            connection.execute(
                sa.update(tasks)
                .where(tasks.c.kind == Kind.ANNOTATE, tasks.c.resource.in_(found))
                .values(claimed_by=helper_of(helper), claimed_until=now + seconds)
            )
        return found

    def task(self, instance: str, helper: str | None = None) -> Task | None:
        """Return an instance's task if this helper was the last to claim it, else None."""
        rows = self._database.rows(_LENT, instance=instance, helper=helper_of(helper))
        return Task(*tuple(rows[0])) if rows else None

    def take_back(self, instances: Iterable[str], helper: str | None = None) -> None:
        """Release instances that a helper has claimed and returns."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(tasks)
                .where(
                    tasks.c.kind == Kind.ANNOTATE,
                    tasks.c.resource.in_(list(instances)),
                    tasks.c.claimed_by == helper_of(helper),
                )
                .values(claimed_by=None, claimed_until=None)
            )
