"""The driver: takes ids from the service, has the instances read, and returns the answers."""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backfill.errors import BackfillError, MismatchError
from backfill.reader import Batch
from backfill.reference import Reference

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from backfill.connection import Connection
    from backfill.crew import Crew, Outcome
    from backfill.progress import Progress
    from bodypart.record import BroughtRecord

BATCH = 32
_LEASE = 300.0
"""Seconds after which instances that were taken but not returned go back to the queue."""
_MOST_LENT = 1000
_LARGEST_BODY = 900_000
"""Most bytes of answers in one request; the service accepts 1,000,000."""
_POSTS = 2
"""Requests with answers that are sent at the same time."""
_LOOK_EVERY = 2.0
_LEARN_EVERY = 10.0
_TICK = 0.25


@dataclass(slots=True)
class Tally:
    """The result of a run.

    Attributes
    ----------
    taken : int
        Answers that the service wrote.
    dropped : int
        Answers that it ignored, as the instance had been annotated, reviewed or removed meanwhile,
        or the back-fill cancelled.
    state : str
        State of the back-fill at the end: ``done``, ``cancelled``, or ``running`` if this run was
        stopped before.
    """

    taken: int = 0
    dropped: int = 0
    state: str = "running"


class Driver:
    """Leads a crew until the service has nothing left, or the run is stopped.

    Parameters
    ----------
    connection : Connection
        Connection to the service.
    crew : Crew
        The workers.
    reference : Reference
        Version, model and settings of the service at the start.
    progress : Progress
        Shows the progress.
    stopping : threading.Event
        Ends the run early.
    """

    def __init__(
        self,
        connection: Connection,
        crew: Crew,
        reference: Reference,
        progress: Progress,
        stopping: threading.Event,
    ) -> None:
        self._connection = connection
        self._crew = crew
        self._reference = reference
        self._progress = progress
        self._stopping = stopping
        self._posting = ThreadPoolExecutor(_POSTS, "bodypart-post")
        self._posts: deque[tuple[set[str], Future[tuple[int, int]]]] = deque()
        self._again: deque[Batch] = deque()
        self._out: set[str] = set()
        # Sent with each answer: a late one must not pass for one of the instance's next helper.
        self._name = secrets.token_hex(8)
        self._tally = Tally()
        self._lend_at = self._look_at = 0.0
        self._learn_at = time.monotonic() + _LEARN_EVERY
        self._state: dict[str, Any] = {}

    def run(self) -> Tally:
        """Lead the crew; instances that were not read by the end are given back.

        Raises
        ------
        BackfillError
            If it cannot continue.
        """
        try:
            while not self._stopping.is_set() and not self._is_over():
                self._give()
                for outcome in self._crew.wait(_TICK):
                    self._take(outcome)
                self._reap(all_=False)
            self._reap(all_=True)
        finally:
            self._end()
        return self._tally

    def _is_over(self) -> bool:
        """Ask the service now and then; return whether there is nothing left to do."""
        now = time.monotonic()
        if now >= self._learn_at:
            self._learn_at = now + _LEARN_EVERY
            present = Reference.of(self._connection, self._reference.revision)
            if (present.model, present.settings) != (
                self._reference.model,
                self._reference.settings,
            ):
                raise MismatchError("the service has another model or other settings by now")
            self._reference = present
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            self._state = self._connection.get("/bodypart/backfill")
            self._tally.state = self._state["state"]
        self._progress.show(
            total=self._state["total"],
            pending=self._state["pending"],
            workers=self._crew.workers,
        )
        return self._tally.state != "running"

    def _give(self) -> None:
        while self._crew.room > 0 and self._again:
            self._crew.give(self._again.popleft())
        room, now = self._crew.room, time.monotonic()
        if room <= 0 or now < self._lend_at:
            return
        count = min(_MOST_LENT, BATCH * room)
        lent: list[str] = self._connection.post(
            "/bodypart/backfill/lease",
            {"Count": count, "Seconds": _LEASE, "Helper": self._name},
        )
        if len(lent) < count:
            # Other helpers have the rest; instances that they do not return go back to the queue.
            self._lend_at = now + _LOOK_EVERY / 2
        self._out.update(lent)
        for start in range(0, len(lent), BATCH):
            self._crew.give(Batch(tuple(lent[start : start + BATCH]), self._reference.revision))

    def _take(self, outcome: Outcome) -> None:
        if outcome.lost is not None:
            self._progress.say(f"a worker is lost: {outcome.lost}")
            if not self._crew.workers:
                raise BackfillError(f"no worker is left: {outcome.lost}")
            self._again.append(outcome.batch)
            return
        for answers in in_bodies(outcome.answers):
            of = {answer["instance"] for answer in answers}
            self._posts.append((of, self._posting.submit(self._post, answers)))

    def _post(self, answers: Sequence[BroughtRecord]) -> tuple[int, int]:
        model = self._reference.model["sha256"]
        body = {"helper": self._name, "model": model, "results": answers}
        answer = self._connection.post("/bodypart/backfill/results", body)
        return int(answer["taken"]), len(answer["dropped"])

    def _reap(self, *, all_: bool) -> None:
        """Count the answers that were sent; wait for requests if too many are under way."""
        while self._posts and (all_ or len(self._posts) > 2 * _POSTS or self._posts[0][1].done()):
            brought, post = self._posts.popleft()
            taken, dropped = post.result()
            self._out -= brought
            self._tally.taken += taken
            self._tally.dropped += dropped
            self._progress.add(taken)

    def _end(self) -> None:
        """Wait for requests under way and give back the other instances.

        Errors here are ignored, so that the error that ended the run is the one reported. Instances
        that cannot be given back return to the queue when their lease ends.
        """
        while self._posts:
            with suppress(Exception):
                self._reap(all_=True)
        self._posting.shutdown()
        with suppress(Exception):
            self._give_back()

    def _give_back(self) -> None:
        """Give back instances that were not read, so that they need not wait for their lease."""
        rest = sorted(self._out)
        for start in range(0, len(rest), _MOST_LENT):
            some = rest[start : start + _MOST_LENT]
            body = {"helper": self._name, "results": [], "returned": some}
            self._connection.post("/bodypart/backfill/results", body)


def in_bodies(answers: list[BroughtRecord]) -> Iterator[list[BroughtRecord]]:
    """Split answers so that no request is too long."""
    some: list[BroughtRecord] = []
    length = 0
    for answer in answers:
        size = len(json.dumps(answer))
        if some and length + size > _LARGEST_BODY:
            yield some
            some, length = [], 0
        some.append(answer)
        length += size
    if some:
        yield some
