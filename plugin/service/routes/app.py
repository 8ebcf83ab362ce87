"""The routes below ``/bodypart``: one table, which the OpenAPI document reads as well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orthanc_side.archive import ArchiveError, NotFoundError
from orthanc_side.engine import EngineDownError, RefusedError, WorkerDiedError
from orthanc_side.handlers import Handlers
from orthanc_side.http import (
    Answer,
    HttpError,
    MethodNotAllowedError,
    Request,
    bad_request,
    not_found,
    refuse_cross_site,
)
from orthanc_side.loopback import StoreError
from orthanc_side.worklist import FILTERS, ORTHANC_ID, PAGING

PREFIX = "/bodypart"
_LEVEL = "(?P<level>instances|series|studies|patients)"
_ID = f"(?P<id>{ORTHANC_ID})"

Handler = Callable[[Handlers, Request, Mapping[str, str]], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path.

    Attributes
    ----------
    method, path : str
        HTTP method and the path as the contract writes it, with ``{level}`` and ``{id}``.
    summary : str
        What it does, for the OpenAPI document.
    handler : callable
        A method of ``Handlers``.
    body : str or None
        Content type of the request's body.
    produces : str
        Content type of the answer.
    query : tuple of (str, str)
        Query parameters with what they mean.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    body: str | None = None
    produces: str = "application/json"
    query: tuple[tuple[str, str], ...] = ()

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        text = self.path.replace("{level}", _LEVEL).replace("{id}", _ID)
        # Orthanc drops a slash at the end: the page itself arrives as /bodypart/ui.
        return re.compile(text.replace("/{file}", "(?:/(?P<file>[A-Za-z0-9._/-]*))?"))


_JSON = "application/json"
_TABLE_FORMAT = (("format", "json (the default) or csv"),)
ROUTES: tuple[Route, ...] = (
    Route("GET", "/bodypart/status", "Version, model, provider, queue, readiness", Handlers.status),
    Route("GET", "/bodypart/labels", "The 36 labels with their codes", Handlers.labels),
    Route("GET", "/bodypart/openapi.json", "This document", Handlers.openapi),
    Route("POST", "/bodypart/find", "Ids with annotations by body part", Handlers.find, body=_JSON),
    Route(
        "POST",
        "/bodypart/classify",
        "The annotation of the DICOM file in the body; nothing is stored",
        Handlers.classify_file,
        body="application/dicom",
    ),
    Route(
        "POST", "/bodypart/backfill", "Annotate what has no annotation", Handlers.backfill, _JSON
    ),
    Route("GET", "/bodypart/backfill", "Progress of the back-fill", Handlers.backfill_progress),
    Route("DELETE", "/bodypart/backfill", "Cancel the back-fill", Handlers.backfill_cancel),
    Route(
        "GET",
        "/bodypart/instances/{id}/heatmap",
        "Where the model looked, drawn over the picture",
        Handlers.heatmap,
        produces="image/png",
        query=(
            ("label", "the label to explain; the model's first choice if it is missing"),
            ("over", "picture (the default), or nothing for a transparent layer"),
        ),
    ),
    Route(
        "GET",
        "/bodypart/instances/{id}/picture",
        "The picture's grey values, 16 bits, bright where dense, at most 1600 pixels a side",
        Handlers.picture,
        produces="image/x-portable-graymap",
    ),
    Route(
        "GET",
        "/bodypart/worklist",
        "What a person should look at, conflicts first",
        Handlers.worklist,
        query=FILTERS + PAGING,
    ),
    Route(
        "POST",
        "/bodypart/reviews",
        "Confirm several instances (instances: ids), or correct them all alike",
        Handlers.review_many,
        body=_JSON,
    ),
    Route("GET", "/bodypart/statistics", "Counts, confusion, calibration", Handlers.statistics),
    Route(
        "GET",
        "/bodypart/manifest",
        "What people confirmed, as rows of a training manifest",
        Handlers.manifest,
        query=_TABLE_FORMAT,
    ),
    Route(
        "GET",
        "/bodypart/audit",
        "Who said what of which instance, and when",
        Handlers.audit,
        query=_TABLE_FORMAT,
    ),
    Route(
        "GET",
        "/bodypart/instances/{id}/dicom",
        "The file with corrected tags; the stored one stays untouched",
        Handlers.corrected,
        produces="application/dicom",
    ),
    Route(
        "GET",
        "/bodypart/instances/{id}/sr",
        "The DICOM SR (TID 1500) of the result",
        Handlers.report,
        produces="application/dicom",
    ),
    Route(
        "GET",
        "/bodypart/studies/{id}/sr",
        "One DICOM SR (TID 1500) for the whole study",
        Handlers.study_report,
        produces="application/dicom",
    ),
    Route(
        "GET",
        "/bodypart/studies/{id}/fhir",
        "The FHIR R5 ImagingStudy with SNOMED CT body sites",
        Handlers.fhir,
    ),
    Route("PUT", "/bodypart/instances/{id}", "A person's correction", Handlers.correct, body=_JSON),
    Route("GET", "/bodypart/{level}/{id}", "The annotation, or the roll-up", Handlers.read),
    Route("POST", "/bodypart/{level}/{id}", "Classify now, again", Handlers.classify, body=_JSON),
    Route(
        "DELETE",
        "/bodypart/{level}/{id}",
        "Forget the annotation; tags written in place are undone, as with ?tags=true",
        Handlers.forget,
    ),
    Route(
        "GET",
        "/bodypart/ui/{file}",
        "The review page and what belongs to it",
        Handlers.page,
        produces="text/html",
    ),
    Route(
        "GET",
        "/bodypart/review.js",
        "Leads from /bodypart/ui, without the slash at the end, to the review page",
        Handlers.page_without_slash,
        produces="text/javascript",
    ),
)
_COMPILED = tuple((route, route.pattern) for route in ROUTES)


def answer(handlers: Handlers, request: Request) -> Answer:
    """Answer a request.

    Raises
    ------
    HttpError
        With the status of the contract for everything that goes wrong.
    """
    allowed = set()
    for route, pattern in _COMPILED:
        match = pattern.fullmatch(request.path)
        if match and route.method == request.method:
            refuse_cross_site(request)
            return _guarded(route.handler, handlers, request, match.groupdict())
        if match:
            allowed.add(route.method)
    if allowed:
        raise MethodNotAllowedError(request.path, allowed)
    raise not_found(f"there is no route {request.path}")


def _guarded(
    handler: Handler, handlers: Handlers, request: Request, path: Mapping[str, str]
) -> Answer:
    try:
        return handler(handlers, request, path)
    except NotFoundError:
        raise not_found(
            f"Orthanc has no {path.get('level', 'instances')} {path.get('id')}"
        ) from None
    except EngineDownError as error:
        raise HttpError(503, "Engine down", str(error)) from None
    except WorkerDiedError as error:
        raise HttpError(503, "Engine down", f"{error} on this request") from None
    except (StoreError, ArchiveError) as error:
        raise HttpError(503, "Orthanc is busy", str(error)) from None
    except RefusedError as error:
        raise bad_request(str(error)) from None
