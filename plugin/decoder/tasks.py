"""What a decoder can be asked: a function for each task, from request and DICOM bytes to answer."""

from __future__ import annotations

import io
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydicom import dcmread, dcmwrite
from pydicom.errors import BytesLengthException

from bodypart import __version__
from bodypart.dicom_out.correction import correct as correct_file
from bodypart.dicom_out.correction import restore as restore_file
from bodypart.dicom_out.encoding import DicomStructureError
from bodypart.dicom_out.fhir import StudyError, imaging_study
from bodypart.dicom_out.policy import tags_to_write
from bodypart.drawn.graymap import graymap
from bodypart.drawn.heatmap_png import heat_layer_png, heatmap_png
from bodypart.drawn.thumbnail import thumbnail as draw_thumbnail
from bodypart.labels import UnknownLabelError, body_part
from bodypart.memory import MemoryFormatError, pack_seen
from bodypart.model.model_input import BlankPictureError
from bodypart.pixels import (
    PIXEL_KEYWORDS,
    DatasetError,
    NotDicomError,
    PictureError,
    display_window,
    read_dataset,
    uncompressed_syntax,
)
from bodypart.sop_class import modality_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom import Dataset

    from bodypart.dicom_out.correction import Correction
    from bodypart.pipeline import Pipeline
    from bodypart.pixels import Picture
    from bodypart.record import AnnotationRecord

Answer = tuple[dict[str, Any], bytes]
_HEAT_SIDE, _SHOWN_SIDE = 320, 800
"""Pixels; the longest side of a reduced picture is between this and twice this."""
_BULK = (*PIXEL_KEYWORDS, "EncapsulatedDocument")


class TaskError(Exception):
    """A task cannot be done on this input; the text may be shown to a user."""


class NothingToReportError(TaskError):
    """A study has nothing that a report may say; the service knows it by its name."""


def annotate(pipeline: Pipeline, request: dict[str, Any], data: bytes | memoryview) -> Answer:
    """Annotate the DICOM file in the payload.

    If the request has ``thumbnail``, the answer's payload is a thumbnail with at most so many
    pixels on its longest side.
    """
    annotation, timing = pipeline.annotate(
        data, request.get("instance", ""), request.get("said_of")
    )
    answer = {"annotation": annotation.to_json(), "seconds": asdict(timing)}
    if annotation.seen is not None:
        answer["seen"] = pack_seen(annotation.seen)
    picture, side = annotation.picture, request.get("thumbnail")
    return answer, draw_thumbnail(picture.values, side) if picture and side else b""


def learn(pipeline: Pipeline, request: dict[str, Any], update: bytes) -> Answer:
    """Apply an update of the memory; ``applied`` is false if the whole memory is needed instead."""
    try:
        applied = pipeline.recall.apply(request["memory"], update)
    except MemoryFormatError as error:
        raise TaskError(str(error)) from None
    return {"applied": applied, "revision": pipeline.recall.revision}, b""


def classify(pipeline: Pipeline, _: dict[str, Any], data: bytes) -> Answer:
    """Annotate a file that is not stored in Orthanc; one that is not DICOM is refused.

    The answer also has the file's Modality, which Orthanc would know of a stored one.
    """
    modality = ""
    try:
        modality = modality_of(read_dataset(data))
    except NotDicomError as error:
        raise TaskError(f"body: {error}") from None
    except DatasetError:
        pass  # The annotation says why.
    answer, _thumbnail = annotate(pipeline, {}, data)
    answer["annotation"]["instance"] = None
    answer["modality"] = modality
    return answer, b""


def heatmap(pipeline: Pipeline, request: dict[str, Any], data: bytes) -> Answer:
    """Draw where the model looked for ``label`` as a PNG in the picture's own geometry.

    ``over`` in the request says on what: the picture, or ``nothing``, for a transparent layer.
    """
    label = request["label"]
    try:
        body_part(label)
    except UnknownLabelError as error:
        raise TaskError(f"label: {error}") from None
    if label not in pipeline.model.labels:
        raise TaskError(f"label: the image model does not know {label}")
    seen = _seen(pipeline, data, _HEAT_SIDE)
    try:
        heat = pipeline.model.heatmap(seen.values, label)
    except BlankPictureError as error:
        raise TaskError(str(error)) from None
    return {}, heat_layer_png(heat) if request["over"] == "nothing" else heatmap_png(seen, heat)


def picture(pipeline: Pipeline, _: dict[str, Any], data: bytes) -> Answer:
    """Return the picture as a 16-bit PGM, for a page that does its own windowing.

    In the answer, ``values`` are the pixel values that became 0 and 65535; ``window`` is the centre
    and the width that the file asks for, or None.
    """
    values = _seen(pipeline, data, _SHOWN_SIDE).values
    ends = [float(values.min()), float(values.max())]
    return {"values": ends, "window": display_window(read_dataset(data))}, graymap(values)


