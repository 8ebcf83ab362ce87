"""What is still to do. Orthanc's change log is the queue; a global property keeps the cursor.

The cursor moves past a change only when its instance is finished, so a killed Orthanc does the
unfinished ones again; an annotation that is already there is not made twice. Instances that the
log does not tell of (an operator emptied it, another Orthanc wrote) are found by a sweep over
the archive. Live uploads go before retries, retries before the back-fill.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from orthanc_side import archive
from orthanc_side.index import UNSEEN, Index

CURSOR_PROPERTY = 5100
_PAGE = 200
_WINDOW = 200
_SAVE_EVERY = 1.0
_QUIET = 0.05
_LONGEST_BURST = 2.0


@dataclass(slots=True)
class Task:
    """An instance to annotate.

    Attributes
    ----------
    instance : str
        Orthanc id.
    sequence : int or None
        Number of its entry in the change log; None if a sweep or the back-fill found it.
    attempts : int
        How often it was tried and failed.
    deaths : int
        How many of these times the worker died on it.
    again : bool
        Whether to annotate it even if it has an annotation.
    dropped : bool
        Whether its annotation was removed since: nothing is to be done any more.
    """

    instance: str
    sequence: int | None = None
    attempts: int = 0
    deaths: int = 0
    again: bool = False
    dropped: bool = False


@dataclass(order=True, slots=True)
class _Retry:
    due: float
    task: Task = field(compare=False)


class Backlog:
    """Gives tasks out in order and keeps the cursor.

    Parameters
    ----------
    index : Index
        Knows which instances have no annotation.
    live : bool
        Whether uploads are annotated at all.
    """

    def __init__(self, index: Index, *, live: bool) -> None:
        self._index = index
        self._live_wanted = live
        self._lock = threading.Lock()
        # Apart from the lock, so that the store hook never waits for a look at the log.
        self._woken = threading.Event()
        self._burst_began = self._arrived = 0.0
        self._live: deque[Task] = deque()
        self._retries: list[_Retry] = []
        self._fill: deque[Task] = deque()
        self._out: dict[int, Task] = {}
        self._open: dict[int, Task] = {}
        self._dropped: dict[str, int] = {}
        self._stopping = False
        self._cursor = self._read = self._first_cursor()
        self._saved = (self._cursor, time.monotonic())
        self.filling = False

    @staticmethod
    def _first_cursor() -> int:
        """Continue where the last run stopped; the first run ever starts with what comes."""
        text = archive.get_property(CURSOR_PROPERTY)
        if text:
            # A log that was emptied starts at 1 again on some databases.
            return min(int(text), archive.last_change())
        cursor = archive.last_change()
        archive.set_property(CURSOR_PROPERTY, str(cursor))
        return cursor

    def wake(self) -> None:
        """Tell that something was stored; returns at once."""
        now = time.monotonic()
        if now - self._arrived > _QUIET:
            self._burst_began = now
        self._arrived = now
        self._woken.set()

    def stop(self) -> None:
        """Give out nothing more, and keep the cursor."""
        self._stopping = True
        self._woken.set()
        self._save(at_once=True)

    def take(self, wait: float = 1.0) -> Task | None:
        """Return the next task, or None if none came within ``wait`` seconds."""
        task = self._look()
        if task is None and not self._stopping:
            self._woken.wait(self._until_retry(wait))
            task = self._look()
        return task

    def burst(self) -> float:
        """Return the seconds to wait so that a burst of uploads is stored before it is labelled.

        A burst ends with a pause of 50 ms, and counts as a stream, to be kept up with, after 2 s.
        """
        now = time.monotonic()
        if now - self._burst_began > _LONGEST_BURST:
            return 0.0
        return max(0.0, self._arrived + _QUIET - now)

    def add(self, instance: str, *, again: bool = False) -> None:
        """Queue an instance that the change log does not tell of."""
        with self._lock:
            self._live.append(Task(instance, again=again))
        self._woken.set()

    def drop(self, instance: str) -> None:
        """Let go of all that was asked for an instance before now: its annotation was removed.

        That includes what the change log tells of it up to now: of our own storing of its
        original tags, for one.
        """
        with self._lock:
            for task in self._known(instance):
                task.dropped = True
            self._dropped[instance] = archive.last_change()

    def finished(self, task: Task) -> None:
        """Note that a task needs nothing more."""
        with self._lock:
            self._out.pop(id(task), None)
            if task.sequence is not None:
                self._open.pop(task.sequence, None)
        self._save(at_once=False)

    def again(self, task: Task, delay: float) -> None:
        """Give a task out again after ``delay`` seconds."""
        with self._lock:
            self._out.pop(id(task), None)
            heapq.heappush(self._retries, _Retry(time.monotonic() + delay, task))

    def pending(self) -> int:
        """Return how many instances wait or are being worked on.

        What Orthanc has stored counts at once, whether or not it was heard of already; in a flood,
        entries of the change log are counted, which are more than instances.
        """
        with self._lock:
            waiting = len(self._live) + len(self._retries) + len(self._out)
            read = self._read
        if self._live_wanted:
            found, _ = archive.changes(read, _PAGE)
            stored = sum(change.kind == "NewInstance" for change in found)
            waiting += stored if len(found) < _PAGE else max(stored, archive.last_change() - read)
        if self.filling:
            waiting += self._index.counts().get(UNSEEN, 0)
        return waiting

    def has(self, instance: str) -> bool:
        """Tell whether an instance waits or is being worked on."""
        with self._lock:
            return any(not task.dropped for task in self._known(instance))

    def _known(self, instance: str) -> Iterator[Task]:
        """Give the tasks about an instance that wait or are being worked on."""
        retries = (retry.task for retry in self._retries)
        for task in chain(self._live, retries, self._fill, self._out.values()):
            if task.instance == instance:
                yield task

    def fill_done(self) -> bool:
        """Tell whether the back-fill has given out and finished everything."""
        with self._lock:
            busy = self._fill or self._out or self._retries
        return not busy and not self._index.in_state(UNSEEN, 1)

    def _look(self) -> Task | None:
        with self._lock:
            if self._stopping:
                return None
            self._read_log()
            task = self._next()
            if task:
                self._out[id(task)] = task
            return task

    def _next(self) -> Task | None:
        if self._live:
            return self._live.popleft()
        if self._retries and self._retries[0].due <= time.monotonic():
            return heapq.heappop(self._retries).task
        if self.filling and not self._fill:
            busy = {retry.task.instance for retry in self._retries}
            busy.update(task.instance for task in self._out.values())
            self._fill.extend(
                Task(instance)
                for instance in self._index.in_state(UNSEEN, _PAGE)
                if instance not in busy
            )
        if self.filling and self._fill:
            return self._fill.popleft()
        return None

    def _until_retry(self, wait: float) -> float:
        with self._lock:
            if not self._retries:
                return wait
            return min(wait, max(0.01, self._retries[0].due - time.monotonic()))

    def _read_log(self) -> None:
        """Read on in the change log as long as not too much is open."""
        if len(self._open) >= _WINDOW:
            return
        if self._live and not self._woken.is_set():
            return
        self._woken.clear()
        while len(self._open) < _WINDOW:
            found, last = archive.changes(self._read, _PAGE)
            for change in found:
                self._read = change.sequence
                dropped = change.sequence <= self._dropped.get(change.resource, 0)
                if change.kind == "NewInstance" and self._live_wanted and not dropped:
                    task = Task(change.resource, change.sequence)
                    self._open[change.sequence] = task
                    self._live.append(task)
            if len(found) < _PAGE:
                self._read = max(self._read, last) if not found else self._read
                self._dropped = {i: upto for i, upto in self._dropped.items() if upto > self._read}
                return

    def _save(self, *, at_once: bool) -> None:
        with self._lock:
            self._cursor = min(self._open) - 1 if self._open else self._read
            cursor, (saved, when) = self._cursor, self._saved
            now = time.monotonic()
            if cursor == saved or not (at_once or now - when > _SAVE_EVERY or not self._open):
                return
            self._saved = (cursor, now)
        archive.set_property(CURSOR_PROPERTY, str(cursor))
