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
"""What FastAPI answers to a wrong request; ours is 400, in the shape of all errors."""
_ASSUMED_SCHEMAS = ("HTTPValidationError", "ValidationError")


def as_it_is(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document with the answers and path parameters that there really are."""
    for operation in (one for path in document["paths"].values() for one in path.values()):
        operation["responses"].pop(_ASSUMED, None)
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] in _PATH_PARAMETERS:
                parameter["schema"] |= _PATH_PARAMETERS[parameter["name"]]
    for name in _ASSUMED_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    return document
