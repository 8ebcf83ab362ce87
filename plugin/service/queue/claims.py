"""What this node has claimed of the table of tasks; signs of life keep others away from it.

They are given for what a worker has, not for all that bears the node's name: a claim of which the
database did not say that it worked may stand there all the same, and runs out.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from service.databases.tables import tasks
from service.errors import RecordError
from service.queue.statements import LENT, RENEW

if TYPE_CHECKING:
    from service.databases.database import Database
    from service.queue.task import Task

_LEASE = 60.0
"""Seconds after which a task is given out again whose worker fell silent with its node."""
RENEW_EVERY = 10.0
"""Seconds between two signs of life. Nodes' clocks may differ by what is left of the lease."""


class Claims:
    """The claims of one node.

    Parameters
    ----------
    database : Database
        Where the table lies; several nodes may share it.
    node : str
        Name of this service among those that share the database.
    """

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self._node = node
        self._lock = threading.Lock()
        self._held: set[tuple[str, str]] = set()

    def new(self) -> dict[str, Any]:
        """Return the columns of a claim that is made now."""
        return {"claimed_by": self._node, "claimed_until": time.time() + _LEASE}

    def note(self, task: Task) -> Task:
        """Note that a worker has a task from now on; return it as a claimed one."""
        with self._lock:
            self._held.add((task.kind, task.resource))
        return replace(task, claimed_by=self._node)

    def let_go(self, task: Task) -> None:
        """Note that no worker has a task any more; one that is not this node's stays as it is."""
        if task.claimed_by == self._node:
            with self._lock:
                self._held.discard((task.kind, task.resource))

    def any_of(self, kind: str) -> bool:
        """Tell whether a worker of this node has a task of a kind."""
        with self._lock:
            return any(held == kind for held, _resource in self._held)

    def renew(self) -> None:
        """Tell that this node lives, and still works on what its workers have.

        Each claim by itself: who ends a task may have asked for others before, and would wait for
        who holds that task and waits for one of these.
        """
        with self._lock:
            held = list(self._held)
        for kind, resource in held:
            which = {"b_kind": kind, "b_resource": resource, "b_holder": self._node}
            with self._database.write() as connection:
                connection.execute(RENEW, which | {"claimed_until": time.time() + _LEASE})

    def keep(self, stopping: threading.Event) -> None:
        """Renew the claims until the service stops; notice a clock that was set back.

        Also where it is alone: its other threads must not take what one works on for long.
        """
        apart = time.time() - time.monotonic()
        while not stopping.wait(RENEW_EVERY):
            # A database that is away may be back before the claims run out.
            with suppress(RecordError):
                self.renew()
                if time.time() - time.monotonic() < apart - _LEASE:
                    self.hasten()
                apart = time.time() - time.monotonic()

    def hasten(self) -> None:
        """Have nothing wait for more than a minute, as by a clock set back since it might."""
        latest = time.time() + _LEASE
        with self._database.write() as connection:
            connection.execute(sa.update(tasks).where(tasks.c.due > latest).values(due=latest))

    def release(self) -> None:
        """Take back what this node had claimed before it was killed.

        Where no other node shares the table it was this one, whatever its name was then: a new
        container has a new one.
        """
        mine = tasks.c.claimed_by == self._node
        if not self._database.shared:
            mine = ~LENT
        with self._database.write() as connection:
            connection.execute(
                sa.update(tasks).where(mine).values(claimed_by=None, claimed_until=None)
            )
        self.hasten()
