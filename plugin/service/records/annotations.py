"""Writes the annotation of an instance: first the metadata, then the outbox, then the index.

A word is in the audit trail before (`service.reviewer`); roll-ups and the rewriting of the DICOM
file are tasks, which are added in the index's transaction.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bodypart.annotation import tags_state
from service.errors import NotFoundError
from service.orthanc_api.archive import ANNOTATION, CODE, Archive
from service.orthanc_api.resources import Glance, Parents, StoredFile
from service.queue.tasks import Kind, Priority, Task, Tasks
from service.records import replaced_series
from service.records.index import BARE, REMOVED, UNSEEN, Index
from service.records.locks import Locks

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord, PartRecord, RollUpRecord, TagsRecord
    from service.databases.database import Database
    from service.deliveries.routing import Routing
    from service.records.thumbnails import Thumbnails

LABEL_PREFIX = "bodypart-"
"""Beginning of each Orthanc label that is ours."""
_REVIEW_LABEL = "bodypart-review"
OURS = ("tags", "revision", "file")
"""Fields that the service adds, and may change without changing the answer."""
_ROLL_UP_DELAY = 0.02
"""Seconds before a roll-up is due, so that several requests for it are served together."""
_ROLL_UP_DELAY_OF_REWRITTEN = 0.5
"""The same if a rewrite comes first, which may wipe a roll-up; its end makes the roll-up due."""
_REWRITE_DELAY = 0.1
"""Seconds in which the thread that annotated an instance may rewrite the file that it has read."""
NO_TAGS: TagsRecord = {"state": "none", "changed": [], "refused": None}


class Annotations:
    """Writes annotations, and removes them.

    Every transaction touches the index first, then roll-ups, then the rewrite, then the tasks that
    it ends or deletes: in different orders, two nodes could deadlock.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    index : Index
        The search index.
    tasks : Tasks
        The queue, for roll-ups and rewrites.
    routing : Routing or None
        Decides where an annotated instance is sent.
    with_labels : bool
        Whether to set Orthanc labels.
    in_place : bool
        Whether stored files are rewritten to their annotations.
    thumbnails : Thumbnails or None
        Cache from which an instance that is gone is removed.
    """

    def __init__(
        self,
        archive: Archive,
        index: Index,
        tasks: Tasks,
        *,
        routing: Routing | None = None,
        with_labels: bool,
        in_place: bool,
        thumbnails: Thumbnails | None = None,
    ) -> None:
        self._archive = archive
        self._index = index
        self._tasks = tasks
        self.database: Database = index.database
        self._routing = routing
        self._with_labels = with_labels and archive.has_labels
        self._in_place = in_place
        self._thumbnails = thumbnails
        self._locks = Locks()

    @contextmanager
    def lock(self, instance: str) -> Iterator[None]:
        """Let nobody else write about an instance, on this node or another."""
        with self._locks.hold(instance), self.database.hold(instance):
            yield

    @contextmanager
    def lock_above(self, patient: str) -> Iterator[None]:
        """Let nobody else write to a patient, its studies and series, on any node.

        An overwrite may wipe metadata there and restores what it saved; a change that somebody
        else made meanwhile would be wiped from Orthanc's log as well, and that gap would look like
        another sender's file. A thread that needs an instance's lock too must take that one first.
        """
        with self._locks.hold(patient), self.database.hold(patient):
            yield

    def put(
        self,
        annotation: AnnotationRecord,
        parents: Parents,
        *,
        done: Task | None = None,
        also: Callable[[sa.Connection], None] | None = None,
        follow: bool = True,
    ) -> AnnotationRecord:
        """Write an annotation; return it as it was written.

        Parameters
        ----------
        annotation : dict
            The annotation; its ``tags`` are kept if ``follow`` is false.
        parents : Parents
            Parents of the instance.
        done : Task or None
            The task that this ends, in the same transaction as the index.
        also : callable or None
            Writes more in that transaction.
        follow : bool
            Whether the DICOM file is to be rewritten to it; if not, only ``tags`` and ``file`` may
            differ from the present annotation.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        ArchiveError, RecordError
            If it could not be written; another try is allowed.
        """
        instance = annotation["instance"]
        if follow:
            # Tags of an earlier answer go, also where this one has none to write.
            pending = self._in_place and (
                concerns_tags(annotation) or self._index.has_tags(instance)
            )
            annotation = {
                **annotation,
                "tags": {**NO_TAGS, "state": "pending"} if pending else NO_TAGS,
            }
        annotation = sealed(annotation)
        self._write("instances", instance, annotation, [])
        if follow:
            self._route(annotation, parents, if_known=done is not None and done.of_old_stock)
            self._take_in(annotation, parents, done, also)
        else:
            self._note_tags(annotation, parents)
        return annotation

    def glance(self, instances: list[str]) -> dict[str, Glance]:
        """Return what Orthanc has on some instances; those that are gone are left out."""
        return self._archive.glance(instances)

    def glance_at_each(self, instances: list[str]) -> dict[str, Glance]:
        """Return the same, without those that Orthanc fails to describe, perhaps for ever.

        Raises
        ------
        ArchiveError
            If Orthanc is away.
        """
        try:
            return self.glance(instances)
        except Exception:
            self._archive.last_change()  # If Orthanc is away, this fails, too.
        found: dict[str, Glance] = {}
        for instance in instances:
            with suppress(Exception):
                found |= self.glance([instance])
        return found

    def knows(self, instance: str) -> bool:
        """Return whether the index has an annotation of an instance."""
        return self._index.knows(instance)

    def adopt(
        self,
        annotation: AnnotationRecord,
        parents: Parents,
        done: Task | None = None,
    ) -> None:
        """Take an annotation that is already in the metadata into the index.

        After a kill it may be in the metadata without having been routed. If the index has this
        very answer, it was routed: then its file was only stored again, perhaps by our own rewrite.

        Parameters
        ----------
        annotation, parents, done
            As in ``put``.
        """
        state, revision = self._index.answer(annotation["instance"])
        # Rows of earlier versions have no revision.
        known = state not in (None, *BARE) and revision in (None, annotation.get("revision"))
        if done and (done.kind == Kind.APPLY or not known):
            self._route(annotation, parents, if_known=done.of_old_stock)
        self._take_in(annotation, parents, done)

    def erase(self, instance: str, stored: StoredFile) -> None:
        """Remove the annotation of an instance's file, and its task of annotating."""
        self._archive.delete_metadata("instances", instance, ANNOTATION)
        self._archive.delete_metadata("instances", instance, CODE)
        if self._with_labels:
            self._set_labels("instances", instance, set())
        if self._routing:
            self._routing.removed(instance)
        with self.database.write() as connection:
            self._index.put_bare(connection, instance, stored.parents, REMOVED)
            self._ask_roll_ups(connection, stored.parents)
            if self._in_place:
                self._tasks.ask(connection, Kind.REWRITE, [instance], priority=Priority.PERSON)
            self._tasks.drop(connection, Kind.ANNOTATE, instance)
        self._tasks.wake()
        # The deleted task may have been for another file that came in meanwhile.
        with suppress(NotFoundError):
            if self._archive.stored_file(instance).version != stored.version:
                self._tasks.ask_now(Kind.ANNOTATE, [instance])

    def note_without(
        self, instance: str, parents: Parents, *, removed: bool, done: Task | None = None
    ) -> None:
        """Note that an instance has no annotation: it stays removed, or a back-fill makes it."""
        with self.database.write() as connection:
            state = REMOVED if removed else UNSEEN
            self._index.put_bare(connection, instance, parents, state)
            if done:
                self._tasks.finish(done, connection)
        self._tasks.wake()

    def note_bare(self, found: Mapping[str, Parents], *, removed: bool = False) -> None:
        """Note instances without annotation: removed, or older than the plugin.

        Those that the index knows by now stay as they are.
        """
        with self.database.write() as connection:
            self._index.put_new(connection, found, REMOVED if removed else UNSEEN)

    def gone(self, instance: str) -> None:
        """Note that Orthanc no longer has an instance.

        Its task of annotating stays: it may be of another file that was sent since. Who does it
        ends it, if there is none.
        """
        with self.database.write() as connection:
            parents = self._index.remove(connection, instance)
            if parents:
                self._ask_roll_ups(connection, parents)
                self._archive.forget(parents.series)
            self._tasks.drop(connection, Kind.REWRITE, instance)
            if parents:
                replaced_series.forget_if_gone(connection, parents.series)
        self._tasks.wake()
        if self._thumbnails:
            self._thumbnails.remove(instance)

    def ask_roll_ups(self, parents: Parents) -> None:
        """Ask for the roll-ups above an instance."""
        with self.database.write() as connection:
            self._ask_roll_ups(connection, parents)
        self._tasks.wake()

    def put_roll_up(self, level: str, resource: str, annotation: RollUpRecord | None) -> None:
        """Write the roll-up of a resource, or with None remove it."""
        if annotation is not None:
            self._write(level, resource, annotation, annotation["parts"])
            return
        self._archive.delete_metadata(level, resource, ANNOTATION)
        self._archive.delete_metadata(level, resource, CODE)
        if self._with_labels:
            self._set_labels(level, resource, set())

    def _write(
        self,
        level: str,
        resource: str,
        annotation: AnnotationRecord | RollUpRecord,
        parts: list[PartRecord],
    ) -> None:
        examined = annotation["examined"]
        if examined:
            self._archive.set_metadata(level, resource, CODE, examined["code"]["value"])
        else:
            self._archive.delete_metadata(level, resource, CODE)
        if self._with_labels:
            self._set_labels(level, resource, _labels(annotation, parts))
        # Last, because its presence says that the resource is finished.
        text = json.dumps(annotation, ensure_ascii=False)
        self._archive.set_metadata(level, resource, ANNOTATION, text)

    def _set_labels(self, level: str, resource: str, wanted: set[str]) -> None:
        present = self._archive.labels(level, resource)
        ours = {name for name in present if name.startswith(LABEL_PREFIX)}
        for name in sorted(ours ^ wanted):
            self._archive.set_label(level, resource, name, present=name in wanted)

    def _route(
        self, annotation: AnnotationRecord, parents: Parents, *, if_known: bool = False
    ) -> None:
        """Add deliveries to the outbox, before the annotation counts as finished.

        With ``if_known``, as for the old stock, only if the instance was routed before: to the rest
        rules are applied on request.
        """
        if self._routing:
            self._routing.take(annotation, parents, if_known=if_known)

    def _take_in(
        self,
        annotation: AnnotationRecord,
        parents: Parents,
        done: Task | None,
        also: Callable[[sa.Connection], None] | None = None,
    ) -> None:
        instance = annotation["instance"]
        with self.database.write() as connection:
            self._index.put(connection, annotation, parents)
            if also:
                also(connection)
            old = done is not None and done.of_old_stock
            spoken = annotation["review"] is not None
            pending = tags_state(annotation) == "pending"
            rewritten = pending and not spoken
            delay = _ROLL_UP_DELAY_OF_REWRITTEN if rewritten else _ROLL_UP_DELAY
            self._ask_roll_ups(connection, parents, delay, old=old)
            if pending:
                # The old stock is annotated faster than rewritten: new files must not wait for it.
                usual = Priority.BACKFILL if old else Priority.ARRIVAL
                self._tasks.ask(
                    connection,
                    Kind.REWRITE,
                    [instance],
                    priority=Priority.PERSON if spoken else usual,
                    delay=_REWRITE_DELAY if done and not spoken else 0.0,
                )
            if done:
                self._tasks.finish(done, connection)
        self._tasks.wake()

    def _note_tags(self, annotation: AnnotationRecord, parents: Parents) -> None:
        """Update the index after a rewrite; no roll-up changes by that."""
        with self.database.write() as connection:
            if not self._index.note_tags(connection, annotation):
                self._index.put(connection, annotation, parents)
            self._tasks.hasten_roll_ups(connection, parents.levels())
        self._tasks.wake()

    def _ask_roll_ups(
        self,
        connection: sa.Connection,
        parents: Parents,
        delay: float = _ROLL_UP_DELAY,
        *,
        old: bool = False,
    ) -> None:
        priority = Priority.ARRIVAL
        if old:
            priority, delay = Priority.BACKFILL, delay + _until_full_second(delay)
        self._tasks.ask_roll_ups(connection, parents.levels(), delay, priority)