def thumbnail(pipeline: Pipeline, request: dict[str, Any], data: bytes) -> Answer:
    """Draw the picture as a small JPEG whose longest side is at most ``side``."""
    return {}, draw_thumbnail(_seen(pipeline, data, request["side"]).values, request["side"])


def correct(pipeline: Pipeline, request: dict[str, Any], data: bytes) -> Answer:
    """Write the annotation's tags into the file, if they are sure enough.

    The request has ``annotation``, ``siblings`` (annotations of the rest of the series) and
    ``threshold``. The answer's payload is the new file, empty if nothing is to be changed.
    """
    wanted = tags_to_write(
        request["annotation"],
        request["threshold"],
        request["siblings"],
        write_conflicts=pipeline.settings.write_conflicts,
    )
    if wanted is None:
        return _corrected(lambda: restore_file(data))
    return _corrected(
        lambda: correct_file(
            data,
            wanted.examined,
            wanted.laterality,
            version=__version__,
            now=datetime.now(UTC),
            agreeing=wanted.agreeing,
            contradicting=wanted.contradicting,
            mixed_series=wanted.mixed_series,
            decision=wanted.decision,
        )
    )


def restore(_: Pipeline, __: dict[str, Any], data: bytes) -> Answer:
    """Undo what ``correct`` wrote; the payload is empty if there is nothing to undo."""
    return _corrected(lambda: restore_file(data))


def headers(_: Pipeline, __: dict[str, Any], data: bytes) -> Answer:
    """Return the file without its bulk data, so small that a whole study can be sent at once."""
    try:
        dataset = read_dataset(data)
        for keyword in _BULK:
            if keyword in dataset:
                delattr(dataset, keyword)
        dataset.file_meta.TransferSyntaxUID = uncompressed_syntax(dataset)
        buffer = io.BytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
    except (DatasetError, ValueError, TypeError, AttributeError) as error:
        raise TaskError(f"the headers cannot be copied: {type(error).__name__}") from None
    return {}, buffer.getvalue()


def report(_: Pipeline, request: dict[str, Any], data: bytes) -> Answer:
    """Write the DICOM SR of a study; see ``_images`` for the request."""
    try:
        # highdicom takes a second to import, and does not exist for every Python.
        from bodypart.dicom_out import report as sr
    except ImportError as error:
        raise TaskError(f"no reports without {error.name}, which is not installed") from None
    images, previous = _images(request, data)
    try:
        done = [(dataset, note) for dataset, note in images if note is not None]
        return {}, sr.structured_report(
            done,
            version=__version__,
            now=datetime.now().astimezone(),
            previous=previous,
            uid=request.get("uid"),
        )
    except sr.NothingToReportError as error:
        raise NothingToReportError(str(error)) from None
    except sr.ReportError as error:
        raise TaskError(str(error)) from None


def fhir(_: Pipeline, request: dict[str, Any], data: bytes) -> Answer:
    """Return the FHIR ImagingStudy of a study; see ``_images`` for the request."""
    images, _previous = _images(request, data)
    try:
        return {"resource": imaging_study(images, resource_id=request["study"])}, b""
    except StudyError as error:
        raise TaskError(str(error)) from None


def _seen(pipeline: Pipeline, data: bytes, long_side: int) -> Picture:
    try:
        return pipeline.picture(data, long_side)
    except (DatasetError, PictureError) as error:
        raise TaskError(str(error)) from None


def _corrected(work: Callable[[], Correction]) -> Answer:
    try:
        outcome = work()
    except DicomStructureError as error:
        return {"changed": [], "refused": str(error), "standing": []}, b""
    answer = {
        "changed": list(outcome.changed),
        "refused": outcome.refused,
        "standing": list(outcome.standing),
    }
    return answer, outcome.data or b""


def _images(
    request: dict[str, Any], data: bytes
) -> tuple[list[tuple[Dataset, AnnotationRecord | None]], Dataset | None]:
    """Return the images of a study with their annotations, and its previous report or None.

    The request has ``annotations``, and ``lengths`` of the header files in the payload. With
    ``previous`` true, the last header file is the report that the new one replaces.
    """
    datasets, start = [], 0
    for length in request["lengths"]:
        headers = dcmread(io.BytesIO(data[start : start + length]), force=True)
        datasets.append(_readable(headers))
        start += length
    previous = datasets.pop() if request.get("previous") else None
    return list(zip(datasets, request["annotations"], strict=True)), previous


def _readable(headers: Dataset) -> Dataset:
    """Leave out elements that cannot be read: a single one would make the report fail."""
    for tag in list(headers.keys()):
        try:
            headers[tag]
        except (BytesLengthException, ValueError, TypeError, NotImplementedError):
            del headers[tag]
    return headers


TASKS: Mapping[str, Callable[[Pipeline, dict[str, Any], bytes], Answer]] = {
    task.__name__: task
    for task in (
        annotate,
        classify,
        learn,
        heatmap,
        picture,
        thumbnail,
        correct,
        restore,
        headers,
        report,
        fhir,
    )
}
