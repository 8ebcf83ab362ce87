"""The annotation of a DICOM file that is stored nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bodypart.reviews import apply_review, carried_word

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord, FileRecord
    from service.decoders.pool import DecoderPool
    from service.metrics import Metrics


def annotate_file(decoders: DecoderPool, metrics: Metrics, data: bytes) -> tuple[FileRecord, str]:
    """Return the annotation of a file, and its Modality.

    Raises
    ------
    EngineDownError, DecoderDiedError
        If no decoder could do it.
    RefusedError
        If it is no DICOM file.
    """
    answer, _ = decoders.ask("classify", {"instance": ""}, data, urgent=True)
    for step, seconds in answer["seconds"].items():
        metrics.add_seconds(step, seconds)
    told: FileRecord = answer["annotation"]
    annotation: AnnotationRecord = {**told, "instance": ""}
    review = carried_word(annotation)
    if review:
        annotation = apply_review(annotation, review)
    return {**annotation, "instance": None}, str(answer.get("modality", ""))