def _until_full_second(delay: float) -> float:
    """Return the seconds from ``delay`` seconds ahead to the clock's next full second."""
    return 1.0 - (time.time() + delay) % 1.0


def sealed(annotation: AnnotationRecord) -> AnnotationRecord:
    """Return an annotation with its revision, which changes only with the answer."""
    answer = {name: value for name, value in annotation.items() if name not in OURS}
    text = json.dumps(answer, sort_keys=True, ensure_ascii=False)
    return {**annotation, "revision": hashlib.sha256(text.encode()).hexdigest()[:16]}


def concerns_tags(annotation: AnnotationRecord) -> bool:
    """Return whether tags may be written: a picture was read, or a person said a word."""
    return annotation["status"] == "done" and bool(annotation["image"] or annotation["review"])


def of_file(annotation: AnnotationRecord, version: str) -> bool:
    """Return whether an annotation is of this very file; one of version 0.1 may be of any."""
    return annotation.get("file") in (None, version)


def _labels(annotation: AnnotationRecord | RollUpRecord, parts: list[PartRecord]) -> set[str]:
    said = [part["label"] for part in parts]
    if annotation["examined"]:
        said.append(annotation["examined"]["label"])
    # Orthanc allows letters, digits and "-" only.
    names = {LABEL_PREFIX + label.replace("_", "-") for label in said}
    return names | {_REVIEW_LABEL} if annotation["needs_review"] else names
