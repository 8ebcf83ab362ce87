"""The second net: compare what Orthanc stores with what the index knows."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_side import archive
from orthanc_side.archive import NotFoundError

if TYPE_CHECKING:
    from orthanc_side.annotator import Annotator
    from orthanc_side.backlog import Backlog
    from orthanc_side.index import Index
    from orthanc_side.sinks import Sinks

INSTALLED_PROPERTY = 5101
_PAGE = 1000


class Sweep:
    """Finds instances that the change log did not tell of, and those that are gone.

    An instance without annotation that arrived after the plugin was installed is queued; an
    older one is noted for the back-fill.
    """

    def __init__(
        self,
        index: Index,
        backlog: Backlog,
        sinks: Sinks,
        annotator: Annotator,
        *,
        live: bool,
    ) -> None:
        self._index = index
        self._backlog = backlog
        self._sinks = sinks
        self._annotator = annotator
        self._live = live
        self._installed = archive.get_property(INSTALLED_PROPERTY)
        if not self._installed:
            self._installed = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            archive.set_property(INSTALLED_PROPERTY, self._installed)

    def run(self, stopping: threading.Event) -> None:
        """Sweep the whole archive once; ends early when ``stopping`` is set."""
        before = self._index.ids()
        seen: set[str] = set()
        since = 0
        while not stopping.is_set():
            page = archive.instance_ids(since, _PAGE)
            if not page:
                break
            since += len(page)
            seen.update(page)
            for instance in page:
                if instance not in before and not stopping.is_set():
                    self._try_to_look_at(instance)
        else:
            return
        # Deletions while paging shift the pages, so each candidate is asked for again.
        for instance in before - seen:
            self._sinks.deleted(instance)

    def _try_to_look_at(self, instance: str) -> None:
        try:
            if not (self._backlog.has(instance) or self._index.state(instance)):
                self._look_at(instance)
        except NotFoundError:
            return
        except Exception as error:
            # One instance that Orthanc cannot tell of must not hide the others.
            archive.log(f"instance {instance} is left to the next sweep: {type(error).__name__}")

    def _look_at(self, instance: str) -> None:
        if self._annotator.adopt(instance):
            return
        received = archive.metadata("instances", instance, "ReceptionDate") or ""
        if self._annotator.was_removed(instance):
            self._index.put_forgotten(instance, archive.ancestors(instance))
        elif self._live and received >= self._installed:
            self._backlog.add(instance)
        else:
            self._index.put_unseen(instance, archive.ancestors(instance))
