"""The sweep, for what the change log missed: compares Orthanc with the index, page by page."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from service.errors import ArchiveError, NotFoundError, RecordError, ServiceError
from service.lasting import kind_and_place
from service.queue.tasks import Kind, Mode, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from service.annotator import Annotator
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Parents
    from service.records.facts import Facts
    from service.records.records import Records

_PAGE = 1000
_ARCHIVE_PAGE = 10_000
"""Large, because Orthanc steps over all instances before each page."""
_GLANCE = 200
"""Instances that Orthanc is asked about in one request."""
_BREATH = 0.05
"""Seconds between two pages, so that a sweep over a large archive slows nobody down."""

_ANEW_AFTER = (1.0, 5.0)
"""Seconds before each further look at instances that Orthanc could not describe."""
_MOST_LEFT_OUT = 1000
"""If Orthanc cannot describe more than these, the fault is not theirs, and the sweep fails."""
_SOON = 5.0
_LEFT_OUT = "left-out"


def sweep_again_after(failures: int) -> float:
    """Return the seconds before a failed sweep, which may be a long one, is tried again."""
    return _SOON * 2.0 ** min(failures, 10)


class Sweep:
    """Finds instances that the change log did not name, and those that are gone.

    An instance without annotation that arrived after the plugin was installed is queued; an
    older one is left to the back-fill.

    Parameters
    ----------
    archive, records, annotator, facts
        The service's other parts.
    live : bool
        Whether new arrivals are annotated at all.
    log : callable
        Takes a line.

    Attributes
    ----------
    left_out : list of str
        Instances that Orthanc lists but could not describe in the last sweep, though it was asked
        several times; kept over restarts.
    """

    def __init__(
        self,
        archive: Archive,
        records: Records,
        annotator: Annotator,
        facts: Facts,
        *,
        live: bool,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._index = records.index
        self._tasks = records.tasks
        self._annotations = records.annotations
        self._thumbnails = records.thumbnails
        self._annotator = annotator
        self._live = live
        self._log = log
        self._installed = facts.get("installed") or ""
        self._facts = facts
        self.left_out: list[str] = json.loads(facts.get(_LEFT_OUT) or "[]")

    def is_due(self) -> bool:
        """Return whether Orthanc has another number of instances than index and tasks explain."""
        known = sum(self._index.counts().values())
        heard_of = self._heard_of()
        # Tasks on the old stock, of which there may be a million, are on instances that it knows.
        # They come and go between two counts: all less these could be fewer than the others.
        others = (Priority.PERSON, Priority.ARRIVAL, Priority.STUCK)
        new = sum(self._tasks.count(Kind.ANNOTATE, one) for one in others)
        return not known <= heard_of <= known + new

    def unheard_left_out(self) -> int:
        """Return how many of those left out are still unknown to the index."""
        return len(self._index.unknown(self.left_out))

    def _heard_of(self) -> int:
        """Count what Orthanc stores and can describe: the rest must not mask missing instances."""
        return self._archive.count() - self.unheard_left_out()

    def follow(self, stopping: threading.Event, *, every: float) -> None:
        """Sweep when one is due, until the service stops; a failed sweep is tried again soon.

        Parameters
        ----------
        stopping : threading.Event
            Set when the service stops.
        every : float
            Seconds between two checks; may be less after a failure.
        """
        due = bool(self._index.without_station(1) or self._index.without_side(1))
        failures = 0
        while not stopping.is_set():
            try:
                due = due or self.is_due()
                if due:
                    self.run(stopping)
                else:
                    self._remember(self._still_left_out(self.left_out))
                self._drop_pictures(stopping)
                due, failures, pause = False, 0, every
            except ServiceError as error:
                self._log(f"the sweep failed and starts again: {kind_and_place(error)}")
                pause = min(every, sweep_again_after(failures))
                failures += 1
            stopping.wait(pause)

    def run(self, stopping: threading.Event) -> None:
        """Sweep the whole archive once; ends early when ``stopping`` is set.

        Raises
        ------
        ArchiveError, RecordError
            If Orthanc or the records failed.
        """
        since, left_out = 0, []
        while not stopping.is_set():
            page = self._archive.instance_ids(since, _ARCHIVE_PAGE)
            if not page:
                break
            since += len(page)
            unknown = self._index.unknown(page)
            for start in range(0, len(unknown), _GLANCE):
                if stopping.is_set():
                    return
                left_out += self._look_at_all(unknown[start : start + _GLANCE])
                if len(left_out) > _MOST_LEFT_OUT:
                    raise ArchiveError("Orthanc gives no data of any of its instances")
            stopping.wait(_BREATH)
        self._look_anew(left_out, stopping)
        after = ""
        while not stopping.is_set() and (known := self._index.after(after, _PAGE)):
            after = known[-1]
            self._drop_gone(known, stopping)
        while not stopping.is_set() and (series := self._index.without_station(_PAGE)):
            for one, station in self._archive.stations(series).items():
                self._index.set_station(one, station)
            stopping.wait(_BREATH)
        after = ""
        while not stopping.is_set() and (unsure := self._index.without_side(_GLANCE, after)):
            after = unsure[-1]
            self._still_left_out(unsure)
            stopping.wait(_BREATH)

    def _drop_gone(self, known: list[str], stopping: threading.Event) -> None:
        """Drop what Orthanc no longer has, asking for each: pages shift when instances go."""
        if sum(self._index.counts().values()) <= self._heard_of():
            return
        for start in range(0, len(known), _GLANCE):
            some = known[start : start + _GLANCE]
            there: Container[str] = ()
            with suppress(Exception):  # If it fails, each is asked for by itself.
                there = self._archive.glance(some)
            for instance in some:
                if stopping.is_set():
                    return
                # An instance that Orthanc cannot describe is not gone.
                with suppress(ArchiveError):
                    if instance not in there and not self._archive.exists("instances", instance):
                        self._annotations.gone(instance)

    def _drop_pictures(self, stopping: threading.Event) -> None:
        """Drop thumbnails of what is gone: of several nodes, only one is told of a deletion."""
        after = ""
        while not stopping.is_set() and (kept := self._thumbnails.instances(after, _PAGE)):
            after = kept[-1]
            for instance in self._index.unknown(kept):
                self._thumbnails.remove(instance)
            stopping.wait(_BREATH)

    def _look_anew(self, left_out: list[str], stopping: threading.Event) -> None:
        """Look again at what Orthanc could not describe; remember what it still cannot."""
        for pause in _ANEW_AFTER:
            if not left_out or stopping.wait(pause):
                break
            left_out = self._still_left_out(left_out)
        for instance in left_out:
            self._log(f"instance {instance} is not annotated: Orthanc gives no data of it")
        self._remember(left_out)

    def _remember(self, left_out: list[str]) -> None:
        """Keep what was left out, over restarts too: nothing else would try it again."""
        if left_out != self.left_out:
            self._facts.set(_LEFT_OUT, json.dumps(left_out))
        self.left_out = left_out

    def _still_left_out(self, left_out: list[str]) -> list[str]:
        return [instance for instance in left_out if not self._try_to_look_at(instance)]

    def _look_at_all(self, instances: list[str]) -> list[str]:
        """Look at instances; return those that Orthanc could not describe.

        One request describes all; only new, annotated or removed ones are then looked at singly.
        """
        standing = self._tasks.standing(Kind.ANNOTATE, instances)
        waiting = [instance for instance in instances if instance not in standing]
        try:
            glances = self._archive.glance(waiting)
        except Exception:
            return self._still_left_out(waiting)
        left_out = []
        old: dict[str, Parents] = {}
        for instance, glance in glances.items():
            fresh = self._live and glance.received_at >= self._installed
            if fresh or glance.annotation or self._annotator.was_removed(instance):
                if not self._try_to_look_at(instance):
                    left_out.append(instance)
            else:
                old[instance] = glance.stored.parents
        self._annotations.note_bare(old)
        return left_out

    def _try_to_look_at(self, instance: str) -> bool:
        """Look at an instance; return False if that fails, so that the others are looked at too."""
        try:
            if not self._tasks.stands(Kind.ANNOTATE, instance):
                self._look_at(instance)
        except NotFoundError:
            return True
        except RecordError:
            raise
        except Exception as error:
            if not isinstance(error, ArchiveError):
                self._log(f"the sweep failed at instance {instance}: {kind_and_place(error)}")
            return False
        return True

    def _look_at(self, instance: str) -> None:
        if self._annotator.adopt(instance):
            return
        removed = self._annotator.was_removed(instance)
        if not removed and self._live and self._archive.received_at(instance) >= self._installed:
            self._tasks.ask_now(Kind.ANNOTATE, [instance], mode=Mode.NEW)
            return
        found = {instance: self._archive.parents(instance)}
        self._annotations.note_bare(found, removed=removed)
