"""Exports as standard objects: the corrected file, the structured report, FHIR."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from service.dicom_tags.rewriting import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bodypart.record import AnnotationRecord, RewrittenRecord, SiblingRecord
    from service.decoders.pool import DecoderPool
    from service.orthanc_api.archive import Archive
    from service.records.index import Index


def corrected_file(
    archive: Archive,
    decoders: DecoderPool,
    index: Index,
    instance: str,
    threshold: float,
    *,
    annotation_of: Callable[[str], AnnotationRecord | None],
) -> tuple[RewrittenRecord, bytes]:
    """Return a copy of the stored file with corrected tags; the stored one is not changed.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    decoders : DecoderPool
        The pool of decoders.
    index : Index
        Has the other instances of the series.
    instance : str
        Orthanc id.
    threshold : float
        Least probability at which an answer is written.
    annotation_of : callable
        Gives an instance's annotation, also while its file is being rewritten.

    Returns
    -------
    tuple of dict and bytes
        What changed, or why writing was refused; and the file, the stored one if nothing changed.

    Raises
    ------
    NotFoundError
        If Orthanc has no such instance.
    """
    data = archive.dicom(instance)
    annotation = annotation_of(instance)
    if annotation is None:
        return {"changed": [], "refused": "there is no annotation yet", "standing": []}, data
    request = {
        "annotation": annotation,
        "siblings": siblings_of(index, instance, archive.parents(instance).series),
        "threshold": threshold,
    }
    outcome, corrected = rewritten(decoders, "correct", request, data, urgent=True)
    return outcome, b"".join(corrected) or data


def study_report(
    archive: Archive,
    decoders: DecoderPool,
    study: str,
    annotations: Mapping[str, AnnotationRecord | None],
    previous: bytes | None,
    uid: str | None = None,
) -> bytes:
    """Return the DICOM SR (TID 1500) on instances of one study.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    decoders : DecoderPool
        The pool of decoders.
    study : str
        Orthanc id of the study.
    annotations : mapping
        Annotations of the instances to report on; instances without one are left out.
    previous : bytes or None
        The file of the report that this one replaces.
    uid : str or None
        SOP Instance UID of the report; a new one if it is None.

    Raises
    ------
    NotFoundError
        If one of them is gone.
    RefusedError
        If none of them has an answer.
    """
    request, payload = _gathered(archive, decoders, study, annotations, previous)
    request["uid"] = uid
    # From Orthanc: headers from a decoder may say anything, if it was taken over by a file.
    request["patient_id"], request["study_uid"] = archive.identifiers_of_study(study)
    return decoders.ask("report", request, payload, urgent=True)[1]


def imaging_study(
    archive: Archive,
    decoders: DecoderPool,
    study: str,
    annotations: Mapping[str, AnnotationRecord | None],
) -> dict[str, Any]:
    """Return the FHIR R5 ImagingStudy of a study, with the annotations of its instances.

    Raises
    ------
    NotFoundError
        If one of them is gone.
    """
    request, payload = _gathered(archive, decoders, study, annotations, None)
    resource: dict[str, Any] = decoders.ask("fhir", request, payload, urgent=True)[0]["resource"]
    return resource


def siblings_of(index: Index, instance: str, series: str) -> list[SiblingRecord]:
    """Return what the policy on tags needs to know of a series' other annotated instances."""
    children = index.children("series", series)
    return [child.as_sibling() for child in children if child.instance != instance]


def _gathered(
    archive: Archive,
    decoders: DecoderPool,
    study: str,
    annotations: Mapping[str, AnnotationRecord | None],
    previous: bytes | None,
) -> tuple[dict[str, Any], bytes]:
    """Collect the headers of the files, so that no decoder gets the pixel data of several."""
    files = chain(map(archive.dicom, annotations), [previous] if previous is not None else [])
    headers = [decoders.ask("headers", {}, file, urgent=True)[1] for file in files]
    request = {
        "study": study,
        "annotations": list(annotations.values()),
        "lengths": [len(header) for header in headers],
        "previous": previous is not None,
    }
    return request, b"".join(headers)
