"""The review page and what belongs to it: files of one folder."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import Response

from service.routes.requests import not_found
from service.routes.router import Router

router = Router()
_PAGES = Path(__file__).resolve().parents[1] / "pages"
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LONGEST_NAME = 100


@router.get(
    "/bodypart/ui/{file:path}",
    summary="The review page and what belongs to it",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
)
def page(file: str) -> Response:
    """Answer a file of the review page."""
    path = _PAGES / (file or "index.html")
    if len(file) > _LONGEST_NAME or "\0" in file or not path.resolve().is_relative_to(_PAGES):
        raise not_found("there is no such page")
    if not path.is_file():
        raise not_found(f"there is no page {file}")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(path.read_bytes(), media_type=kind, headers=_HEADERS)


@router.get("/bodypart/ui", include_in_schema=False)
def page_itself() -> Response:
    """Answer the page: Orthanc drops the slash at the end of its address."""
    return page("")


@router.get(
    "/bodypart/review.js",
    summary="Leads from /bodypart/ui, without the slash at the end, to the review page",
    response_class=Response,
    responses={200: {"content": {"text/javascript": {}}}},
)
def page_without_slash() -> Response:
    """Answer the script that adds the slash missing after ``/bodypart/ui``."""
    return page("slash.js")
