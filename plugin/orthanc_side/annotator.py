"""One instance, from its id to its written annotation."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from bodypart.annotation import Review, failed, utc_now
from bodypart.reviews import apply_review
from orthanc_side import archive
from orthanc_side.archive import NotFoundError, stored

if TYPE_CHECKING:
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
    in_place : InPlace or None
        Writes tags into the stored file as well, where the operator wants it.
    """

    def __init__(
        self,
        engine: Engine,
        sinks: Sinks,
        metrics: Metrics,
        audit: Audit,
        *,
        in_place: InPlace | None = None,
    ) -> None:
        self._engine = engine
        self._sinks = sinks
        self._metrics = metrics
        self._audit = audit
        self._in_place = in_place

    def annotate(self, instance: str, *, again: bool = False, urgent: bool = False) -> None:
        """Annotate an instance that has no annotation yet, or ``again`` in any case.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError
            If the engine could not do it; nothing is written then.
        """
        with self._held():
            existing = stored(instance)
        if existing is not None and not again:
            self._sinks.adopt(existing)
            return
        with self._metrics.timed("fetch"):
            data = archive.dicom(instance)
        annotation = self.read(data, instance, urgent=urgent)
        annotation = self._under_review(annotation, existing)
        with self._metrics.timed("write"):
            self._put(annotation)
        self._metrics.count(annotation["status"])

    def read(self, data: bytes, instance: str = "", *, urgent: bool) -> dict[str, Any]:
        """Return the annotation of a DICOM file; nothing is written.

        Raises
        ------
        EngineDownError, WorkerDiedError
            If the engine could not do it.
        """
        answer, _ = self._engine.ask("annotate", {"instance": instance}, data, urgent=urgent)
        for step, seconds in answer["seconds"].items():
            self._metrics.add_seconds(step, seconds)
        annotation: dict[str, Any] = answer["annotation"]
        return annotation

    def give_up(self, instance: str, reason: str) -> None:
        """Write that an instance was tried and failed.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        annotation = failed(instance, reason)
        annotation = self._under_review(annotation, stored(instance))
        self._sinks.put(annotation)
        self._metrics.count(annotation["status"])

    def review(self, instance: str, review: Review) -> dict[str, Any]:
        """Put a person's word on an instance; return its annotation.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError
            If there is no annotation yet, and the engine could not make one.
        """
        with self._held():
            annotation = stored(instance)
        if annotation is None:
            # A person may be faster than the queue.
            self.annotate(instance, urgent=True)
            annotation = stored(instance)
        if annotation is None:
            raise NotFoundError(instance)
        corrected = apply_review(annotation, review)
        self._audit.reviewed(instance, corrected["review"])
        self._put(corrected)
        return corrected

    def forget(self, instance: str, *, by: str) -> None:
        """Remove the annotation of an instance, a person's word on it included.

        Where tags are written in place, the original DICOM attributes return.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError, StoreError
            If the original attributes could not be restored; nothing is removed then.
        """
        with self._held():
            if self._in_place:
                self._in_place.undo(instance)
            self._sinks.forget(instance)
        self._audit.forgotten(instance, by=by, at=utc_now())

    def is_forgotten(self, instance: str) -> bool:
        """Tell whether the annotation of an instance was removed on request."""
        with self._held():
            return self._sinks.is_forgotten(instance)

    def _put(self, annotation: dict[str, Any]) -> None:
        if self._in_place:
            self._in_place.put(annotation)
        else:
            self._sinks.put(annotation)

    def _held(self) -> AbstractContextManager[None]:
        """Wait until no instance is between its deletion and its return."""
        return self._in_place.held() if self._in_place else nullcontext()

    def _under_review(
        self, annotation: dict[str, Any], existing: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Put the standing review on top, also when an overwrite wiped the metadata."""
        if existing and existing["review"]:
            return apply_review(annotation, Review.from_json(existing["review"]))
        review = self._audit.standing(annotation["instance"])
        return apply_review(annotation, review) if review else annotation
