"""What leaves as files: the corrected instance, reports, FHIR, the training manifest, the trail."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field
from typing_extensions import TypedDict

from service.databases.tables import instances
from service.decoders.pool import RefusedError
from service.dicom_tags.exports import corrected_file, imaging_study, study_report
from service.errors import DamagedEventError
from service.orthanc_api.studies import DicomIdentity, dicom_identities
from service.records.audit_trail import EventRecord
from service.routes.models import Asked
from service.routes.requests import HttpError, TheService, not_found
from service.routes.router import Router

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.main import Service
    from service.records.audit_trail import AuditTrail, LastEvent
    from service.records.index import Index

router = Router()
_LICENCE_CLASS = "clear"
_PAGE = 5000
_USUAL_ROWS, _MOST_ROWS = 1_000, 10_000
"""Orthanc keeps an answer in memory (300,000 events: 131 MB), and is asked for all their UIDs."""
_FORMULA = re.compile(r"[\s\u00a0;]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""Signs with which a formula begins for a spreadsheet, those of full width included."""
_FHIR = "application/fhir+json"
"""The media type of FHIR."""
_DICOM: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"content": {"application/dicom": {}}}},
}
_CSV = {"text/csv": {"schema": {"type": "string"}}}


class TrainingRow(TypedDict):
    """A picture that a person confirmed or corrected, as a row of a training manifest."""

    file: str
    source: str
    upstream: str
    licence: str
    licence_class: str
    group: str
    examined: str
    visible: str
    laterality: str
    view: str
    age_group: str
    notes: str


class AuditRow(EventRecord, DicomIdentity):
    """An event of the audit trail, and how other systems know its instance."""


COLUMNS, _OF_AUDIT = tuple(TrainingRow.__annotations__), tuple(AuditRow.__annotations__)


class Rows(Asked):
    """How many rows of a table, and how they are written."""

    format: Literal["json", "csv"] = Field("json", description="json or csv")
    limit: int = Field(
        _USUAL_ROWS,
        ge=1,
        le=_MOST_ROWS,
        description="the header BodyPart-Next tells where to go on",
    )


class TrainingRows(Rows):
    """Which rows of the training manifest."""

    after: str = Field("", max_length=100, description="BodyPart-Next of the page before")


class Events(Rows):
    """Which rows of the audit trail."""

    since: int = Field(0, ge=0, lt=2**63, description="number of the last event that is known")


@router.get(
    "/bodypart/instances/{id:orthanc_id}/dicom",
    summary="The file with corrected tags; the stored one stays untouched",
    **_DICOM,
)
def corrected(id: str, service: TheService) -> Response:
    """Answer the file with corrected tags."""
    service.wait_while_away([id])
    threshold = service.settings.write_threshold
    outcome, file = corrected_file(
        service.archive,
        service.decoders,
        service.index,
        id,
        threshold,
        annotation_of=service.annotation,
    )
    headers = {"BodyPart-Changed": ", ".join(outcome["changed"])}
    if outcome["refused"]:
        headers["BodyPart-Refused"] = _one_line(outcome["refused"])
    return Response(file, media_type="application/dicom", headers=headers)


@router.get(
    "/bodypart/instances/{id:orthanc_id}/sr",
    summary="The DICOM SR (TID 1500) of the result",
    **_DICOM,
)
def report(id: str, service: TheService) -> Response:
    """Answer the structured report on one instance."""
    study = service.archive.parents(id).study
    return _report(service, study, [id], f"instances {id}")


@router.get(
    "/bodypart/studies/{id:orthanc_id}/sr",
    summary="One DICOM SR (TID 1500) for the whole study",
    **_DICOM,
)
def report_on_study(id: str, service: TheService) -> Response:
    """Answer the structured report on a study."""
    return _report(service, id, service.archive.instances_of("studies", id), f"studies {id}")


@router.get(
    "/bodypart/studies/{id:orthanc_id}/fhir",
    summary="The FHIR R5 ImagingStudy with SNOMED CT body sites",
    response_class=Response,
    responses={200: {"content": {_FHIR: {"schema": {"type": "object"}}}}},
)
def fhir(id: str, service: TheService) -> Response:
    """Answer the FHIR ImagingStudy of a study."""
    annotations = _annotations(service, service.archive.instances_of("studies", id))
    found = imaging_study(service.archive, service.decoders, id, annotations)
    return JSONResponse(found, media_type=_FHIR)


@router.get(
    "/bodypart/manifest",
    summary="What people confirmed, as rows of a training manifest",
    response_class=Response,
    responses={200: {"model": list[TrainingRow], "content": _CSV}},
)
def manifest(query: Annotated[TrainingRows, Query()], service: TheService) -> Response:
    """Answer what people confirmed, as rows of a training manifest."""
    rows = training_rows(service.index, service.trail, service.archive_name, query.after)
    last = last_review(service.index, query.after, query.limit)
    return _table(query.format, "bodypart-manifest", COLUMNS, islice(rows, query.limit), last)


@router.get(
    "/bodypart/audit",
    summary="Who said what of which instance, and when",
    response_class=Response,
    responses={200: {"model": list[AuditRow], "content": _CSV}},
)
def audit(query: Annotated[Events, Query()], service: TheService) -> Response:
    """Answer the audit trail."""
    rows = islice(_events(service, query.since), query.limit)
    last = service.trail.number_of(query.since, query.limit)
    return _table(query.format, "bodypart-audit", _OF_AUDIT, rows, str(last) if last else None)


