"""What every request passes before it is read: where it comes from, how long it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from service.lasting import kind_and_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_JSON = 1_000_000
"""Bytes; longer JSON bodies are refused."""
_FILES = ("/bodypart/classify", "/bodypart/routes/test")
"""Routes whose body may be a DICOM file."""
_ANY_SITE_MAY_SEND = frozenset(
    ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
)
_OTHER_SITES = frozenset(("cross-site", "same-site"))


class Guard:
    """Refuses requests of other sites, and those that are too long, before anything reads them.

    Parameters
    ----------
    app : ASGI application
        What is behind it.
    max_upload : int
        Longest DICOM file, in MB.
    log : callable
        Takes a line without patient data.
    """

    def __init__(self, app: ASGIApp, max_upload: int, log: Callable[[str], None]) -> None:
        self._app = app
        self._max_upload = max_upload
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        takes_file = scope["path"] in _FILES
        if scope["method"] not in ("GET", "HEAD") and is_cross_site(headers):
            await _refuse(send, 403, "Forbidden", "a change must come from this site's own pages")
            return
        limit = self._max_upload * 2**20 if takes_file else MAX_JSON
        if int(headers.get("content-length") or 0) > limit:
            details = (
                f"the body exceeds {self._max_upload} MB (MaxUploadMB)"
                if takes_file
                else f"the body exceeds {limit} bytes"
            )
            await _refuse(send, 413, "Too large", details)
            return
        if not takes_file:
            # Scripts send JSON with whatever Content-Type their tool sets.
            MutableHeaders(scope=scope)["content-type"] = "application/json"
        await self._answered(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an error that nobody foresaw is an answer, too, in the one shape."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            self._log(f"a request failed: unexpected {kind_and_place(error)}")
            if started:
                raise
            await _refuse(send, 500, "Internal error", f"unexpected {type(error).__name__}")


def is_cross_site(headers: Headers) -> bool:
    """Tell whether another site's page may have had the user's browser ask for a change.

    Orthanc leaves the protection against cross-site request forgery to the integrator. Every
    current browser says in ``Sec-Fetch-Site`` where a request comes from, but over plain HTTP to
    localhost only. Elsewhere what a browser sends must have a content type that another site's
    page cannot use without Orthanc's consent (Fetch standard, CORS-safelisted content types).
    The method itself protects nothing: Orthanc takes ``GET …?_method=DELETE``, which any page can
    fetch, hide in a picture's address, or have a user follow as a link, for a DELETE.
    """
    if headers.get("content-disposition", "").lower().startswith("form-data"):
        return True  # Of a form Orthanc hands on the parts, without the headers of the request.
    site = headers.get("sec-fetch-site")
    if site in _OTHER_SITES:
        return True
    # A request of a page's script has an empty destination; one of a link, image, object or style
    # has not.
    if headers.get("sec-fetch-mode") == "navigate" or headers.get("sec-fetch-dest") not in (
        None,
        "",
        "empty",
    ):
        return True
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    forgeable = site in (None, "none") and content_type in _ANY_SITE_MAY_SEND
    return forgeable and _sent_by_browser(headers)


def _sent_by_browser(headers: Headers) -> bool:
    # Some scripts pretend to be a browser in User-Agent (PowerShell does), but send none of these.
    return any(name in headers for name in ("origin", "referer", "accept-language"))


async def _refuse(send: Send, status: int, error: str, details: str) -> None:
    body = json.dumps({"error": error, "details": details}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
