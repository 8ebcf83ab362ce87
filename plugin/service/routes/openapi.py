"""The OpenAPI 3.1 document, made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

from bodypart import __version__
from bodypart.annotation import Agreement, Source
from bodypart.evidence import SIDES
from bodypart.labels import BY_LABEL, ROUTER_GROUPS
from orthanc_side.archive import LEVELS

if TYPE_CHECKING:
    from orthanc_side.routes import Route

_STRING: dict[str, Any] = {"type": "string"}
_CODE = {
    "type": "object",
    "required": ["value", "scheme", "meaning"],
    "properties": {"value": _STRING, "scheme": {"const": "SCT"}, "meaning": _STRING},
}
_ANNOTATION = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "instance": {"type": ["string", "null"]},
        "status": {"enum": ["done", "pending", "failed", "skipped"]},
        "reason": {"type": ["string", "null"]},
        "examined": {
            "type": ["object", "null"],
            "properties": {
                "label": {"enum": list(BY_LABEL)},
                "code": {"$ref": "#/components/schemas/Code"},
                "body_part_examined": _STRING,
                "probability": {"type": "number", "minimum": 0, "maximum": 1},
                "source": {"enum": list(get_args(Source))},
            },
        },
        "visible": {"type": "array", "items": {"type": "object"}},
        "laterality": {"type": "object"},
        "group": {"enum": [*ROUTER_GROUPS, None]},
        "image": {"type": ["object", "null"]},
        "header": {"type": ["object", "null"]},
        "agreement": {"enum": list(get_args(Agreement))},
        "needs_review": {"type": "boolean"},
        "review": {"type": ["object", "null"]},
        "model": {"type": ["object", "null"]},
        "annotated_at": {"type": ["string", "null"]},
    },
}
_ERROR = {
    "type": "object",
    "required": ["error", "details"],
    "properties": {"error": _STRING, "details": _STRING},
}
_STATUSES = {
    "400": "Bad request: names the field",
    "403": "Forbidden: a change that another site's page asks for",
    "404": "Not found",
    "409": "Conflict: the state of the resource does not allow it",
    "413": "Too large",
    "503": "The engine is down",
}
_BY_ORTHANC = {
    "401": {"description": "Orthanc's own: user or password is wrong"},
    "405": {"description": "Orthanc's own, with Allow and without a body"},
}
_LABEL_OR_CODE = {"type": "string", "description": "a label or its SNOMED CT code"}
_LABELS_OR_CODES = {"type": "array", "items": _LABEL_OR_CODE}
_BOOLEAN = {"type": "boolean"}
_CORRECTION = {
    "examined": {**_LABEL_OR_CODE, "type": ["string", "null"]},
    "visible": _LABELS_OR_CODES,
    "laterality": {"enum": [*SIDES, None]},
    "comment": _STRING,
}
_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/bodypart/find"): {
        "Level": {"enum": ["Instance", "Series", "Study", "Patient"]},
        "Examined": {**_LABEL_OR_CODE, "description": "a label, its SNOMED CT code, or a region"},
        "Visible": _LABELS_OR_CODES,
        "Group": {"enum": list(ROUTER_GROUPS)},
        "Evidence": {"enum": ["final", "image", "header", "any", "both"]},
        "NeedsReview": _BOOLEAN,
        "Since": {"type": "integer", "minimum": 0},
        "Limit": {"type": "integer", "minimum": 1},
    },
    ("PUT", "/bodypart/instances/{id}"): _CORRECTION,
    ("POST", "/bodypart/{level}/{id}"): {"Asynchronous": _BOOLEAN},
    ("POST", "/bodypart/reviews"): {
        "instances": {"type": "array", "items": _STRING},
        **_CORRECTION,
    },
    ("POST", "/bodypart/backfill"): {},
}
"""The fields of the JSON bodies; no other is taken."""


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document that describes the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "orthanc-bodypart",
            "version": __version__,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "paths": paths,
        "components": {"schemas": {"Code": _CODE, "Annotation": _ANNOTATION, "Error": _ERROR}},
    }


def _operation(route: Route) -> dict[str, Any]:
    name = re.sub(r"[^a-z]+", "_", f"{route.method}{route.path}".lower()).strip("_")
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    schema: dict[str, Any] = {}
    if route.produces == "application/json":
        annotated = "{level}" in route.path or route.method == "PUT" or "classify" in route.path
        schema = {"$ref": "#/components/schemas/Annotation"} if annotated else {}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": route.summary,
        "parameters": [*_path_parameters(route.path), *_query_parameters(route)],
        "responses": {
            "200": {"description": "OK", "content": {route.produces: {"schema": schema}}},
            **{
                status: {"description": text, "content": error}
                for status, text in _STATUSES.items()
            },
            **_BY_ORTHANC,
        },
    }
    if route.body:
        operation["requestBody"] = {"content": {route.body: {"schema": _body(route)}}}
    return operation


def _body(route: Route) -> dict[str, Any]:
    fields = _BODIES.get((route.method, route.path))
    if fields is None:
        return {}
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schemas = {"level": {"enum": list(LEVELS)}, "id": _STRING, "file": _STRING}
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas[name]}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": meaning, "schema": _STRING}
        for name, meaning in route.query
    ]
