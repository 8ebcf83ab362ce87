"""One instance, from its id to its written annotation; a person's word on top of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bodypart.annotation import Review, failed, utc_now
from bodypart.memory import MemoryFormatError, unpack_seen
from bodypart.reviews import apply_review, carried_word
from service.errors import ArchiveError, NotFoundError, RecordError, StaleError
from service.queue.tasks import Kind, Mode, Priority
from service.records.annotations import known, of_file
from service.records.audit_trail import REMOVED
from service.records.thumbnails import USUAL_SIDE

if TYPE_CHECKING:
    from bodypart.evidence import Seen
    from service.decoders.pool import Engine
    from service.learning.follow import Learning
    from service.metrics import Metrics
    from service.orthanc_api.archive import Archive, StoredFile
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

    def annotate(
        self,
        instance: str,
        mode: Mode,
        *,
        urgent: bool = False,
        task: Task | None = None,
    ) -> None:
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
            stored = self._archive.stored_file(instance)
            existing = self._archive.annotation(instance)
            before = self._trail.last(instance)
            if mode is not Mode.AGAIN and existing and of_file(existing, stored.version):
                self._annotations.adopt(existing, stored.parents, task)
                return
            if mode is Mode.NEW and self._stays_removed(instance, before, task):
                self._annotations.note(instance, stored.parents, removed=True, done=task)
                return
            with self._metrics.timed("fetch"):
                data = self._archive.dicom(instance)
        annotation, seen = self._read(instance, stored, data, urgent=urgent)
        # First, so that it is there when somebody sees the answer and says a word on it.
        self._learning.saw(instance, seen)
        with self._annotations.lock(instance), self._metrics.timed("write"):
            word = self._trail.last(instance)
            if word and word.action == REMOVED and word != before:
                return  # A person had it removed while the decoder looked.
            existing = self._archive.annotation(instance)
            spoken = word or (existing or {}).get("review")
            annotation = (
                self._under_review(annotation, existing, word)
                if spoken
                else self._as_a_copy(annotation)
            )
            self._annotations.put(annotation, stored.parents, done=task)
        self._metrics.count(annotation["status"])

    def look(self, task: Task) -> None:
        """Have the model look at a picture again, whose annotation stays as it is.

        Raises
        ------
        NotFoundError, EngineDownError, WorkerDiedError, ArchiveError
            As of ``annotate``.
        """
        instance = task.resource
        stored = self._archive.stored_file(instance)
        _, seen = self._read(instance, stored, self._archive.dicom(instance), urgent=False)
        self._learning.saw(instance, seen)
        self._tasks.finish(task)

    def _read(
        self, instance: str, stored: StoredFile, data: bytes, *, urgent: bool
    ) -> tuple[dict[str, Any], Seen | None]:
        question = {"instance": instance}
        answer, thumbnail = self._decoders.ask("annotate", question, data, urgent=urgent)
        for step, seconds in answer["seconds"].items():
            self._metrics.add_seconds(step, seconds)
        annotation = {**answer["annotation"], "file": stored.version}
        if thumbnail:
            self._thumbnails.put(instance, USUAL_SIDE, stored.version, thumbnail)
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
            if existing is not None and existing["status"] == "done":
                self._annotations.adopt(existing, stored.parents, task)
                return
            annotation = {**failed(instance, reason), "file": stored.version}
            word = self._trail.last(instance)
            annotation = self._under_review(annotation, existing, word)
            self._annotations.put(annotation, stored.parents, done=task)
        self._metrics.count("failed")

    def review(self, instance: str, review: Review, revision: str | None = None) -> dict[str, Any]:
        """Put a person's word on an instance; return its annotation.

        Once the word stands in the trail it is said, whatever fails after.

        Parameters
        ----------
        instance : str
            Orthanc id.
        review : Review
            The word.
        revision : str or None
            The revision of the annotation that the person saw, if that matters.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        StaleError
            If the annotation has another revision by now.
        EngineDownError, WorkerDiedError
            If there is no annotation yet, and no decoder could make one.
        RecordError
            If the trail cannot be written: nothing is changed then.
        """
        if self._archive.annotation(instance) is None:
            # A person may be faster than the queue.
            self.annotate(instance, Mode.ASKED, urgent=True)
        with self._annotations.lock(instance):
            stored = self._archive.stored_file(instance)
            annotation = known(self._archive.annotation(instance), instance)
            _must_be(annotation, revision)
            corrected = {**apply_review(annotation, review), "file": stored.version}
            number = self._trail.reviewed(instance, corrected["review"])
            try:
                corrected = self._annotations.put(corrected, stored.parents)
                self._trail.applied(number)
            except (ArchiveError, RecordError):
                self._apply_later(instance)
        self._learning.wake()
        return corrected

    def must_have(self, instance: str, revision: str) -> None:
        """Make sure that an annotation is the one that a client saw.

        Raises
        ------
        NotFoundError, StaleError
            If it is not.
        """
        _must_be(known(self._archive.annotation(instance), instance), revision)

    def withdraw(self, instance: str, *, by: str, revision: str | None = None) -> dict[str, Any]:
        """Take a person's word back; return the machine's annotation, made anew.

        Raises
        ------
        NotFoundError
            If the instance is gone, or nobody said anything of it.
        StaleError, EngineDownError, WorkerDiedError, RecordError
            As of ``review``.
        """
        with self._annotations.lock(instance):
            annotation = known(self._archive.annotation(instance), instance)
            if annotation["review"] is None:
                raise NotFoundError(instance)
            _must_be(annotation, revision)
            stored = self._archive.stored_file(instance)
            data = self._archive.dicom(instance)
            machine, seen = self._read(instance, stored, data, urgent=True)
            number = self._trail.withdrawn(instance, by=by, at=utc_now())
            try:
                machine = self._annotations.put(machine, stored.parents)
                self._trail.applied(number)
            except (ArchiveError, RecordError):
                self._apply_later(instance)
        self._learning.saw(instance, seen)
        self._learning.wake()
        return machine

    def remove(self, instance: str, *, by: str, revision: str | None = None) -> None:
        """Remove the annotation of an instance, a person's word on it included.

        Where files follow their annotations, the original DICOM attributes return.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        StaleError, RecordError
            As of ``review``.
        """
        with self._annotations.lock(instance):
            parents = self._archive.parents(instance)
            if revision is not None:
                _must_be(known(self._archive.annotation(instance), instance), revision)
            change = self._archive.last_change()
            number = self._trail.removed(instance, by=by, at=utc_now(), change=change)
            try:
                self._annotations.erase(instance, parents)
                self._trail.applied(number)
            except (ArchiveError, RecordError):
                self._apply_later(instance)
        self._learning.wake()

    def apply_word(self, task: Task) -> None:
        """Bring metadata and index in step with the last word of the trail.

        Raises
        ------
        ArchiveError, RecordError
            If that is not possible yet.
        """
        instance = task.resource
        try:
            with self._annotations.lock(instance):
                self._apply(instance, task)
        except NotFoundError:
            self._tasks.finish(task)  # The word waits in the trail for the instance to return.
        word = self._trail.last(instance)
        if word:
            self._trail.applied(word.number)

    def _apply(self, instance: str, task: Task) -> None:
        word = self._trail.last(instance)
        stored = self._archive.stored_file(instance)
        annotation = self._archive.annotation(instance)
        if word is None:
            self._tasks.finish(task)
        elif word.action == REMOVED:
            self._annotations.erase(instance, stored.parents)
            self._tasks.finish(task)
        elif word.review is None or annotation is None:
            # The machine's own answer is to be made anew, with the word on top if there is one.
            with self._annotations.database.write() as connection:
                self._tasks.ask(
                    connection,
                    Kind.ANNOTATE,
                    [instance],
                    mode=Mode.AGAIN,
                    priority=Priority.PERSON,
                )
                self._tasks.finish(task, connection)
            self._tasks.wake()
        elif (annotation["review"] or {}).get("at") != word.review.at:
            corrected = {**apply_review(annotation, word.review), "file": stored.version}
            self._annotations.put(corrected, stored.parents, done=task)
        else:
            self._annotations.adopt(annotation, stored.parents, task)

    def _apply_later(self, instance: str) -> None:
        try:
            with self._annotations.database.write() as connection:
                self._tasks.ask(
                    connection, Kind.APPLY, [instance], priority=Priority.PERSON, delay=0.5
                )
            self._tasks.wake()
        except RecordError:
            return  # The trail tells of it at the next start.

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
        return self._stays_removed(instance, self._trail.last(instance), None)

    def _stays_removed(self, instance: str, word: Word | None, task: Task | None) -> bool:
        """Tell whether nothing was sent since a person had the annotation removed."""
        if word is None or word.action != REMOVED:
            return False
        if task and task.sequence is not None and word.change is not None:
            return task.sequence <= word.change
        # Both in UTC, Orthanc's like 20261120T120000.
        removed = datetime.fromisoformat(word.at).strftime("%Y%m%dT%H%M%S")
        return self._archive.received_at(instance) <= removed

    def _under_review(
        self, annotation: dict[str, Any], existing: dict[str, Any] | None, word: Word | None
    ) -> dict[str, Any]:
        """Put the standing review on top: the last of the audit trail.

        Metadata that hold a word which the trail does not know (another Orthanc's, or the trail
        was lost) keep it if it is the newer one. What the trail knows it orders by itself, so
        that a clock which was set back changes nothing.
        """
        said = (existing or {}).get("review")
        review = Review.from_json(said) if said else None
        if word and (
            review is None
            or word.at >= review.at
            or self._trail.knows(annotation["instance"], review.at)
        ):
            review = word.review
        return apply_review(annotation, review) if review else annotation

    def _as_a_copy(self, annotation: dict[str, Any]) -> dict[str, Any]:
        """Put a person's word on another copy of the same pixel data on top, if there is one.

        It came in the file, or the file was copied from an instance of this archive.
        """
        review = carried_word(annotation)
        for original in self._archive.originals(annotation["instance"]):
            word = self._trail.last(original)
            said = word.review if word else None
            if said and said.pixels and said.pixels == annotation["pixels"]:
                review = replace(said, previous=None, history=(), carried=True)
        return apply_review(annotation, review) if review else annotation


def _must_be(annotation: dict[str, Any], revision: str | None) -> None:
    if revision is not None and annotation.get("revision") != revision:
        raise StaleError(annotation)
