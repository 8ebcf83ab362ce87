"""Every answer of the REST API held against the OpenAPI document, with no field beyond it.

The document does not forbid more fields than it names, since later versions may have some; this one
must not. `tests/integration/conftest.py` has each answer of its Orthancs looked at.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import requests

JSON = "application/json"
_REFERENCE = "#/components/schemas/"


class Document:
    """An OpenAPI document, asked what it says of answers.

    Parameters
    ----------
    told : dict
        As parsed from JSON.

    Attributes
    ----------
    operations : dict
        By method and path; fixed paths come before those with parameters.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self._schemas = told["components"]["schemas"]
        found = {
            f"{method.upper()} {path}": operation
            for path, methods in told["paths"].items()
            for method, operation in methods.items()
        }
        self.operations = dict(sorted(found.items(), key=lambda one: one[0].count("{")))
        self._patterns = {
            name: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name)))
            for name in self.operations
        }
        self._validators: dict[tuple[str, int], Any] = {}

    def operation(self, method: str, path: str) -> str | None:
        """Return the operation that a request is for, None if there is no such route."""
        request = f"{method} {path}"
        return next((name for name, one in self._patterns.items() if one.fullmatch(request)), None)

    def schema(self, operation: str, status: int) -> dict[str, Any] | None:
        """Return the schema of an operation's answers in JSON, None if it has none."""
        answer = self.operations[operation]["responses"].get(str(status), {})
        return answer.get("content", {}).get(JSON, {}).get("schema")

    def wrong_in(self, content: Any, operation: str, status: int) -> list[str]:
        """Return what in an answer is not as the document says."""
        # Only who looks at answers needs it.
        import jsonschema_rs

        schema = self.schema(operation, status)
        if schema is None:
            return ["there is no JSON in the document"]
        key = operation, status
        if key not in self._validators:
            whole = {**schema, "components": {"schemas": self._schemas}}
            self._validators[key] = jsonschema_rs.Draft202012Validator(closed(whole))
        return [
            f"{'.'.join(map(str, error.instance_path))}: {error.message}"
            for error in self._validators[key].iter_errors(content)
        ]

    def open_places(self, operation: str) -> set[str]:
        """Return where in an operation's good answers in JSON the document allows anything."""
        schema = self.schema(operation, 200)
        return set() if schema is None else set(self._open("answer", schema, set()))

    def _open(self, place: str, schema: dict[str, Any], met: set[str]) -> Iterator[str]:
        name = schema.get("$ref", "").removeprefix(_REFERENCE)
        choices = schema.get("anyOf", ())
        if name:
            if name not in met:
                met.add(name)
                yield from self._open(name, self._schemas[name], met)
        elif choices:
            for choice in choices:
                yield from self._open(place, choice, met)
        elif schema.get("type") == "object":
            fields = schema.get("properties", {})
            others = schema.get("additionalProperties", not fields)
            if others is True:
                yield place
            elif others:
                yield from self._open(place, others, met)
            for field, inner in fields.items():
                yield from self._open(f"{place}.{field}", inner, met)
        elif schema.get("type") == "array":
            yield from self._open(place, schema.get("items", {}), met)
        elif not schema.keys() & {"type", "enum", "const"}:
            yield place


@functools.cache
def document() -> Document:
    """Return the document that this checkout's service has."""
    # Here, for others who use an Orthanc of the tests and have no FastAPI.
    from service.routes.app import build

    service = SimpleNamespace(settings=SimpleNamespace(max_upload_mb=1), log=print)
    return Document(build(service).openapi())


def closed(schema: Any) -> Any:
    """Return a schema by which no object has a field that is not declared."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return copy.copy(schema)
    found = {name: closed(one) for name, one in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def check(answer: requests.Response, *_: Any, **__: Any) -> None:
    """Fail if an answer in JSON is not what the document says; a hook for `requests`."""
    path = re.sub(r"^https?://[^/]+", "", str(answer.request.url)).partition("?")[0]
    kind = answer.headers.get("content-type", "").partition(";")[0]
    operation = document().operation(str(answer.request.method), path)
    if operation is None or kind != JSON or not answer.content:
        return
    if answer.status_code >= 400 and not document().schema(operation, answer.status_code):
        return  # Orthanc's own (401, 405), or what no route means to answer (500).
    wrong = document().wrong_in(answer.json(), operation, answer.status_code)
    assert not wrong, f"{operation} {answer.status_code}: {wrong[:5]}"
