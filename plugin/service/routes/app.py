"""The application: routers put together, errors in one shape, what every request must pass."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, NoMatchFound

from bodypart import __version__
from bodypart.record import AnnotationRecord
from service.decoders.pool import DecoderDiedError, EngineDownError, RefusedError
from service.errors import (
    ArchiveError,
    ConflictError,
    DamagedError,
    DamagedEventError,
    LostFileError,
    NotFoundError,
    RecordError,
    ServiceError,
    StaleError,
    UnannotatedError,
)
from service.routes.annotations import router as annotation_router
from service.routes.backfill import router as backfill
from service.routes.deliveries import router as deliveries
from service.routes.exports import router as exports
from service.routes.guard import Guard
from service.routes.memory import router as memory
from service.routes.models import ErrorAnswer
from service.routes.openapi import as_it_is
from service.routes.pages import router as pages
from service.routes.pictures import router as pictures
from service.routes.requests import HttpError, etag
from service.routes.reviews import router as reviews
from service.routes.search import router as search
from service.routes.sheet import router as sheet
from service.routes.statistics import router as statistics
from service.routes.status import router as status
from service.routes.worklist import router as worklist

if TYPE_CHECKING:
    from service.main import Service

_ERRORS = {
    400: "Bad request: names the field",
    403: "Forbidden: a change that another site's page asks for",
    404: "Not found",
    409: "Conflict: the state of the resource does not allow it",
    412: "Precondition failed: the annotation was changed since; the present one is the answer",
    413: "Too large",
    503: "The engine is down, or too much is asked at once: Retry-After tells when to try again",
}
_OTHER_ANSWERS = {412: AnnotationRecord}
_RETRY = {"Retry-After": "1"}
_NO_JSON = "the body is not valid JSON"


ROUTERS = (
    status,
    search,
    backfill,
    worklist,
    memory,
    sheet,
    statistics,
    reviews,
    exports,
    deliveries,
    pictures,
    annotation_router,
    pages,
)
"""The first that fits is taken: fixed paths go before those with parameters."""


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, corrected where FastAPI assumes or overlooks something."""
        if self.openapi_schema is None:
            self.openapi_schema = as_it_is(super().openapi())
        return self.openapi_schema


def build(service: Service) -> FastAPI:
    """Return the application that answers for a service."""
    app = _Application(
        title="orthanc-bodypart",
        version=__version__,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={
            code: {"model": _OTHER_ANSWERS.get(code, ErrorAnswer), "description": text}
            for code, text in _ERRORS.items()
        },
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(Guard, max_upload=service.settings.max_upload_mb, log=service.log)
    _handle_errors(app)
    return app


def complete(app: FastAPI) -> None:
    """Make what FastAPI would make of each router when it is first asked for a path of it.

    That takes half a second, in which nobody else is answered.
    """
    with suppress(NoMatchFound):
        app.url_path_for("")  # No route has that name: all are looked at.


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(StaleError)
    def stale(_: Request, error: StaleError) -> Response:
        return JSONResponse(error.present, 412, headers=etag(error.present))

    @app.exception_handler(ServiceError)
    def service_error(request: Request, error: ServiceError) -> Response:
        if isinstance(error, DamagedError):
            request.app.state.service.damaged(error)
        if isinstance(error, UnannotatedError | LostFileError):
            return _error(404, "Not found", str(error))
        if isinstance(error, NotFoundError):
            return _error(404, "Not found", _missing(request, error))
        if isinstance(error, ConflictError):
            return _error(409, "Conflict", str(error))
        if isinstance(error, ArchiveError):
            return _error(503, "Orthanc is busy", str(error), _RETRY)
        if isinstance(error, RecordError):
            return _error(503, "Records are not writable", str(error), _RETRY)
        if isinstance(error, DamagedEventError):
            return _error(500, "Damaged record", str(error))
        return _error(500, "Internal error", type(error).__name__)

    @app.exception_handler(EngineDownError)
    @app.exception_handler(DecoderDiedError)
    def engine_down(_: Request, error: Exception) -> Response:
        return _error(503, "Engine down", str(error), _RETRY)

    @app.exception_handler(RefusedError)
    def refused(_: Request, error: RefusedError) -> Response:
        if error.kind == "DecoderError":
            return _error(500, "Internal error", f"the decoder: {error}")
        return _error(400, "Bad request", str(error))

    @app.exception_handler(HttpError)
    def http_error(_: Request, error: HttpError) -> Response:
        return _error(error.status, error.error, error.details, error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        return _error(400, "Bad request", "; ".join(map(_complaint, error.errors())))

    @app.exception_handler(HTTPException)
    def by_starlette(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return _error(404, "Not found", f"there is no route {_shown(request)}")
        if error.status_code == 405:
            allowed = ",".join(sorted(_methods(request)))
            return _error(405, "Method not allowed", f"allowed: {allowed}", {"Allow": allowed})
        # FastAPI's own error for a body that is no JSON text says less.
        details = _NO_JSON if error.status_code == 400 else str(error.detail)
        return _error(error.status_code, "Bad request", details)


def _error(
    status: int, error: str, details: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(ErrorAnswer(error=error, details=details), status, headers=headers)


def _complaint(error: Any) -> str:
    """Return one line on what is wrong with a field; never the value that was sent."""
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    if error["type"] == "extra_forbidden":
        return f"{place} is not a field of this request"
    if error["type"] == "missing":
        return f"{place or 'the body'} is missing"
    if error["type"] == "json_invalid":
        return _NO_JSON
    if error["type"] in ("model_type", "model_attributes_type"):
        return f"{place or 'the body'} must be a JSON object"
    text = error["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else text


def _missing(request: Request, error: NotFoundError) -> str:
    """Name what was not found: what the address says, else the id in the body."""
    path = request.path_params
    return f"Orthanc has no {path.get('level', 'instances')} {path.get('id', error)}".strip()


def _shown(request: Request) -> str:
    return request.url.path[:80]


def _methods(request: Request) -> set[str]:
    """Return the methods that a path takes, on whichever routes."""
    found: set[str] = set()
    for route in (route for router in ROUTERS for route in router.routes):
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found
