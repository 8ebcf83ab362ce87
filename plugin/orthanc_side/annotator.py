"""One instance, from its id to its written annotation."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bodypart.annotation import Review, failed, utc_now
from bodypart.reviews import apply_review
from orthanc_side import archive
from orthanc_side.archive import NotFoundError, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_side.audit import Audit
    from orthanc_side.engine import Engine
    from orthanc_side.in_place import InPlace
    from orthanc_side.metrics import Metrics
    from orthanc_side.sinks import Sinks


class Annotator:
    """Fetches, asks the engine, applies the person's word, writes.

    Parameters
    ----------
    engine : Engine
        The worker processes.
    sinks : Sinks
        Where annotations go.
    metrics : Metrics
        Where seconds go.
    audit : Audit
        Where a person's word is kept beside the annotation.
    drop : callable
        Takes an instance whose annotation was removed out of the queue.
    in_place : InPlace or None
        Writes tags into the stored file as well, where the operator wants it.
    """

    def __init__(
        self,
        engine: Engine,
        sinks: Sinks,
        metrics: Metrics,
        audit: Audit,
        drop: Callable[[str], None],
        *,
        in_place: InPlace | None = None,
    ) -> None:
        self._engine = engine
        self._sinks = sinks
        self._metrics = metrics
        self._audit = audit
        self._drop = drop
        self._in_place = in_place
        # Between the last look at an instance and the writing, nobody else may write; nor may
        # anyone look at one that is between its deletion and its return.
        self._writing = in_place.lock if in_place else threading.RLock()

    def annotate(
        self,
        instance: str,
        *,
        again: bool = False,
        urgent: bool = False,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Annotate an instance that has no annotation yet, or ``again`` in any case.

        Nothing is written if ``wanted`` says no, before the worker looked or after.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError
            If the engine could not do it; nothing is written then.
        """
        with self._writing:
            if not wanted():
                return
            self._mend(instance)
            existing = stored(instance)
            before = self._audit.last(instance)
            if existing is not None and not again:
                self._sinks.adopt(existing)
                return
            with self._metrics.timed("fetch"):
                data = archive.dicom(instance)
        annotation = self._read("annotate", instance, data, urgent=urgent)
        with self._writing, self._metrics.timed("write"):
            word = self._audit.last(instance)
            if not wanted() or (word and word.review is None and word != before):
                return  # A person had it removed while the worker looked.
            self._mend(instance)
            self._put(self._under_review(annotation))
        self._metrics.count(annotation["status"])

    def classify(self, data: bytes) -> dict[str, Any]:
        """Return the annotation of a DICOM file that is stored nowhere.

        Raises
        ------
        EngineDownError, WorkerDiedError
            If the engine could not do it.
        RefusedError
            If it is no DICOM file.
        """
        return self._read("classify", "", data, urgent=True)

    def _read(self, task: str, instance: str, data: bytes, *, urgent: bool) -> dict[str, Any]:
        answer, _ = self._engine.ask(task, {"instance": instance}, data, urgent=urgent)
        for step, seconds in answer["seconds"].items():
            self._metrics.add_seconds(step, seconds)
        annotation: dict[str, Any] = answer["annotation"]
        return annotation

    def give_up(
        self, instance: str, reason: str, *, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Write that an instance was tried and failed; an earlier answer stays.

        Nothing is written if ``wanted`` says no.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self._writing:
            self._mend(instance)
            existing = stored(instance)
            answered = existing is not None and existing["status"] == "done"
            if answered or not wanted():
                return
            self._sinks.put(self._under_review(failed(instance, reason)))
        self._metrics.count("failed")

    def review(self, instance: str, review: Review) -> dict[str, Any]:
        """Put a person's word on an instance; return its annotation.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError
            If there is no annotation yet, and the engine could not make one.
        """
        if stored(instance) is None:
            # A person may be faster than the queue.
            self.annotate(instance, urgent=True)
        with self._writing:
            self._mend(instance)
            annotation = stored(instance)
            if annotation is None:
                raise NotFoundError(instance)
            corrected = apply_review(annotation, review)
            self._put(corrected)
            self._audit.reviewed(instance, corrected["review"])
        return corrected

    def forget(self, instance: str, *, by: str) -> str | None:
        """Remove the annotation of an instance, a person's word on it included.

        Where tags are written in place, the original DICOM attributes return; if they cannot
        (another system changed them since), the answer says why.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError, StoreError
            If the original attributes could not be restored; nothing is removed then.
        """
        with self._writing:
            refused = self._in_place.undo(instance) if self._in_place else None
            self._sinks.forget(instance)
            self._audit.forgotten(instance, by=by, at=utc_now())
            self._drop(instance)
        return refused

    def was_removed(self, instance: str) -> bool:
        """Tell whether a person had the annotation removed since Orthanc received the instance."""
        word = self._audit.last(instance)
        if word is None or word.review is not None:
            return False
        # Both in UTC, Orthanc's like 20261120T120000.
        removed = datetime.fromisoformat(word.at).strftime("%Y%m%dT%H%M%S")
        return (archive.metadata("instances", instance, "ReceptionDate") or "") <= removed

    def adopt(self, instance: str) -> bool:
        """Take the annotation that the metadata hold into the index; tell whether there is one.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self._writing:
            existing = stored(instance)
            if existing:
                self._sinks.adopt(existing)
            return existing is not None

    def _mend(self, instance: str) -> None:
        if self._in_place:
            self._in_place.mend(instance)

    def _put(self, annotation: dict[str, Any]) -> None:
        if self._in_place:
            self._in_place.put(annotation)
        else:
            self._sinks.put(annotation)

    def _under_review(self, annotation: dict[str, Any]) -> dict[str, Any]:
        """Put the standing review on top: the newer of the metadata's and the audit trail's.

        An overwrite wipes the metadata; the trail may be another Orthanc's, or lost.
        """
        instance = annotation["instance"]
        said = (stored(instance) or {}).get("review")
        review = Review.from_json(said) if said else None
        word = self._audit.last(instance)
        if word and (review is None or word.at >= review.at):
            review = word.review
        return apply_review(annotation, review) if review else annotation
