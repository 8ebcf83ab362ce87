"""The back-fill: annotate stored instances that have no annotation; resumable and cancellable."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal, cast

from typing_extensions import TypedDict

from service.errors import ServiceError
from service.lasting import kind_and_place
from service.queue.tasks import Kind, Mode, Priority
from service.records.index import BARE, UNSEEN
from service.work.run import Run
from service.work.sweep import sweep_again_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.orthanc_api.archive import Archive
    from service.queue.tasks import Tasks
    from service.records.facts import Facts
    from service.records.index import Index
    from service.work.sweep import Sweep

_PAGE = 200
_FEW = 100
_READ_AGAIN = 1000
_ASKED_FOR_VERSION = 10
"""How many pictures of a model are asked for its version; usually the first has it."""
_LOOK_EVERY = 0.5


class BackfillRun(TypedDict):
    """What is kept of a run; before the first one there is no start."""

    state: Literal["idle", "running", "done", "cancelled"]
    started_at: str | None
    total: int


class BackfillProgress(BackfillRun):
    """How far the back-fill is; ``open`` is how many instances a start would annotate now."""

    done: int
    pending: int
    open: int
    failed: int


class Backfill:
    """A run that annotates the old stock, and its progress.

    What is left to do are the index's instances without an annotation, so that after a restart the
    run goes on where it stopped. Tasks are made of them a page at a time.

    Parameters
    ----------
    archive, index, tasks, facts, sweep
        The service's other parts.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        index: Index,
        tasks: Tasks,
        facts: Facts,
        sweep: Sweep,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._index = index
        self._tasks = tasks
        self._sweep = sweep
        self._log = log
        self._run = Run(facts, "backfill", total=0, started_at=None)
        self._filling = threading.Lock()
        self._to_sweep = self.running
        self._sweep_at, self._failures = 0.0, 0

    @property
    def running(self) -> bool:
        """Whether the back-fill is under way."""
        return self._run.running

    def start(self) -> BackfillProgress:
        """Start or resume the back-fill; the archive is searched in the background."""
        with self._run.held():
            if not self.running:
                # Annotations removed before are made again; those removed from now on are not.
                self._index.reopen_removed()
                self._run.begin(total=self._left_now())
            self._to_sweep, self._sweep_at = True, 0.0
        self._run.woken.set()
        return self.progress()

    def read_again(self, version: str | None, *, present: str) -> int:
        """Queue pictures that an earlier model read to be read again; return how many.

        Those that a person confirmed or corrected are left as they are.

        Parameters
        ----------
        version : str or None
            Version of the earlier model; None for every model but the present one.
        present : str
            SHA-256 of the present model.
        """
        count = 0
        for model in self._index.models():
            if model == present if version is None else version != self._version_of(model):
                continue
            after = ""
            while page := self._index.read_by(model, _READ_AGAIN, after):
                after = page[-1]
                count += len(page)
                self._tasks.ask_now(
                    Kind.ANNOTATE, page, mode=Mode.AGAIN, priority=Priority.BACKFILL
                )
        return count

    def _version_of(self, model: str) -> str | None:
        """Return the version of a model; None if none of the first pictures that it read has it.

        A picture may be gone, or without metadata while its file is being rewritten.
        """
        for instance in self._index.read_by(model, _ASKED_FOR_VERSION):
            annotation = self._archive.annotation(instance)
            told = annotation["model"] if annotation else None
            if told and told["sha256"] == model:
                return told["version"]
        return None

    def cancel(self) -> BackfillProgress:
        """Stop; the service finishes what it works on, and helpers' answers are dropped."""
        with self._run.held():
            self._run.cancel()
            self._tasks.cancel(Kind.ANNOTATE, Priority.BACKFILL)
        return self.progress()

    def progress(self) -> BackfillProgress:
        """Return the state, and how many instances are done, wait, or failed."""
        state = cast("BackfillRun", self._run.state())  # As `start` began it.
        counts, stored = self._index.counts(), self._archive.count()
        left = self._left(counts, stored) if state["state"] in ("running", "cancelled") else 0
        total = max(state["total"], left)
        unheard = max(0, stored - sum(counts.values()))
        return {
            **state,
            "total": total,
            "done": total - left,
            "pending": left,
            "open": unheard + sum(counts.get(bare, 0) for bare in BARE),
            "failed": counts.get("failed", 0),
        }

    def follow(self, stopping: threading.Event) -> None:
        """Make tasks of the old stock while the back-fill runs, until the service stops."""
        while not stopping.is_set():
            try:
                self.step(stopping)
            except ServiceError as error:
                self._log(f"the back-fill failed and starts again: {kind_and_place(error)}")
            self._run.woken.wait(_LOOK_EVERY)
            self._run.woken.clear()

    def step(self, stopping: threading.Event) -> None:
        """While it runs, look through the archive if that is due, and make the next tasks.

        Raises
        ------
        ServiceError
            If Orthanc or the records failed; the next step goes on.
        """
        if not self.running:
            return
        if self._to_sweep and time.monotonic() >= self._sweep_at:
            self._look_through(stopping)
        while not stopping.is_set() and self.running:
            open_ = self._tasks.count(Kind.ANNOTATE, Priority.BACKFILL)
            if open_ < _FEW and self._fill():
                continue
            if not open_:
                with self._run.held():
                    if self.running and not self._to_sweep and not self._left_now():
                        self._run.change(state="done")
            return

    def make_tasks(self, count: int) -> None:
        """While it runs, make tasks of the old stock until ``count`` can be given out."""
        while (
            self.running
            and self._tasks.count_free(Kind.ANNOTATE, Priority.BACKFILL) < count
            and self._fill()
        ):
            pass

    def stop(self) -> None:
        """Wake ``follow``, so that it sees that the service stops."""
        self._run.woken.set()

    def _look_through(self, stopping: threading.Event) -> None:
        """Sweep; a failed sweep is tried again soon, and what is known is annotated meanwhile.

        Raises
        ------
        ServiceError
            If Orthanc or the records failed.
        """
        self._to_sweep = False
        try:
            self._sweep.run(stopping)
        except Exception:
            self._to_sweep = True
            self._sweep_at = time.monotonic() + sweep_again_after(self._failures)
            self._failures += 1
            raise
        self._failures = 0
        with self._run.held():
            self._run.change(total=max(self._run.state()["total"], self._left_now()))

    def _fill(self) -> bool:
        """Make tasks of the next page; return whether there were any."""
        with self._filling:
            for page in self._index.in_state(UNSEEN, _PAGE):
                standing = self._tasks.standing(Kind.ANNOTATE, page)
                fresh = [instance for instance in page if instance not in standing]
                # One annotated between the two questions has no task any more, and needs none.
                fresh = self._index.those_in_state(UNSEEN, fresh)
                if fresh:
                    return self._ask_for(fresh)
        return False

    def _ask_for(self, fresh: list[str]) -> bool:
        """Make tasks, unless somebody cancelled meanwhile: nobody would delete these."""
        with self._run.held():
            if not self.running:
                return False
            self._tasks.ask_now(Kind.ANNOTATE, fresh, mode=Mode.ASKED, priority=Priority.BACKFILL)
        return True

    def _left_now(self) -> int:
        return self._left(self._index.counts(), self._archive.count())

    def _left(self, counts: Mapping[str, int], stored: int) -> int:
        """Count instances without an annotation, including those that the index does not know yet.

        Instances that Orthanc cannot describe, or for which it stores no annotation, do not count:
        they must not keep the run from ending, and are tried as long as they are there.
        """
        unheard = stored - sum(counts.values()) - self._sweep.unheard_left_out()
        waiting = self._tasks.count(Kind.ANNOTATE, Priority.ARRIVAL)
        stuck = self._index.unseen_in_tasks(Kind.ANNOTATE, Priority.STUCK)
        return max(0, counts.get(UNSEEN, 0) + max(0, unheard - waiting) - stuck)
