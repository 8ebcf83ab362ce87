"""Annotates one instance: from its id to the written annotation, with a person's word on top."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bodypart.annotation import failed
from bodypart.memory import MemoryFormatError, unpack_seen
from service.errors import NotFoundError
from service.queue.tasks import Kind, Mode
from service.records.annotations import of_file
from service.records.audit_trail import REMOVED
from service.records.current_words import CurrentWords
from service.records.removals import stays_removed
from service.records.thumbnails import USUAL_SIZE

if TYPE_CHECKING:
    from bodypart.evidence import Seen
    from bodypart.record import AnnotationRecord
    from service.decoders.pool import DecoderPool
    from service.learning.follow import Learning
    from service.metrics import Metrics
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Content, Glance, StoredFile
    from service.queue.tasks import Task
    from service.records.audit_trail import LastEvent
    from service.records.records import Records


class Reading(NamedTuple):
    """What a decoder made of a file: ``seen`` by the model, ``thumbnail`` as a JPEG or empty."""

    annotation: AnnotationRecord
    seen: Seen | None
    thumbnail: bytes


class Annotator:
    """Fetches the file, asks a decoder, applies a person's word, writes the annotation.

    Parameters
    ----------
    archive, decoders, records, metrics
        The service's other parts.
    learning : Learning
        Keeps what the model saw in pictures.
    """

    def __init__(
        self,
        archive: Archive,
        decoders: DecoderPool,
        records: Records,
        metrics: Metrics,
        learning: Learning,
    ) -> None:
        self._archive = archive
        self._decoders = decoders
        self._annotations = records.annotations
        self._trail = records.trail
        self._tasks = records.tasks
        self._thumbnails = records.thumbnails
        self._words = CurrentWords(archive, records.trail)
        self._metrics = metrics
        self._learning = learning
        self._read: dict[str, str] = {}
        """Version of the file being read, by instance; kept if annotating failed."""

    def annotate(
        self,
        instance: str,
        mode: Mode,
        *,
        urgent: bool = False,
        task: Task | None = None,
    ) -> Content | None:
        """Annotate an instance, if ``mode`` requires it.

        Parameters
        ----------
        instance : str
            Orthanc id.
        mode : Mode
            Why it is to be annotated.
        urgent : bool
            Whether a person waits.
        task : Task or None
            The task that asked for it; it ends when the annotation is written.

        Returns
        -------
        Content or None
            The file that was read for a new annotation, None if there is no new one.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, DecoderDiedError
            If no decoder could read it; then nothing is written.
        ArchiveError, RecordError
            If Orthanc or the records failed.
        """
        with self._annotations.lock(instance):
            glance = self._archive.glance([instance]).get(instance)
            if glance is None:
                raise NotFoundError(instance)
            stored, existing = glance.stored, glance.annotation
            before = self._trail.last(instance)
            if mode is not Mode.AGAIN and existing and of_file(existing, stored.version):
                self._annotations.adopt(existing, stored.parents, task)
                return None
            sequence = task.sequence if task else None
            if mode is Mode.NEW and stays_removed(self._archive, instance, before, sequence):
                self._annotations.note_without(instance, stored.parents, removed=True, done=task)
                return None
            self._read[instance] = stored.version
        old = task is not None and task.of_old_stock
        # Without the lock: a person who says a word on the picture must not wait for a disk.
        with self._metrics.timed("fetch"):
            file = self._archive.content(instance, stored, old_stock=old)
        said_of = self._words.old_digest(before, glance)
        reading = self.read(instance, file, urgent=urgent, said_of=said_of)
        annotation, seen = reading.annotation, reading.seen
        with self._annotations.lock(instance), self._metrics.timed("write"):
            last = self._trail.last(instance)
            fresh = last and (before is None or last.number > before.number)
            if last and fresh and last.action == REMOVED:
                # A person removed the annotation while the decoder was reading.
                if task:
                    self._tasks.finish(task)
                return None
            if last or existing or not old:
                # Otherwise it is old stock without a word: no annotation is expected there.
                existing = self._archive.annotation(instance)
            self._put_machine_answer(annotation, seen, stored, existing, last, task, said_of)
            self._read.pop(instance, None)
            # Last, as nobody waits for it; of an instance that is gone by now none is kept.
            self._keep_thumbnail(instance, file, reading)
        self._metrics.count(annotation["status"])
        return file

    def take(
        self,
        task: Task,
        annotation: AnnotationRecord,
        file: str,
        seen: Seen | None,
        glance: Glance,
    ) -> str | None:
        """Write a helper's annotation; return why it was not written, or None.

        The caller holds the lock of the instance.

        Parameters
        ----------
        task : Task
            The task for which the instance was lent.
        annotation : dict
            Annotation by the helper's decoder.
        file : str
            ``FileUuid`` of the instance when its file was read.
        seen : Seen or None
            What the model saw.
        glance : Glance
            The instance as it was just before.

        Raises
        ------
        NotFoundError, ArchiveError, RecordError
            As in ``annotate``.
        """
        instance = task.resource
        stored, existing = glance.stored, glance.annotation
        last = self._trail.last(instance)
        if existing or last or self._annotations.knows(instance):
            # Something may have been written since the glance: ask again, now under the lock.
            stored = self._archive.stored_file(instance)
            existing = self._archive.annotation(instance)
        if existing and task.mode != Mode.AGAIN and of_file(existing, stored.version):
            self._annotations.adopt(existing, stored.parents, task)
            return "it has an annotation by now"
        if file != stored.version:
            self._tasks.retry(task, 0.0)
            return "another file stands there by now"
        if self._words.old_digest(last, replace(glance, stored=stored, annotation=existing)):
            self._tasks.retry(task, 0.0)
            return "its picture must first be compared with a person's word from an earlier version"
        annotation = {**annotation, "file": file}
        self._put_machine_answer(annotation, seen, stored, existing, last, task)
        self._metrics.count(annotation["status"])
        return None

    def look(self, task: Task) -> None:
        """Have the model look at a picture for the memory; its annotation stays as it is.

        Raises
        ------
        NotFoundError, EngineDownError, DecoderDiedError, ArchiveError
            As in ``annotate``.
        """
        instance = task.resource
        glance = self._archive.glance([instance]).get(instance)
        if glance is None:
            raise NotFoundError(instance)
        file = self._archive.content(instance, glance.stored, old_stock=True)
        last = self._trail.last(instance)
        said_of = self._words.old_digest(last, glance)
        reading = self.read(instance, file, urgent=False, said_of=said_of)
        said = self._words.put_on(reading.annotation, glance.annotation, last, said_of)["review"]
        with self._annotations.lock(instance):
            self._keep_thumbnail(instance, file, reading)
            # If it was deleted during the reading, its thumbnails were removed before, or are now.
            if self._archive.stored_file(instance).version != file.version:
                # What the model saw in the file that stands there now may be kept already.
                self._tasks.retry(task, 0.0, counts=False)
                return
            if reading.seen is not None and said is not None:
                with self._annotations.database.write() as connection:
                    self._learning.keep(connection, instance, reading.seen)
                self._learning.tell_word(instance, reading.seen)
                self._tasks.finish(task)
                return
        # Also where the word was said of an earlier picture of the instance.
        self.look_no_more(task)

    def look_no_more(self, task: Task) -> None:
        """Note that the model saw nothing: there is no picture, or it cannot be read."""
        self._learning.saw_nothing(task.resource)
        self._tasks.finish(task)

    def gone(self, task: Task) -> None:
        """Note that Orthanc no longer has an instance, and end the task that found that."""
        self._annotations.gone(task.resource)
        if task.kind == Kind.LOOK:
            self.look_no_more(task)
        else:
            self._tasks.finish(task)

    def read(
        self,
        instance: str,
        file: Content,
        *,
        urgent: bool,
        said_of: str | None = None,
    ) -> Reading:
        """Have a decoder read a file.

        ``said_of`` is the digest of a picture with which this one is to be compared.

        Raises
        ------
        EngineDownError, DecoderDiedError, RefusedError
            If no decoder could read it.
        """
        question: dict[str, Any] = {"instance": instance, "thumbnail": USUAL_SIZE}
        if said_of:
            question["said_of"] = said_of
        answer, thumbnail = self._decoders.ask("annotate", question, file.source, urgent=urgent)
        for step, seconds in answer["seconds"].items():
            self._metrics.add_seconds(step, seconds)
        told: AnnotationRecord = answer["annotation"]
        annotation: AnnotationRecord = {**told, "file": file.version}
        seen = None
        with suppress(MemoryFormatError):  # It cannot be learned from; the annotation may be good.
            seen = unpack_seen(answer["seen"]) if "seen" in answer else None
        return Reading(annotation, seen, thumbnail)

    def _keep_thumbnail(self, instance: str, file: Content, reading: Reading) -> None:
        if reading.thumbnail:
            self._thumbnails.put(instance, USUAL_SIZE, file.version, reading.thumbnail)

    def give_up(self, task: Task, reason: str) -> None:
        """Write a failed annotation of an instance; an earlier answer on the same file stays.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        instance = task.resource
        with self._annotations.lock(instance):
            stored = self._archive.stored_file(instance)
            existing = self._archive.annotation(instance)
            if existing and existing["status"] == "done" and of_file(existing, stored.version):
                self._annotations.adopt(existing, stored.parents, task)
                return
            # Of the file that was read: another that came in meanwhile is still to be read.
            file = self._read.get(instance, stored.version)
            annotation: AnnotationRecord = {**failed(instance, reason), "file": file}
            last = self._trail.last(instance)
            annotation = self._words.put_on(annotation, existing, last)
            self._annotations.put(annotation, stored.parents, done=task)
            self._read.pop(instance, None)
        self._metrics.count("failed")

    def adopt(self, instance: str) -> bool:
        """Take the annotation in the metadata into the index; return whether there is one.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self._annotations.lock(instance):
            existing = self._archive.annotation(instance)
            if existing:
                self._annotations.adopt(existing, self._archive.parents(instance))
            return existing is not None

    def note_lost(self, instance: str) -> None:
        """Note that somebody took an annotation out of the metadata: a back-fill makes it anew.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self._annotations.lock(instance):
            if self._annotations.knows(instance) and not self._archive.annotation(instance):
                parents = self._archive.parents(instance)
                self._annotations.note_without(instance, parents, removed=False)
                self._annotations.ask_roll_ups(parents)

    def was_removed(self, instance: str) -> bool:
        """Return whether a person removed the annotation of the instance's present file."""
        return stays_removed(self._archive, instance, self._trail.last(instance))

    def _put_machine_answer(
        self,
        annotation: AnnotationRecord,
        seen: Seen | None,
        stored: StoredFile,
        existing: AnnotationRecord | None,
        last: LastEvent | None,
        task: Task | None,
        said_of: str | None = None,
    ) -> None:
        """Write a decoder's annotation with the last word on top, under the lock taken to read it.

        What the model saw is kept under the same lock, so that the next word on it can be learned.
        """
        spoken = last or (existing and existing["review"])
        annotation = (
            self._words.put_on(annotation, existing, last, said_of)
            if spoken
            else self._words.put_on_copy(annotation, stored)
        )
        number = None
        if last and not (existing and of_file(existing, stored.version)):
            before, annotation = annotation, self._words.put_newer_on(annotation, last)
            if annotation is not before and annotation["review"]:
                number = self._trail.reviewed(annotation["instance"], annotation["review"])
        also = partial(self._learning.keep, instance=annotation["instance"], seen=seen)
        self._annotations.put(annotation, stored.parents, done=task, also=also)
        if number is not None:
            self._trail.applied(number)
            self._learning.wake()
        if last and annotation["review"]:
            # The word may wait for it: the model may have seen nothing in an earlier file.
            self._learning.tell_word(annotation["instance"], seen)
