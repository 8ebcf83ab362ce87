"""The OpenAPI 3.1 document, made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

from bodypart import __version__
from bodypart.annotation import Agreement, Source
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
        "instance": _STRING,
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
    "403": "Forbidden",
    "404": "Not found",
    "405": "Method not allowed",
    "413": "Too large",
    "503": "The engine is down",
}


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
        },
    }
    if route.body:
        operation["requestBody"] = {"content": {route.body: {"schema": {}}}}
    return operation


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
