"""The annotation of an instance, written in order of truth: metadata, outbox, then index.

The audit trail comes before both (`service.annotator`); roll-ups and the DICOM file follow from the
table of tasks, which is filled in the same transaction as the index.
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
from service.records.index import REMOVED, UNSEEN, Index
from service.records.locks import Locks

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord, PartRecord, RollUpRecord, TagsRecord
    from service.databases.database import Database
    from service.deliveries.routing import Routing
    from service.records.thumbnails import Thumbnails

LABEL_PREFIX = "bodypart-"
"""Of each Orthanc label that is ours."""
_REVIEW_LABEL = "bodypart-review"
OURS = ("tags", "revision", "file")
"""What the service adds, and may change without changing the answer."""
_ROLL_UP_DELAY = 0.02
"""Seconds in which what asks for one roll-up is collected."""
_ROLL_UP_DELAY_OF_REWRITTEN = 0.5
"""The same before a rewrite, which may wipe a roll-up; at its end it is not waited for any more."""
_REWRITE_DELAY = 0.1
"""Seconds in which who annotated an instance may rewrite it, with the file that is read already."""
NO_TAGS: TagsRecord = {"state": "none", "changed": [], "refused": None}


class Annotations:
    """Writes annotations, and takes them away.

    Every transaction touches the index first, then roll-ups, then the rewrite, then what it ends or
    takes out: two nodes of which each did the same in another order would wait for each other.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    index : Index
        The search index.
    tasks : Tasks
        Takes what follows.
    routing : Routing or None
        Decides where an annotated instance goes.
    with_labels : bool
        Whether to set Orthanc labels.
    in_place : bool
        Whether stored files follow their annotations.
    thumbnails : Thumbnails or None
        Keeps none of an instance that is gone.
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
        """Let nobody else write of an instance, on this node or another."""
        with self._locks.hold(instance), self.database.hold(number_of(instance)):
            yield

    @contextmanager
    def lock_above(self, patient: str) -> Iterator[None]:
        """Let nobody else write of the levels above the instances of a patient, on any node.

        An overwrite may wipe what stands there and gives it back as it was; an entry of the change
        log that is wiped with it would look like a foreign file's. Who holds both a lock of an
        instance and this one takes that of the instance first.
        """
        with self._locks.hold(patient), self.database.hold(number_of(patient)):
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
            Its ``tags`` are kept where ``follow`` is false.
        parents : Parents
            What the instance belongs to.
        done : Task or None
            The task that ends with it, in the same transaction as the index.
        also : callable or None
            Writes more in that transaction.
        follow : bool
            Whether the DICOM file is to follow; else only ``tags`` and ``file`` may be new.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        ArchiveError, RecordError
            If it could not be written; it may be tried again.
        """
        instance = annotation["instance"]
        if follow:
            pending = self._in_place and concerns_tags(annotation)
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
        """Return what Orthanc holds of some instances; not of those that are gone."""
        return self._archive.glance(instances)

    def knows(self, instance: str) -> bool:
        """Tell whether an annotation of an instance was ever taken into the index."""
        return self._index.knows(instance)

    def adopt(
        self, annotation: AnnotationRecord, parents: Parents, done: Task | None = None
    ) -> None:
        """Take an annotation that the metadata hold already into the index.

        A kill after they were written may have come before it was routed. One that the index knows
        was: its file was stored again, perhaps by our own rewriting.
        """
        instance = annotation["instance"]
        if done and (
            done.kind == Kind.APPLY or (not done.of_old_stock and not self._index.knows(instance))
        ):
            self._route(annotation, parents)
        self._take_in(annotation, parents, done)

    def erase(self, instance: str, stored: StoredFile) -> None:
        """Remove the annotation of an instance's file, and what was asked for it."""
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
        # What was dropped may have been asked for another file that came in meanwhile.
        with suppress(NotFoundError):
            if self._archive.stored_file(instance).version != stored.version:
                self._tasks.ask_now(Kind.ANNOTATE, [instance])

    def note(self, instance: str, parents: Parents, *, removed: bool, done: Task | None) -> None:
        """Note an instance that is left without annotation: removed, or of before our time."""
        with self.database.write() as connection:
            self._index.put_bare(connection, instance, parents, REMOVED if removed else UNSEEN)
            if done:
                self._tasks.finish(done, connection)
        self._tasks.wake()

    def note_old(self, found: Mapping[str, Parents]) -> None:
        """Note instances of before our time, but for those that were heard of meanwhile."""
        with self.database.write() as connection:
            self._index.put_unseen(connection, found)

    def gone(self, instance: str) -> None:
        """Note that Orthanc holds an instance no more."""
        with self.database.write() as connection:
            parents = self._index.remove(connection, instance)
            if parents:
                self._ask_roll_ups(connection, parents)
                self._archive.forget(parents.series)
            for kind in (Kind.REWRITE, Kind.ANNOTATE):
                self._tasks.drop(connection, kind, instance)
        self._tasks.wake()
        if self._thumbnails:
            self._thumbnails.remove(instance)

    def ask_roll_ups(self, parents: Parents) -> None:
        """Have what stands above an instance written anew."""
        with self.database.write() as connection:
            self._ask_roll_ups(connection, parents)
        self._tasks.wake()

    def put_roll_up(self, level: str, resource: str, annotation: RollUpRecord | None) -> None:
        """Write, or with None remove, what stands for the instances below a resource."""
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
        """Write what is to leave into the outbox, before the annotation counts as finished.

        Of the old stock only what was routed before: to the rest a rule is applied on request.
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
                # The old stock is annotated faster than its files follow: no other waits for them.
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
        """Take in what changed with the file: nothing that a roll-up says."""
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
    """Return how much longer it is to the clock's next full second than ``delay`` seconds."""
    return 1.0 - (time.time() + delay) % 1.0


def number_of(resource: str) -> int:
    """Return the number of the lock of a resource."""
    return int.from_bytes(hashlib.sha256(resource.encode()).digest()[:7])


def sealed(annotation: AnnotationRecord) -> AnnotationRecord:
    """Return an annotation with its revision, which changes with the answer alone."""
    answer = {name: value for name, value in annotation.items() if name not in OURS}
    text = json.dumps(answer, sort_keys=True, ensure_ascii=False)
    return {**annotation, "revision": hashlib.sha256(text.encode()).hexdigest()[:16]}


def concerns_tags(annotation: AnnotationRecord) -> bool:
    """Tell whether tags may be written: a picture was read, or a person spoke."""
    return annotation["status"] == "done" and bool(annotation["image"] or annotation["review"])


def of_file(annotation: AnnotationRecord, version: str) -> bool:
    """Tell whether an annotation is of this very file; version 0.1 did not note of which."""
    return annotation.get("file") in (None, version)


def _labels(annotation: AnnotationRecord | RollUpRecord, parts: list[PartRecord]) -> set[str]:
    said = [part["label"] for part in parts]
    if annotation["examined"]:
        said.append(annotation["examined"]["label"])
    # Orthanc allows letters, digits and "-" only.
    names = {LABEL_PREFIX + label.replace("_", "-") for label in said}
    return names | {_REVIEW_LABEL} if annotation["needs_review"] else names
