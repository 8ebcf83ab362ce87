"""Requests and answers of the plugin's routes, apart from what Orthanc calls them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bodypart import shallow_json

MAX_JSON = 1_000_000
"""Bytes; longer JSON bodies are refused."""


_ANY_SITE_MAY_SEND = {
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
}


class HttpError(Exception):
    """An answer that is not 200: ``{"error": ..., "details": ...}``."""

    def __init__(self, status: int, error: str, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.error = error
        self.details = details


class MethodNotAllowedError(HttpError):
    """A 405 with the methods that the path takes."""

    def __init__(self, path: str, allowed: Iterable[str]) -> None:
        self.allowed = sorted(allowed)
        super().__init__(405, "Method not allowed", f"{path} takes {', '.join(self.allowed)}")


def bad_request(details: str) -> HttpError:
    """Return a 400 that names the field."""
    return HttpError(400, "Bad request", details)


def not_found(details: str) -> HttpError:
    """Return a 404."""
    return HttpError(404, "Not found", details)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty body is an empty object.

        Raises
        ------
        HttpError
            400 if it is no JSON object, 413 if it is too long.
        """
        if len(self.body) > MAX_JSON:
            raise HttpError(413, "Too large", f"the body exceeds {MAX_JSON} bytes")
        try:
            parsed = shallow_json.parse(self.body.decode() or "{}")
        except ValueError:
            raise bad_request("the body is not valid JSON") from None
        if not isinstance(parsed, dict):
            raise bad_request("the body must be a JSON object")
        return parsed

    @property
    def user(self) -> str:
        """The user of Basic authentication.

        Orthanc has checked it where its own authentication is on; else a proxy may have, or
        nobody.
        """
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            with suppress(ValueError):
                return base64.b64decode(token).decode().partition(":")[0] or "anonymous"
        return "anonymous"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object) -> Answer:
        """Return a JSON answer."""
        return cls(json.dumps(value, ensure_ascii=False, indent=1).encode())


def refuse_cross_site(request: Request) -> None:
    """Refuse a change that another site's page asks the user's browser for.

    Orthanc leaves the protection against cross-site request forgery to the integrator. Every
    current browser says in ``Sec-Fetch-Site`` where a request comes from, but over plain HTTP to
    localhost only. Elsewhere what a browser sends must have a content type that another site's
    page cannot use without Orthanc's consent (Fetch standard, CORS-safelisted content types).
    The method itself protects nothing: Orthanc takes ``GET …?_method=DELETE``, which any page
    can fetch or hide in a picture's address, for a DELETE.

    Raises
    ------
    HttpError
        403 for a state change from another site.
    """
    if request.method == "GET":
        return
    site = request.headers.get("sec-fetch-site")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    forgeable = site is None and content_type in _ANY_SITE_MAY_SEND
    if site in {"cross-site", "same-site"} or (forgeable and _sent_by_browser(request)):
        raise HttpError(403, "Forbidden", "a change must come from this site's own pages")


def _sent_by_browser(request: Request) -> bool:
    # Scripts pretend to be one in User-Agent (PowerShell does), but send none of these.
    return any(name in request.headers for name in ("origin", "referer", "accept-language"))
