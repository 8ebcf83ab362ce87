"""What the routes share: the service, the signed-in user, errors, revisions."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.convertors import Convertor, register_url_convertor

from bodypart.labels import UnknownLabelError, labels_named
from service.orthanc_api.archive import LEVELS
from service.users import user_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bodypart.record import AnnotationRecord
    from service.main import Service

T = TypeVar("T")
ORTHANC_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}"
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"|([^\s,"]+)')
"""In quotes; also without, as scripts send what they found under ``revision``."""


class _Level(Convertor[str]):
    regex = "|".join(LEVELS)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _OrthancId(_Level):
    regex = ORTHANC_ID


register_url_convertor("level", _Level())
register_url_convertor("orthanc_id", _OrthancId())


class HttpError(Exception):
    """An answer that is not 200: ``{"error": ..., "details": ...}``."""

    def __init__(
        self, status: int, error: str, details: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(details)
        self.status = status
        self.error = error
        self.details = details
        self.headers = headers


def bad_request(details: str) -> HttpError:
    """Return a 400 that names the field."""
    return HttpError(400, "Bad request", details)


def not_found(details: str) -> HttpError:
    """Return a 404."""
    return HttpError(404, "Not found", details)


_costly = threading.BoundedSemaphore(1)
_LONGEST_WAIT = 5.0
"""Seconds that a costly request waits for the one before it."""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let only one request at a time look at all pictures.

    Raises
    ------
    HttpError
        503 where others go on for too long.
    """
    if not _costly.acquire(timeout=_LONGEST_WAIT):
        raise HttpError(503, "Busy", "too many requests of this kind at once", {"Retry-After": "5"})
    try:
        yield
    finally:
        _costly.release()


def _service(request: Request) -> Any:
    return request.app.state.service


def _user(request: Request) -> str:
    return user_of(request.headers.get("authorization", ""), _service(request).users)


def _seen_revisions(request: Request) -> frozenset[str] | None:
    """Return the revisions that the client accepts, None if any will do (RFC 9110, 13.1.1).

    A weak tag counts as well: a proxy that compresses an answer makes the tag in it one.
    """
    text = request.headers.get("if-match", "").strip()
    if not text or text == "*":
        return None
    return frozenset(quoted or plain for quoted, plain in _ENTITY_TAG.findall(text))


if TYPE_CHECKING:
    TheService = Annotated[Service, Depends(_service)]
else:
    TheService = Annotated[Any, Depends(_service)]
User = Annotated[str, Depends(_user)]
SeenRevisions = Annotated[frozenset[str] | None, Depends(_seen_revisions)]


def etag(annotation: AnnotationRecord) -> dict[str, str]:
    """Return the header that carries an annotation's revision."""
    revision = annotation.get("revision")
    return {"ETag": f'"{revision}"'} if revision else {}


def page_of(rows: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """Return a page of rows, of which one more was asked for, and its last if others follow."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None


def labels_of(name: str, text: object) -> tuple[str, ...]:
    """Return the labels that a label, a SNOMED CT code or a region stands for.

    Raises
    ------
    HttpError
        400 that names the field.
    """
    try:
        return labels_named(str(text))
    except UnknownLabelError:
        raise bad_request(f"{name} is no label, SNOMED CT code or region") from None
