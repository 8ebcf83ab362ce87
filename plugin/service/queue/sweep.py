"""The second net: compare what Orthanc stores with what the index knows, a page at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from service.errors import ArchiveError, NotFoundError, ServiceError
from service.queue.tasks import Kind, Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.annotator import Annotator
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Parents
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.records.facts import Facts
    from service.records.index import Index

_PAGE = 1000
_ARCHIVE_PAGE = 10_000
"""Orthanc counts all that it skips: few large pages, not many small ones."""
_GLANCE = 200
"""Instances that Orthanc is asked to tell of at once."""
_BREATH = 0.05
"""Seconds between two pages, so that a sweep over a large archive is not felt."""

_SOON = 5.0


def pause_after(failures: int) -> float:
    """Return the seconds before a sweep that failed is tried again; it may be a long one."""
    return _SOON * 2.0 ** min(failures, 10)


class Sweep:
    """Finds instances that the change log did not tell of, and those that are gone.

    An instance without annotation that arrived after the plugin was installed is queued; an
    older one is noted for the back-fill.

    Parameters
    ----------
    archive, index, tasks, annotations, annotator, facts
        The service's other parts.
    live : bool
        Whether what arrives is annotated at all.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        index: Index,
        tasks: Tasks,
        annotations: Annotations,
        annotator: Annotator,
        facts: Facts,
        *,
        live: bool,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._index = index
        self._tasks = tasks
        self._annotations = annotations
        self._annotator = annotator
        self._live = live
        self._log = log
        self._installed = facts.get("installed") or ""

    def is_due(self) -> bool:
        """Tell whether Orthanc stores another number of instances than the index knows."""
        known = sum(self._index.counts().values())
        waiting = self._tasks.count(Kind.ANNOTATE)
        return not known <= self._archive.count() <= known + waiting

    def follow(self, stopping: threading.Event, *, fresh: bool, every: float) -> None:
        """Sweep now and then, until the service stops; what failed is done again soon.

        Parameters
        ----------
        stopping : threading.Event
            Set when the service stops.
        fresh : bool
            Whether the change log is read for the first time, so that a sweep is due.
        every : float
            Seconds between two looks; less after a failure.
        """
        due = fresh or bool(self._index.without_station(1))
        failures = 0
        while not stopping.is_set():
            try:
                due = due or self.is_due()
                if due:
                    self.run(stopping)
                due, failures, pause = False, 0, every
            except ServiceError as error:
                self._log(f"the sweep stumbled: {type(error).__name__}")
                pause = min(every, pause_after(failures))
                failures += 1
            stopping.wait(pause)

    def run(self, stopping: threading.Event) -> None:
        """Sweep the whole archive once; ends early when ``stopping`` is set."""
        since = 0
        while not stopping.is_set():
            page = self._archive.instance_ids(since, _ARCHIVE_PAGE)
            if not page:
                break
            since += len(page)
            unknown = self._index.unknown(page)
            for start in range(0, len(unknown), _GLANCE):
                if stopping.is_set():
                    return
                self._look_at_all(unknown[start : start + _GLANCE])
            stopping.wait(_BREATH)
        after = ""
        while not stopping.is_set() and (known := self._index.after(after, _PAGE)):
            after = known[-1]
            self._drop_gone(known, stopping)
        while not stopping.is_set() and (series := self._index.without_station(_PAGE)):
            for one, station in self._archive.stations(series).items():
                self._index.set_station(one, station)
            stopping.wait(_BREATH)

    def _drop_gone(self, known: list[str], stopping: threading.Event) -> None:
        """Take out what Orthanc holds no more; each is asked for, for pages shift meanwhile."""
        if sum(self._index.counts().values()) <= self._archive.count():
            return
        for instance in known:
            if stopping.is_set():
                return
            if not self._archive.exists("instances", instance):
                self._annotations.gone(instance)

    def _look_at_all(self, instances: list[str]) -> None:
        """Look at instances with one question for all, at what has a history by itself."""
        standing = self._tasks.standing(Kind.ANNOTATE, instances)
        waiting = [instance for instance in instances if instance not in standing]
        try:
            glances = self._archive.glance(waiting)
        except ArchiveError:
            for instance in waiting:
                self._try_to_look_at(instance)
            return
        old: dict[str, Parents] = {}
        for instance, glance in glances.items():
            fresh = self._live and glance.received_at >= self._installed
            if fresh or glance.annotation or self._annotator.was_removed(instance):
                self._try_to_look_at(instance)
            else:
                old[instance] = glance.stored.parents
        self._annotations.note_old(old)

    def _try_to_look_at(self, instance: str) -> None:
        try:
            if not self._tasks.stands(Kind.ANNOTATE, instance):
                self._look_at(instance)
        except NotFoundError:
            return
        except Exception as error:
            # One instance that Orthanc cannot tell of, or that nobody foresaw, hides no others.
            self._log(f"instance {instance} is left to the next sweep: {type(error).__name__}")

    def _look_at(self, instance: str) -> None:
        if self._annotator.adopt(instance):
            return
        removed = self._annotator.was_removed(instance)
        if not removed and self._live and self._archive.received_at(instance) >= self._installed:
            self._tasks.ask_now(Kind.ANNOTATE, [instance], mode=Mode.NEW)
            return
        parents = self._archive.parents(instance)
        self._annotations.note(instance, parents, removed=removed, done=None)
