"""Words of people, their withdrawal, and removals: written to the trail before anything else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bodypart.annotation import Review, utc_now
from bodypart.reviews import apply_review, machine_answer
from service.decoders.pool import DecoderDiedError, RefusedError
from service.errors import (
    ArchiveError,
    LostFileError,
    NotFoundError,
    RecordError,
    StaleError,
    UnannotatedError,
)
from service.queue.tasks import Kind, Mode, Priority
from service.records.annotations import of_file, sealed
from service.records.audit_trail import REMOVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    from bodypart.record import AnnotationRecord
    from service.annotator import Annotator
    from service.learning.follow import Learning
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import StoredFile
    from service.queue.tasks import Task
    from service.records.audit_trail import LastEvent
    from service.records.records import Records

_OF_A_WORD = ("by", "examined", "visible", "laterality", "laterality_given", "comment", "carried")


class Reviewer:
    """Applies what people say.

    Parameters
    ----------
    archive, annotator : Archive, Annotator
        The service's other parts.
    records : Records
        Their trail has each word first.
    learning : Learning
        Woken after each word.
    """

    def __init__(
        self,
        archive: Archive,
        annotator: Annotator,
        records: Records,
        learning: Learning,
    ) -> None:
        self._archive = archive
        self._annotator = annotator
        self._annotations = records.annotations
        self._trail = records.trail
        self._tasks = records.tasks
        self._learning = learning

    def review(
        self, instance: str, review: Review, seen: frozenset[str] | None = None
    ) -> AnnotationRecord:
        """Put a person's word on an instance; return its annotation.

        Once the word is in the trail, it counts even if something fails afterwards.

        Parameters
        ----------
        instance : str
            Orthanc id.
        review : Review
            The word.
        seen : frozenset of str or None
            Revisions that the person saw; the annotation must have one of them. None allows any.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        UnannotatedError
            If the annotation that the person saw was removed since.
        StaleError
            If the annotation has another revision by now, unless it already has this very word.
        EngineDownError, DecoderDiedError
            If there is no annotation yet, and no decoder could make one.
        RecordError
            If the trail cannot be written; then nothing is changed.
        """
        corrected = self._noted(instance, review, seen)
        if corrected is None:
            if seen is not None and self._annotator.was_removed(instance):
                raise UnannotatedError(instance)
            # A person may be faster than the queue.
            self._annotator.annotate(instance, Mode.ASKED, urgent=True)
            corrected = self._noted(instance, review, seen)
        if corrected is None:
            raise UnannotatedError(instance)
        self._learning.wake()
        return corrected

    def _noted(
        self, instance: str, review: Review, seen: frozenset[str] | None
    ) -> AnnotationRecord | None:
        """Write a word to the trail; return the annotation with it, None if it has none."""
        with self._annotations.lock(instance):
            found = self._annotations.glance([instance]).get(instance)
            if found is None:
                raise NotFoundError(instance)
            annotation = found.annotation
            if annotation is None:
                return None
            if is_stale(annotation, seen):
                if not _says(annotation, review):
                    raise StaleError(annotation)
                # The request was repeated, because its answer with the new revision was lost.
                return annotation
            corrected = sealed(_with_word(annotation, review, found.stored))
            said = corrected["review"]
            if said is None:
                raise StaleError(annotation)  # The word is on another picture.
            number = self._trail.reviewed(instance, said)
            try:
                corrected = self._annotations.put(corrected, found.stored.parents)
                self._trail.applied(number)
            except (ArchiveError, RecordError):
                self._apply_later(instance)
        return corrected

    def must_have(self, instance: str, seen: frozenset[str]) -> None:
        """Make sure that an annotation has one of the revisions that a client saw.

        Raises
        ------
        NotFoundError, StaleError
            If it has not.
        """
        # Under the lock, because there are no metadata while the file is being rewritten.
        with self._annotations.lock(instance):
            _must_be(self.annotation_of(instance), seen)

    def annotation_of(self, instance: str) -> AnnotationRecord:
        """Return the annotation of an instance.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        UnannotatedError
            If it has none.
        """
        annotation = self._archive.annotation(instance)
        if annotation is None:
            self._archive.stored_file(instance)
            raise UnannotatedError(instance)
        return annotation

    def withdraw(
        self, instance: str, *, by: str, seen: frozenset[str] | None = None
    ) -> AnnotationRecord:
        """Take a person's word back; return the machine's annotation, computed again if need be.

        Raises
        ------
        NotFoundError
            If the instance is gone, or there is no word on it.
        StaleError, EngineDownError, DecoderDiedError, RecordError
            As in ``review``.
        """
        last = self._trail.last(instance)
        if last and last.said and self._archive.annotation(instance) is None:
            # Its file was sent again, and a person may be faster than the queue.
            self._annotator.annotate(instance, Mode.ASKED, urgent=True)
        with self._annotations.lock(instance):
            annotation = self.annotation_of(instance)
            if annotation["review"] is None:
                raise NotFoundError(instance)
            _must_be(annotation, seen)
            stored = self._archive.stored_file(instance)
            machine, also = self._without_words(annotation, stored)
            machine = sealed(machine)
            number = self._trail.withdrawn(instance, by=by, at=utc_now())
            try:
                machine = self._annotations.put(machine, stored.parents, also=also)
                self._trail.applied(number)
            except (ArchiveError, RecordError):
                self._apply_later(instance)
        self._learning.wake()
        return machine

    def _without_words(
        self, annotation: AnnotationRecord, stored: StoredFile
    ) -> tuple[AnnotationRecord, Callable[[Connection], None] | None]:
        """Return the machine's answer on the stored file.

        Also returns what keeps what the model saw, if the file had to be read again.
        """
        instance = annotation["instance"]
        kept = _kept(annotation, stored)
        if kept is not None and kept["status"] != "failed":
            return kept, None
        try:
            file = self._archive.content(instance, stored)
            reading = self._annotator.read(instance, file, urgent=True)
        except (LostFileError, RefusedError, DecoderDiedError):
            if kept is None:
                raise
            return kept, None  # It fails as before.
        also = partial(self._learning.keep, instance=instance, seen=reading.seen)
        return reading.annotation, also

    def remove(self, instance: str, *, by: str, seen: frozenset[str] | None = None) -> bool:
        """Remove the annotation of an instance, including a person's word.

        Returns whether there was one; without one, this keeps the instance from being annotated.

        If files are rewritten in place, the original DICOM attributes are restored.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        StaleError, RecordError
            As in ``review``.
        """
        with self._annotations.lock(instance):
            stored = self._archive.stored_file(instance)
            annotation = self._archive.annotation(instance)
            if seen is not None:
                if annotation is None:
                    raise UnannotatedError(instance)
                _must_be(annotation, seen)
            number = self._trail.removed(instance, by=by, at=utc_now(), file=stored.version)
            try:
                self._annotations.erase(instance, stored)
                self._trail.applied(number)
            except (ArchiveError, RecordError):
                self._apply_later(instance)
        self._learning.wake()
        return annotation is not None

    def apply_word(self, task: Task) -> None:
        """Bring metadata and index in step with the last word of the trail.

        Raises
        ------
        ArchiveError, RecordError
            If that is not possible yet.
        """
        instance = task.resource
        with self._annotations.lock(instance):
            last = self._trail.last(instance)
            try:
                self._apply(instance, last, task)
            except NotFoundError:
                self._tasks.finish(task)  # If the instance is sent again, the trail has the word.
            if last:
                self._trail.applied(last.number)

    def _apply(self, instance: str, last: LastEvent | None, task: Task) -> None:
        stored = self._archive.stored_file(instance)
        annotation = self._archive.annotation(instance)
        if last is None:
            self._tasks.finish(task)
        elif last.action == REMOVED:
            if last.file in (None, stored.version):
                self._annotations.erase(instance, stored)
            else:
                # A new file was sent; an earlier try of this may have deleted that file's task.
                self._tasks.ask_now(Kind.ANNOTATE, [instance])
            self._tasks.finish(task)
        elif annotation is None:
            self._annotate_again(task)
        elif last.review is None and annotation["review"]:
            kept = _kept(annotation, stored)
            if kept:
                self._annotations.put(kept, stored.parents, done=task)
            if kept is None or kept["status"] == "failed":
                # It was read when the word was taken back, and perhaps told to be another answer.
                self._annotate_again(task)
        elif last.review and (
            not annotation["review"] or Review.from_json(annotation["review"]) != last.review
        ):
            corrected = _with_word(annotation, last.review, stored)
            self._annotations.put(corrected, stored.parents, done=task)
        else:
            self._annotations.adopt(annotation, stored.parents, task)

    def _annotate_again(self, task: Task) -> None:
        """Have the machine's answer made anew, and the word, if there is one, put on top."""
        with self._annotations.database.write() as connection:
            self._tasks.ask(
                connection,
                Kind.ANNOTATE,
                [task.resource],
                mode=Mode.AGAIN,
                priority=Priority.PERSON,
            )
            self._tasks.finish(task, connection)
        self._tasks.wake()

    def _apply_later(self, instance: str) -> None:
        try:
            self._tasks.ask_now(Kind.APPLY, [instance], priority=Priority.PERSON, delay=0.5)
        except RecordError:
            return  # The event stays open in the trail, and is applied at the next start.


