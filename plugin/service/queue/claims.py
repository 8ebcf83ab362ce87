"""The tasks that this node has claimed; renewing the claims keeps other nodes away from them.

Only the claims of tasks that a worker has are renewed, not all with the node's name: a claim whose
transaction seemed to fail may be in the database all the same, and must run out.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from service.clock import SET_BACK, Clock
from service.databases.tables import tasks
from service.errors import RecordError
from service.queue.statements import LENT, RENEW

if TYPE_CHECKING:
    from service.databases.database import Database
    from service.queue.task import Task

_LEASE = 60.0
"""Seconds after which a task whose node no longer renews its claim is given out again."""
RENEW_EVERY = 10.0
"""Seconds between two renewals. Nodes' clocks may differ by the rest of the lease."""


class Claims:
    """The claims of one node.

    Parameters
    ----------
    database : Database
        Has the table; several nodes may share it.
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
        """Note that a worker has a task from now on; return the task as claimed by this node."""
        with self._lock:
            self._held.add((task.kind, task.resource))
        return replace(task, claimed_by=self._node)

    def let_go(self, task: Task) -> None:
        """Note that no worker has a task any more, if the claim was this node's."""
        if task.claimed_by == self._node:
            with self._lock:
                self._held.discard((task.kind, task.resource))

    def any_of(self, kind: str) -> bool:
        """Return whether a worker of this node has a task of a kind."""
        with self._lock:
            return any(held == kind for held, _resource in self._held)

    def renew(self) -> None:
        """Renew the claims of all tasks that this node's workers have.

        Each in a transaction of its own: a transaction that ends a task may have locked other tasks
        before, and one that renewed several at once could deadlock with it.
        """
        with self._lock:
            held = list(self._held)
        for kind, resource in held:
            which = {"b_kind": kind, "b_resource": resource, "b_holder": self._node}
            with self._database.write() as connection:
                connection.execute(RENEW, which | {"claimed_until": time.time() + _LEASE})

    def keep(self, stopping: threading.Event) -> None:
        """Renew the claims until the service stops; notice a clock that was set back.

        Also if there is only one node: its other threads must not take a task that takes long.
        """
        clock, back = Clock(), 0.0
        while not stopping.wait(RENEW_EVERY):
            back += clock.set_back()
            # A database that is away may be back before the claims run out.
            with suppress(RecordError):
                self.renew()
                if back:
                    self._set_back(back)
                    back = 0.0

    def _set_back(self, seconds: float) -> None:
        """Bring tasks forward by as much as the clock was set back, and claims of who died since.

        What was asked for in the few seconds since then, or by a node whose clock was right, may be
        due too early by that.
        """
        until = tasks.c.claimed_until
        # Another node that is at work may have renewed its own by a clock that is a little ahead.
        latest = time.time() + _LEASE + SET_BACK
        with self._database.write() as connection:
            connection.execute(sa.update(tasks).values(due=tasks.c.due - seconds))
            connection.execute(
                sa.update(tasks).where(until > latest).values(claimed_until=until - seconds)
            )

    def release(self) -> None:
        """Release the tasks that this node had claimed before it was killed.

        If no other node shares the table, all claims but helpers' were this node's, whatever its
        name was: a new container has a new name.
        """
        mine = tasks.c.claimed_by == self._node
        if not self._database.shared:
            mine = ~LENT
        with self._database.write() as connection:
            connection.execute(
                sa.update(tasks).where(mine).values(claimed_by=None, claimed_until=None)
            )
            # The clock may have been set back meanwhile, by nobody knows how much.
            latest = time.time() + _LEASE
            connection.execute(sa.update(tasks).where(tasks.c.due > latest).values(due=latest))
