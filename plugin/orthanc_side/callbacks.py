"""Orthanc's callbacks: change events, routes, the Explorer's panel.

Uploads are heard of through the change event NEW_INSTANCE rather than OnStoredInstance. Both say
the same, but Orthanc runs OnStoredInstance inside the upload, which then waits for Python's
lock; ``tests/benchmarks/ingest.py`` measures what that costs. Each kind of callback exists once
an interpreter: a host script that owns the change events calls ours from its own, after
``register(on_change=False)``; ``on_stored_instance`` is there for one that has no change events.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orthanc

from bodypart.settings import SettingsError
from orthanc_side import archive
from orthanc_side.handlers import Handlers
from orthanc_side.http import Answer, HttpError, MethodNotAllowedError, Request
from orthanc_side.routes import PREFIX, answer
from orthanc_side.service import Service

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PANEL = Path(__file__).with_name("panel.js")


class Plugin:
    """The callbacks, around one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._handlers = Handlers(service)
        self._running = False
        self._not_running = "Orthanc is starting or stopping"

    def on_stored_instance(self, _dicom: Any, _instance: str) -> None:
        """Wake the queue; returns at once, because the change log holds the instance already."""
        if self._running:
            self._service.backlog.wake()

    def on_change(self, change: int, level: int, resource: str) -> None:
        """Start and stop with Orthanc; wake the queue; note what settled and what was deleted."""
        if change == orthanc.ChangeType.ORTHANC_STARTED:
            try:
                self._service.start()
            except Exception as error:
                self._not_running = f"cannot start: {type(error).__name__}: {error}"
                archive.log(self._not_running)
            else:
                self._running = True
        elif change == orthanc.ChangeType.NEW_INSTANCE and self._running:
            self._service.backlog.wake()
        elif change == orthanc.ChangeType.ORTHANC_STOPPED and self._running:
            self._running = False
            self._service.stop()
        elif change == orthanc.ChangeType.STABLE_SERIES and self._running:
            self._service.is_stable("series", resource)
        elif change == orthanc.ChangeType.STABLE_STUDY and self._running:
            self._service.is_stable("studies", resource)
        elif (
            change == orthanc.ChangeType.DELETED
            and level == orthanc.ResourceType.INSTANCE
            and self._running
        ):
            self._service.sinks.deleted(resource)

    def on_request(self, output: Any, uri: str, **request: Any) -> None:
        """Answer a request below ``/bodypart``."""
        try:
            if not self._running:
                raise HttpError(503, "Engine down", self._not_running)
            found = answer(
                self._handlers,
                Request(
                    request["method"],
                    uri,
                    # Orthanc decodes the path, but not the query.
                    {name: unquote(value) for name, value in request.get("get", {}).items()},
                    {name.lower(): value for name, value in request["headers"].items()},
                    request.get("body") or b"",
                ),
            )
            _send(output, found)
        except HttpError as error:
            _send_error(output, error)
        except Exception as error:
            archive.log(f"{uri}: unexpected {type(error).__name__}")
            details = f"unexpected {type(error).__name__}"
            _send_error(output, HttpError(500, "Internal error", details))


def _send(output: Any, answer: Answer) -> None:
    for name, value in answer.headers.items():
        output.SetHttpHeader(name, _CONTROL.sub("", value))
    output.AnswerBuffer(answer.body, answer.content_type)


def _send_error(output: Any, error: HttpError) -> None:
    if isinstance(error, MethodNotAllowedError):
        # Orthanc refuses a body of ours with this status; it writes Allow and nothing else.
        output.SendMethodNotAllowed(",".join(error.allowed))
        return
    body = json.dumps({"error": error.error, "details": error.details})
    output.SetHttpHeader("Content-Type", "application/json")
    try:
        output.SendHttpStatus(error.status, body)
    except TypeError:
        # orthanc-python before 4.2 wants the length as well.
        output.SendHttpStatus(error.status, body, len(body))


def register(*, on_change: bool = True) -> Plugin:
    """Register the callbacks with Orthanc and return them.

    Raises
    ------
    SettingsError
        If a setting is wrong; Orthanc then stops with this one line.
    """
    try:
        service = Service(archive.configuration())
    except SettingsError as error:
        # One line is what the operator needs; Orthanc would print the whole traceback.
        sys.tracebacklimit = 0
        raise SettingsError(f"bodypart cannot start: {error}") from None
    plugin = Plugin(service)
    if on_change:
        orthanc.RegisterOnChangeCallback(plugin.on_change)
    orthanc.RegisterRestCallback(f"{PREFIX}/.*", plugin.on_request)
    if service.settings.panel:
        orthanc.ExtendOrthancExplorer(_PANEL.read_text(encoding="utf-8"))
    return plugin