def _kept(annotation: AnnotationRecord, stored: StoredFile) -> AnnotationRecord | None:
    """Return the machine's answer under a person's word, None if the file must be read for it."""
    return machine_answer(annotation) if of_file(annotation, stored.version) else None


def _with_word(
    annotation: AnnotationRecord, review: Review, stored: StoredFile
) -> AnnotationRecord:
    """Return an annotation with a word on top, still noted as of the file that was read.

    A newer file will be annotated because it differs from this one.
    """
    file = annotation.get("file") or stored.version
    return {**apply_review(annotation, review), "file": file}


def _says(annotation: AnnotationRecord, review: Review) -> bool:
    """Return whether an annotation already has this word: the same, by the same person."""
    if annotation["review"] is None:
        return False
    said = Review.from_json(annotation["review"])
    before = said.previous["laterality"] if said.previous else None
    if not review.laterality_given and said.laterality == before:
        # The side was given by an earlier word.
        review = replace(review, laterality=said.laterality, laterality_given=said.laterality_given)
    return all(getattr(said, name) == getattr(review, name) for name in _OF_A_WORD)


def is_stale(annotation: AnnotationRecord, seen: frozenset[str] | None) -> bool:
    """Return whether an annotation has none of the revisions that a person saw."""
    return seen is not None and annotation.get("revision") not in seen


def _must_be(annotation: AnnotationRecord, seen: frozenset[str] | None) -> None:
    if is_stale(annotation, seen):
        raise StaleError(annotation)