def _events(service: Service, since: int) -> Iterator[AuditRow]:
    while page := service.trail.events(since, _PAGE):
        ids = sorted({event["instance"] for event in page})
        found = dicom_identities(service.archive.client, ids)
        for event in page:
            yield {**event, **found[event["instance"]]}
        since = page[-1]["number"]


def _report(service: Service, study: str, ids: list[str], what: str) -> Response:
    annotations = _annotations(service, ids)
    if not any(annotations.values()):
        raise not_found(f"{what} has no annotation yet")
    try:
        found = study_report(service.archive, service.decoders, study, annotations, None)
    except RefusedError as error:
        raise HttpError(409, "Conflict", f"{what} gets no report: {error}") from None
    return Response(found, media_type="application/dicom")


def _annotations(service: Service, ids: list[str]) -> dict[str, AnnotationRecord | None]:
    """Return the annotations of instances whose files are to be read."""
    service.wait_while_away(ids)
    return {one: service.annotation(one) for one in ids}


def training_rows(
    index: Index, trail: AuditTrail, source: str, after: str = ""
) -> Iterator[TrainingRow]:
    """Give a row for each instance that a person confirmed or corrected, oldest review first.

    Patients appear under their Orthanc id, which is a hash of the PatientID; no text of a header
    and no comment is in a row.

    Parameters
    ----------
    index : Index
        The search index.
    trail : AuditTrail
        Knows what people said to be visible.
    source : str
        Name of this archive, so that training can hold out whole archives.
    after : str
        What `last_review` told of the rows before.
    """
    names = (
        "id", "patient", "examined", "laterality", "laterality_source", "machine_label",
        "reviewed_at",
    )  # fmt: skip
    question = sa.select(*(instances.c[name] for name in names)).limit(_PAGE)
    while page := index.database.rows(_reviewed(question, after)):
        for row in page:
            yield _training_row(row, _said_to_be_visible(trail.last(row.id)), source)
        after = f"{page[-1].reviewed_at} {page[-1].id}"


def _said_to_be_visible(last: LastEvent | None) -> tuple[str, ...]:
    try:
        review = last.review if last else None
    except DamagedEventError:
        return ()  # The audit lists it as damaged; the examined part is in the index as well.
    return (review.visible or ()) if review else ()


def last_review(index: Index, after: str, count: int) -> str | None:
    """Return the place of the last of so many reviewed instances, None if none follows it."""
    question = sa.select(instances.c.reviewed_at, instances.c.id).offset(count - 1).limit(2)
    rows = index.database.rows(_reviewed(question, after))
    return " ".join(rows[0]) if len(rows) > 1 else None


def _reviewed(question: sa.Select[Any], after: str) -> sa.Select[Any]:
    at, _, instance = after.partition(" ")
    place = sa.tuple_(instances.c.reviewed_at, instances.c.id)
    return question.where(instances.c.reviewed_at.is_not(None), place > (at, instance)).order_by(
        instances.c.reviewed_at, instances.c.id
    )


def _training_row(row: sa.Row[Any], said: Iterable[str], source: str) -> TrainingRow:
    # Only a person's word is certain; the machine's guesses teach nothing new.
    visible = dict.fromkeys([*([row.examined] if row.examined else ()), *said])
    machine = row.machine_label
    note = "confirmed" if row.examined == machine else f"corrected from {machine or 'nothing'}"
    return {
        "file": f"{row.id}.png",
        "source": source,
        "upstream": "",
        "licence": "own archive",
        "licence_class": _LICENCE_CLASS,
        "group": row.patient,
        "examined": row.examined or "",
        "visible": ";".join(visible),
        "laterality": row.laterality if row.laterality_source == "person" else "",
        "view": "",
        "age_group": "unknown",
        "notes": f"{note} {row.reviewed_at}",
    }


def _table(
    kind: str,
    name: str,
    columns: tuple[str, ...],
    rows: Iterable[Mapping[str, object]],
    last: str | None,
) -> Response:
    """Answer rows as JSON, or as CSV to be saved, a piece at a time, and where to go on."""
    headers = {"BodyPart-Next": last} if last else {}
    if kind == "json":
        return StreamingResponse(_as_json(rows), media_type="application/json", headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return StreamingResponse(
        as_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=headers
    )


def _as_json(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    separator = "["
    for row in rows:
        yield separator + json.dumps(row, ensure_ascii=False)
        separator = ",\n"
    yield "[]" if separator == "[" else "]"


def as_csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Give rows as CSV (RFC 4180) with a header line, every field in quotes.

    A text that a spreadsheet would take for a formula is given a leading apostrophe.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(row[name]) for name in columns})
        yield stream.getvalue()
        stream.seek(0)
        stream.truncate()
    yield stream.getvalue()


def _harmless(value: object) -> object:
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def _one_line(text: str) -> str:
    """Return a text as it may stand in a header of an answer (RFC 9110, 5.5)."""
    return "".join(sign if " " <= sign <= "~" else " " for sign in text)
