"""One instance, from its id to the machine's written annotation, a standing word on top of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bodypart.annotation import Review, failed
from bodypart.memory import MemoryFormatError, unpack_seen
from bodypart.pixel_digest import is_old
from bodypart.reviews import apply_review, carried_word
from service.errors import DamagedEventError, NotFoundError
from service.orthanc_api.resources import ReadFile
from service.queue.tasks import Mode
from service.records.annotations import of_file
from service.records.audit_trail import REMOVED
from service.records.removals import stays_removed
from service.records.thumbnails import USUAL_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bodypart.evidence import Seen
    from bodypart.record import AnnotationRecord, ReviewRecord
    from service.decoders.pool import Engine
    from service.learning.follow import Learning
    from service.metrics import Metrics
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.file_on_disk import FileOnDisk
    from service.orthanc_api.resources import Glance, StoredFile
    from service.queue.tasks import Task, Tasks
    from service.records.annotations import Annotations
    from service.records.audit_trail import AuditTrail, Word
    from service.records.thumbnails import Thumbnails


class Annotator:
    """Fetches, asks a decoder, applies the person's word, writes.

    Parameters
    ----------
    archive, decoders, annotations, tasks, metrics
        The service's other parts.
    trail : AuditTrail
        Where a person's word goes first.
    learning : Learning
        Told of what the model saw, and that a person spoke.
    thumbnails : Thumbnails
        Where the small pictures go that decoders draw on the way.
    """

    def __init__(
        self,
        archive: Archive,
        decoders: Engine,
        annotations: Annotations,
        trail: AuditTrail,
        tasks: Tasks,
        metrics: Metrics,
        learning: Learning,
        thumbnails: Thumbnails,
    ) -> None:
        self._archive = archive
        self._decoders = decoders
        self._annotations = annotations
        self._trail = trail
        self._tasks = tasks
        self._metrics = metrics
        self._learning = learning
        self._thumbnails = thumbnails
        self._read: dict[str, str] = {}
        """Of what is being annotated, or was in vain, the file that was read."""

    def annotate(
        self,
        instance: str,
        mode: Mode,
        *,
        urgent: bool = False,
        task: Task | None = None,
    ) -> ReadFile | None:
        """Annotate an instance as far as ``mode`` wants it.

        Parameters
        ----------
        instance : str
            Orthanc id.
        mode : Mode
            Why it is to be annotated.
        urgent : bool
            Whether a person waits.
        task : Task or None
            What asked for it; ends with the writing.

        Returns
        -------
        ReadFile or None
            The file that was read for a new annotation, None where there is none.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError
            If no decoder could do it; nothing is written then.
        ArchiveError, RecordError
            If Orthanc or the records could not be written.
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
                self._annotations.note(instance, stored.parents, removed=True, done=task)
                return None
            self._read[instance] = stored.version
        old = task is not None and task.of_old_stock
        # Without the lock: whoever says a word on the picture waits for no disk.
        with self._metrics.timed("fetch"):
            file = self._archive.content(instance, stored, old_stock=old)
        said_of = self._old_digest(before, glance)
        annotation, seen = self.read(instance, stored, file, urgent=urgent, said_of=said_of)
        with self._annotations.lock(instance), self._metrics.timed("write"):
            word = self._trail.last(instance)
            fresh = word and (before is None or word.number > before.number)
            if word and fresh and word.action == REMOVED:
                # A person had it removed while the decoder looked.
                if task:
                    self._tasks.finish(task)
                return None
            if word or existing or not old:
                # Else a picture lies there for long, and nobody ever spoke of it.
                existing = self._archive.annotation(instance)
            self._put_machine_answer(annotation, seen, stored, existing, word, task, said_of)
            self._read.pop(instance, None)
        self._metrics.count(annotation["status"])
        return ReadFile(stored.version, file)

    def take(
        self,
        task: Task,
        annotation: AnnotationRecord,
        file: str,
        seen: Seen | None,
        glance: Glance,
    ) -> str | None:
        """Write what a helper on another machine found; return why not, None if it was written.

        The lock of the instance is held.

        Parameters
        ----------
        task : Task
            What it was lent for.
        annotation : dict
            What its decoder said.
        file : str
            ``FileUuid`` of the instance when its file was read.
        seen : Seen or None
            What the model saw.
        glance : Glance
            The instance as it was just before.

        Raises
        ------
        NotFoundError, ArchiveError, RecordError
            As of ``annotate``.
        """
        instance = task.resource
        stored, existing = glance.stored, glance.annotation
        word = self._trail.last(instance)
        if existing or word or self._annotations.knows(instance):
            # Somebody may have written since: only what nobody ever spoke of needs no second look.
            stored = self._archive.stored_file(instance)
            existing = self._archive.annotation(instance)
        if existing and task.mode != Mode.AGAIN and of_file(existing, stored.version):
            self._annotations.adopt(existing, stored.parents, task)
            return "it has an annotation by now"
        if file != stored.version:
            self._tasks.retry(task, 0.0)
            return "another file stands there by now"
        if self._old_digest(word, replace(glance, stored=stored, annotation=existing)):
            self._tasks.retry(task, 0.0)
            return "a word of an earlier version is to be compared with its picture"
        annotation = {**annotation, "file": file}
        self._put_machine_answer(annotation, seen, stored, existing, word, task)
        self._metrics.count(annotation["status"])
        return None

    def look(self, task: Task) -> None:
        """Have the model look at a picture again, whose annotation stays as it is.

        Raises
        ------
        NotFoundError, EngineDownError, WorkerDiedError, ArchiveError
            As of ``annotate``.
        """
        instance = task.resource
        stored = self._archive.stored_file(instance)
        file = self._archive.content(instance, stored, old_stock=True)
        _, seen = self.read(instance, stored, file, urgent=False)
        if seen is None:
            self.look_no_more(task)
        else:
            self._learning.saw(instance, seen)
            self._tasks.finish(task)

    def look_no_more(self, task: Task) -> None:
        """Note that there is nothing to be seen: no picture, or none that can be read."""
        self._learning.saw_nothing(task.resource)
        self._tasks.finish(task)

    def read(
        self,
        instance: str,
        stored: StoredFile,
        file: bytes | FileOnDisk,
        *,
        urgent: bool,
        said_of: str | None = None,
    ) -> tuple[AnnotationRecord, Seen | None]:
        """Return what a decoder says of a file, and what the model saw in it, if it looked.

        ``said_of`` is the digest of a picture that this one is to be compared with.

        Raises
        ------
        EngineDownError, WorkerDiedError, RefusedError
            If no decoder could do it.
        """
        question: dict[str, Any] = {"instance": instance, "thumbnail": USUAL_SIZE}
        if said_of:
            question["said_of"] = said_of
        answer, thumbnail = self._decoders.ask("annotate", question, file, urgent=urgent)
        for step, seconds in answer["seconds"].items():
            self._metrics.add_seconds(step, seconds)
        told: AnnotationRecord = answer["annotation"]
        annotation: AnnotationRecord = {**told, "file": stored.version}
        if thumbnail:
            self._thumbnails.put(instance, USUAL_SIZE, stored.version, thumbnail)
        try:
            return annotation, unpack_seen(answer["seen"]) if "seen" in answer else None
        except MemoryFormatError:
            return annotation, None  # It is not learned from; the answer may be good.

    def give_up(self, task: Task, reason: str) -> None:
        """Write that an instance was tried and failed; an earlier answer stays.

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
            # Another one may have come in while the decoder looked: that one is still to be read.
            file = self._read.get(instance, stored.version)
            annotation: AnnotationRecord = {**failed(instance, reason), "file": file}
            word = self._trail.last(instance)
            annotation = self._under_review(annotation, existing, word)
            self._annotations.put(annotation, stored.parents, done=task)
            self._read.pop(instance, None)
        self._metrics.count("failed")

    def adopt(self, instance: str) -> bool:
        """Take the annotation that the metadata hold into the index; tell whether there is one.

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

    def was_removed(self, instance: str) -> bool:
        """Tell whether a person had the annotation removed since Orthanc received the instance."""
        return stays_removed(self._archive, instance, self._trail.last(instance))

    def _put_machine_answer(
        self,
        annotation: AnnotationRecord,
        seen: Seen | None,
        stored: StoredFile,
        existing: AnnotationRecord | None,
        word: Word | None,
        task: Task | None,
        said_of: str | None = None,
    ) -> None:
        """Write what a decoder said, the last word on top of it; the lock is held since that.

        Who says a word on it next finds what the model saw: it is kept before the lock is let go.
        """
        spoken = word or (existing and existing["review"])
        annotation = (
            self._under_review(annotation, existing, word, said_of)
            if spoken
            else self._as_a_copy(annotation, stored.originals)
        )
        keep = partial(self._learning.keep, instance=annotation["instance"], seen=seen)
        self._annotations.put(annotation, stored.parents, done=task, also=keep)

    def _under_review(
        self,
        annotation: AnnotationRecord,
        existing: AnnotationRecord | None,
        word: Word | None,
        said_of: str | None = None,
    ) -> AnnotationRecord:
        """Put the standing review on top: the last of the audit trail.

        Metadata that hold a word which the trail does not know (another Orthanc's, or the trail
        was lost) keep it if it is the newer one. What the trail knows it orders by itself, so
        that a clock which was set back changes nothing.
        """
        said = existing["review"] if existing else None
        review = Review.from_json(said) if said else None
        if word and (
            review is None
            or word.at >= review.at
            or self._trail.knows(annotation["instance"], review.at)
        ):
            review = _review_of(word, said)
        if review is None:
            return annotation
        compared = said_of is not None and review.pixels == said_of
        return apply_review(annotation, review, compared=compared)

    def _as_a_copy(
        self, annotation: AnnotationRecord, originals: tuple[str, ...]
    ) -> AnnotationRecord:
        """Put a person's word on another copy of the same pixel data on top, if there is one.

        It came in the file, or the file was copied from an instance of this archive.
        """
        review = carried_word(annotation)
        for said in self._said_of(originals):
            if said.pixels and said.pixels == annotation.get("pixels"):
                # A word by itself: nothing of what had gone before it there.
                review = replace(said, previous=None, history=(), restored=False, carried=True)
        return apply_review(annotation, review) if review else annotation

    def _old_digest(self, word: Word | None, glance: Glance) -> str | None:
        """Return the digest of a word of version 0.2.0, which only a decoder can compare.

        Of the last word on the instance, else of one on what it is a copy of.
        """
        said = glance.annotation["review"] if glance.annotation else None
        if word and (review := _review_of(word, said)):
            digests = [review.pixels]
        elif word or said:
            digests = [said.get("pixels") if said else None]
        else:
            digests = [one.pixels for one in self._said_of(glance.stored.originals)]
        return next(filter(is_old, digests), None)

    def _said_of(self, originals: tuple[str, ...]) -> Iterator[Review]:
        """Give what stands of people's words on what an instance is a copy of.

        A damaged one that nothing else keeps holds up its own instance, and no copy of it.
        """
        for original in originals:
            if word := self._trail.last(original):
                found = self._archive.annotation(original)
                with suppress(DamagedEventError):
                    if review := _review_of(word, found["review"] if found else None):
                        yield review


def _review_of(word: Word, kept: ReviewRecord | None) -> Review | None:
    """Return what a person said; what metadata kept of it where the trail's own is damaged."""
    try:
        return word.review
    except DamagedEventError:
        if kept is None or kept["at"] != word.at:
            raise
        return Review.from_json(kept)
