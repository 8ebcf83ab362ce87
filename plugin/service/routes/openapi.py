"""The OpenAPI document, put right where FastAPI cannot know better."""

from __future__ import annotations

from typing import Any

from service.orthanc_api.archive import LEVELS
from service.routes.requests import ORTHANC_ID

_PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": f"^{ORTHANC_ID}$"},
    "level": {"type": "string", "enum": list(LEVELS)},
}
"""What the routes' convertors take; they are regular expressions that no document shows."""
_ASSUMED = "422"
"""FastAPI's status for a wrong request; ours is 400, in the shape of all errors."""
_JSON, _AS_TEXT = "application/json", "text/plain"
_TEXT = {"schema": {"type": "string", "description": "JSON as well; Orthanc 1.12.7 calls it text"}}
"""The media type with which Orthanc sends the body of an error, from that version on."""
_ASSUMED_SCHEMAS = ("HTTPValidationError", "ValidationError")


def as_it_is(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document with the answers and path parameters that there really are."""
    for operation in (one for path in document["paths"].values() for one in path.values()):
        operation["responses"].pop(_ASSUMED, None)
        for status, answer in operation["responses"].items():
            if status >= "400" and _JSON in answer.get("content", {}):
                answer["content"][_AS_TEXT] = _TEXT
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] in _PATH_PARAMETERS:
                parameter["schema"] |= _PATH_PARAMETERS[parameter["name"]]
    for name in _ASSUMED_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    return document
