"""Orthanc's change log, read into the table of tasks; a mark in the same database keeps how far.

The store hook only says that there is something to read. What arrived while the service was down
is in the log as well. The mark moves in the transaction that adds the tasks.

Where several Orthancs write one log, an entry may appear behind the mark: it was given a lower
number than an entry that another Orthanc wrote before it. So instances that the hook named are
queued even if their entries were not among those read.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import marks
from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode
from service.records import replaced_series
from service.records.removals import stays_removed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.engine import Connection

    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Change
    from service.records.records import Records

_CURSOR = "cursor"
_MARK = Prepared(sa.select(marks.c.value).where(marks.c.name == _CURSOR))
_PAGE = 500
_ALONE, _QUIET, _LONGEST_QUIET = 0.006, 0.08, 0.25
_LONGEST_BURST = 10.0
_FADING = 0.8
"""Share of the longest interval that is left after each further upload."""
_PAUSE = 1.0
"""Seconds without an upload after which the next begins a new burst."""
_LOOK_EVERY = 1.0
_AMID_REWRITE = 0.05
_MOST_TOLD = 100_000
"""Instances that are remembered while the log cannot be read; the sweep finds the others."""


class ChangeLog:
    """Reads the log from where it stopped last.

    Parameters
    ----------
    archive, records
        The service's other parts; the index's database keeps the mark.
    live : bool
        Whether new arrivals are annotated at all; what replaces an annotated file always is.
    first : int
        Number of the change after which reading begins if there is no mark yet.
    is_own : callable or None
        Takes an instance and the number of a change; returns whether our own rewrite of the file
        made that change, which then needs no task, or None while that is not known yet.
    """

    def __init__(
        self,
        archive: Archive,
        records: Records,
        *,
        live: bool,
        first: int,
        is_own: Callable[[str, int], bool | None] | None = None,
    ) -> None:
        self._archive = archive
        self._tasks = records.tasks
        self._trail = records.trail
        self._index = records.index
        self._database = records.index.database
        self._keep_mark = self._database.noting(marks)
        self._live = live
        self._is_own = is_own
        self._amid_rewrite = False
        self._woken = threading.Event()
        self._told: deque[str] = deque(maxlen=_MOST_TOLD)
        self._arrived = self._burst_began = 0.0
        self._interval, self._quiet = 0.0, _ALONE
        if self._cursor() is None:
            self._begin_at(first)

    def wake(self, instance: str, *, ours: bool = False) -> None:
        """Note that an instance was stored; returns at once.

        Parameters
        ----------
        instance : str
            Orthanc id.
        ours : bool
            Whether it was stored by our own rewrite of its file, which is no part of a burst.
        """
        if self._database.shared:
            self._told.append(instance)
        if not ours:
            self._note_arrival(time.monotonic())
        self._woken.set()

    def _note_arrival(self, now: float) -> None:
        since = now - self._arrived
        self._arrived = now
        # A sender that waits for each annotation before the next upload must not be held up.
        idle = not self._woken.is_set() and not self._tasks.claims.any_of(Kind.ANNOTATE)
        alone = idle and since > _ALONE
        if since > _PAUSE:
            self._burst_began = now
        if alone or 2 * since >= _LONGEST_QUIET:
            self._interval, self._quiet = 0.0, _ALONE
            return
        # Large files come at longer intervals: after two uploads a third is likely. Those of
        # several senders come at uneven ones, so that the last interval alone says little.
        self._interval = max(since, _FADING * self._interval)
        self._quiet = max(2 * self._interval, _QUIET)

    def burst(self) -> float:
        """Return the seconds to wait so that a burst of uploads is stored before it is labelled.

        A burst counts as ended after a pause of twice its latest longer interval, at least 80 ms.
        An upload long after the last, or after all before it are annotated, is probably a single
        one: the wait is 6 ms. Uploads that go on for 10 s, with pauses of less than a second, are a
        stream: there is no wait, so that annotating keeps up.
        """
        now = time.monotonic()
        if now - self._burst_began > _LONGEST_BURST:
            return 0.0
        return max(0.0, self._arrived + self._quiet - now)

    def follow(self, stopping: threading.Event) -> None:
        """Read whenever there may be something new, until the service stops."""
        while not stopping.is_set():
            self._woken.wait(_AMID_REWRITE if self._amid_rewrite else _LOOK_EVERY)
            # For one that comes alone the workers wait, so that its task is ready by then.
            while self._quiet != _ALONE and (pause := self.burst()) and not stopping.wait(pause):
                pass
            self.read()

    def stop(self) -> None:
        """Wake ``follow``, so that it sees that the service stops."""
        self._woken.set()

    def read(self) -> None:
        """Read all that is new.

        Raises
        ------
        ArchiveError, RecordError
            If Orthanc or the records failed; what was read before that is kept.
        """
        self._woken.clear()
        told = {self._told.popleft() for _ in range(len(self._told))}
        try:
            told -= self._read_on()
            unseen = [i for i in told if self._is_to_be_read(i) and not self._is_removed(i)]
            if unseen:
                self._tasks.ask_now(Kind.ANNOTATE, unseen)
        except Exception:
            self._told.extend(told)
            raise

    def _read_on(self) -> set[str]:
        """Make tasks of all new entries of the log; return the instances that they name."""
        passed: set[str] = set()
        while True:
            since = self._cursor() or 0
            found, last = self._archive.changes(since, _PAGE)
            known = self._known(found)
            self._amid_rewrite = len(known) < len(found)
            if known:
                self._take(known)
                passed |= {change.resource for change in known if change.kind == "NewInstance"}
            elif last < since:
                # A log that was emptied starts at 1 again on some databases: what came since is
                # read. Not all of it, as it may be that of an old backup.
                self._begin_at(max(0, last - _PAGE))
            if len(known) < _PAGE:
                return passed

    def _known(self, found: list[Change]) -> list[Change]:
        """Return the entries before the first that may be from a rewrite still under way."""
        for place, change in enumerate(found):
            if change.kind == "NewInstance" and self._owns(change) is None:
                return found[:place]
        return found

    def _owns(self, change: Change) -> bool | None:
        # Each of several nodes knows only its own rewrites.
        if self._is_own is None or self._database.shared:
            return False
        return self._is_own(change.resource, change.sequence)

    def unread_instances(self) -> int:
        """Return how many instances in the next page of the log have no task yet."""
        if not self._live:
            return 0
        found, _ = self._archive.changes(self._cursor() or 0, _PAGE)
        named = {change.resource for change in found if change.kind == "NewInstance"}
        return len(named - self._tasks.standing(Kind.ANNOTATE, named)) if named else 0

    def is_unread(self, instance: str) -> bool:
        """Return whether the unread part of the log says that an instance was stored."""
        since = self._cursor() or 0
        while self._is_to_be_read(instance):
            found, _ = self._archive.changes(since, _PAGE)
            if any(
                change.kind == "NewInstance" and change.resource == instance for change in found
            ):
                return not self._is_removed(instance)
            if len(found) < _PAGE:
                break
            since = found[-1].sequence
        return False

    def _take(self, found: list[Change]) -> None:
        stored = {
            change.resource: change.sequence
            for change in found
            if change.kind == "NewInstance"
            and self._is_to_be_read(change.resource)
            and not self._owns(change)
        }
        wanted = {i: number for i, number in stored.items() if not self._is_removed(i, number)}
        stable = {change.resource for change in found if change.kind == "StableSeries"}
        # Modality, date and station of their instances may be others by now: what `/modify` changes
        # in a study, Orthanc tells only after the last of its files.
        settled = replaced_series.are_replaced(self._database, stable)
        replaced = self._replaced(stored)
        for series in settled | replaced:
            self._archive.forget(series)
        moved = [child.instance for one in settled for child in self._index.children("series", one)]
        with self._database.write() as connection:
            self._tasks.ask(connection, Kind.ANNOTATE, wanted, mode=Mode.NEW, sequences=wanted)
            self._tasks.ask(connection, Kind.ANNOTATE, moved, mode=Mode.NEW)
            # Always in the same order, so that two nodes do not deadlock.
            for series in sorted(settled | replaced):
                if series in replaced:
                    replaced_series.note(self._database, connection, series)
                else:
                    replaced_series.forget(connection, series)
            self._keep(connection, found[-1].sequence)
        if wanted or moved:
            self._tasks.wake()

    def _is_to_be_read(self, instance: str) -> bool:
        """Return whether an instance is annotated when it is stored, or stored over."""
        return self._live or self._index.knows(instance)

    def _replaced(self, stored: Iterable[str]) -> set[str]:
        """Return the series in which files were replaced."""
        parents = map(self._index.parents, stored)
        return {found.series for found in parents if found}

    def _is_removed(self, instance: str, sequence: int | None = None) -> bool:
        """Return whether the annotation of the instance's present file was removed."""
        try:
            return stays_removed(self._archive, instance, self._trail.last(instance), sequence)
        except ArchiveError:
            # Orthanc may fail with this one for ever. Who annotates it finds out; the log goes on.
            return False

    def _cursor(self) -> int | None:
        kept = self._database.value(_MARK)
        return None if kept is None else int(kept)

    def _keep(self, connection: Connection, cursor: int) -> None:
        connection.execute(self._keep_mark, {"name": _CURSOR, "value": str(cursor)})

    def _begin_at(self, cursor: int) -> None:
        with self._database.write() as connection:
            self._keep(connection, cursor)
