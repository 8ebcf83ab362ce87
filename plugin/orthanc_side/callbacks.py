"""What Orthanc calls: an instance was stored, something changed, a request came.

Nothing here waits for the service or for Orthanc, except a forwarded request for its answer.
Orthanc takes one function for each callback: a host script calls ours (docs/configuration.md).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orthanc

from orthanc_side.forwarder import Answer, Forwarder
from orthanc_side.service_process import ConfigurationError, ServiceProcess

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PANEL = Path(__file__).with_name("panel.js")
_OF_0_1 = {"cursor": 5100, "installed": 5101, "backfill": 5102}
"""Where version 0.1 kept its state in Orthanc's database."""
_FIRST_TO_DECODE, _FIRST_TO_TYPE_ERRORS = (1, 13, 0), (1, 12, 7)
"""The first Orthancs that pass queries on decoded, and set the Content-Type of an error."""
_LEAKS = ("4.0", (3, 11))
"""The orthanc-python and the Python of Debian 12. Others count references in other ways."""
_LEAKED = ("body", "headers", "get", "ip")
"""What that plugin leaks of each request: it never releases its own reference."""
_release = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("Py_DecRef", ctypes.pythonapi))
_REGISTERED: list[Any] = []
"""Kept: orthanc-python 5 releases a method that only it holds without the lock, and crashes."""


class Plugin:
    """The callbacks, around one service; `configuration` is Orthanc's whole."""

    def __init__(self, process: ServiceProcess, configuration: Mapping[str, Any]) -> None:
        self._process = process
        self._configuration = configuration
        self._forwarder = Forwarder(
            lambda: (process.socket, process.down_reason),
            int(configuration.get("HttpThreadsCount", 50)),
            decoded=bool(orthanc.CheckVersionAdvanced(*_FIRST_TO_DECODE)),
        )
        self._types_errors = orthanc.CheckVersionAdvanced(*_FIRST_TO_TYPE_ERRORS)
        self._hooked = self._filters = self._leaks = False
        self._unstable: dict[str, None] = {}  # In the order in which they become stable.
        of = orthanc.ChangeType
        self._at_rest = (of.DELETED, of.STABLE_SERIES, of.STABLE_STUDY, of.STABLE_PATIENT)

    def on_stored_instance(self, dicom: Any, instance: str) -> None:
        """Tell the service of an instance that was stored, and return."""
        try:
            # `exists` catches exceptions, for which amid a STOW Debian's Orthanc has no stack left.
            if os.access(rewrite := self._process.rescued / f"{instance}.json", os.F_OK):
                _keep_if_foreign(dicom.GetInstanceData(), rewrite)
        finally:  # Also where the folder, which may be a network's, fails.
            self._process.tell("stored", instance)

    def on_change(self, change: int, level: int, resource: str) -> None:
        """Start and end the service with Orthanc; queue what was deleted."""
        if change in (*self._at_rest, orthanc.ChangeType.NEW_CHILD_INSTANCE):
            self._unstable.pop(resource, None)
        if change == orthanc.ChangeType.ORTHANC_STARTED:
            version = json.loads(orthanc.RestApiGet("/plugins/python")).get("Version")
            self._leaks = (version, sys.version_info[:2]) == _LEAKS
            self._process.start(self._orthanc())
        elif change == orthanc.ChangeType.ORTHANC_STOPPED:
            self._process.stop()
            # orthanc-python 7.1 crashes at changes from here on (docs/limits.md): none gets stable.
            for unstable in tuple(self._unstable)[:5_000]:
                with suppress(Exception):
                    orthanc.SetStableStatus(unstable, orthanc.StableStatus.UNSTABLE)
        elif change == orthanc.ChangeType.NEW_CHILD_INSTANCE:
            self._unstable[resource] = None
        elif change == orthanc.ChangeType.DELETED and level == orthanc.ResourceType.INSTANCE:
            self._process.tell("deleted", resource)
        elif change == orthanc.ChangeType.NEW_INSTANCE and not self._hooked:
            # A host script need not have a store callback.
            self._process.tell("stored", resource)

    def on_incoming(self, uri: str, **request: Any) -> bool:
        """Delay a deletion for the milliseconds of a rewrite; refuse forms."""
        if self._leaks and self._filters:  # What a host script holds of a request is not known.
            _release_leaked(request)
        if request["method"] == orthanc.HttpMethod.DELETE or uri == "/tools/bulk-delete":
            self._process.hold_deletion()
        # Orthanc hands on each part of a form with the headers that its sender wrote into it.
        kind = request["headers"].get("content-type", "").strip().lower()
        return not (kind.startswith("multipart/form-data") and "bodypart" in uri)

    def on_request(self, output: Any, uri: str, **request: Any) -> None:
        """Forward a request below ``/bodypart``."""
        if self._leaks:
            _release_leaked(request)
        try:
            answer = self._forwarder.forward(uri, request)
        except Exception as error:
            details = f"unexpected {type(error).__name__}"
            orthanc.LogWarning(f"bodypart: a request failed: {details}")
            answer = Answer.error(500, "Internal error", details)
        self._send(output, answer)

    def register(self, *, on_change: bool, on_incoming: bool) -> None:
        """Register the callbacks with Orthanc."""
        self._hooked, self._filters = on_change, on_incoming
        hooks = [self.on_stored_instance, self.on_change, self.on_request, self.on_incoming]
        _REGISTERED.extend(hooks)
        section = self._configuration.get("BodyPart") or {}
        if on_change:
            orthanc.RegisterOnStoredInstanceCallback(hooks[0])
            orthanc.RegisterOnChangeCallback(hooks[1])
        orthanc.RegisterRestCallback("/bodypart(?:/.*)?", hooks[2])
        if on_incoming and section.get("Tags") == "in-place":
            orthanc.RegisterIncomingHttpRequestFilter(hooks[3])
        if section.get("Panel", True):
            orthanc.ExtendOrthancExplorer(_PANEL.read_text(encoding="utf-8"))

    def _orthanc(self) -> dict[str, Any]:
        scheme = "https" if self._configuration.get("SslEnabled") else "http"
        return {
            "url": f"{scheme}://127.0.0.1:{self._configuration.get('HttpPort', 8042)}",
            "token": orthanc.GenerateRestApiAuthorizationToken(),
            "last_change": json.loads(orthanc.RestApiGet("/changes?last"))["Last"],
            "started_at": time.strftime("%Y%m%dT%H%M%S", time.gmtime()),
            "properties": {k: str(orthanc.GetGlobalProperty(n, "")) for k, n in _OF_0_1.items()},
        }

    def _send(self, output: Any, answer: Answer) -> None:
        for name, value in answer.headers.items():
            if name.lower() != "allow":
                output.SetHttpHeader(name, _CONTROL.sub("", value))
        if answer.status == 200:
            output.AnswerBuffer(answer.body, answer.content_type)
        elif answer.status == 405:
            # Orthanc refuses a body of ours with this status; it writes Allow and nothing else.
            output.SendMethodNotAllowed(answer.headers.get("allow", ""))
        else:
            if not self._types_errors:
                output.SetHttpHeader("Content-Type", answer.content_type)
            text = answer.body.decode(errors="replace")
            try:
                output.SendHttpStatus(answer.status, text)
            except TypeError:
                # orthanc-python before 4.2 wants the length in bytes as well.
                output.SendHttpStatus(answer.status, text, len(text.encode()))


def register(*, on_change: bool = True, on_incoming: bool = True) -> Plugin:
    """Register the callbacks with Orthanc and return them.

    Parameters
    ----------
    on_change, on_incoming : bool
        False where a host script owns the callbacks of stores and changes, or a request filter.

    Raises
    ------
    ConfigurationError
        If a setting is wrong; Orthanc then stops with this one line.
    """
    configuration = json.loads(orthanc.GetConfiguration())
    path = Path(orthanc.GetConfigurationPath())
    folder = path if path.is_dir() else path.parent
    # In a full /var/tmp SQLite cannot overwrite, and Orthanc 1.10 then loses the file that it had.
    index = configuration.get("StorageDirectory", "OrthancStorage")
    index = folder / os.fsdecode(str(configuration.get("IndexDirectory", index)).encode())
    os.environ.setdefault("SQLITE_TMPDIR", str(index))
    process = ServiceProcess(configuration, str(folder), _report)
    try:
        process.check()
    except ConfigurationError as error:
        # One line is what the operator needs; Orthanc would print the whole traceback.
        sys.tracebacklimit = 0
        raise ConfigurationError(f"bodypart cannot start: {error}") from None
    plugin = Plugin(process, configuration)
    plugin.register(on_change=on_change, on_incoming=on_incoming)
    return plugin


def _release_leaked(request: dict[str, Any]) -> None:
    """Release references that Orthanc's plugin leaks, or all bodies stay in its memory."""
    for name in _LEAKED:
        # Four references are known: the dictionary's, the caller's, ours, getrefcount's.
        if name in request and sys.getrefcount(request[name]) == 5:
            _release(request[name])


def _keep_if_foreign(data: bytes, rewrite: Path) -> None:
    """Keep a file beside the note of a rewrite, unless it is the one that the rewrite makes."""
    import hashlib  # Half a megabyte, which an Orthanc whose files stay as they are need not hold.

    with suppress(FileNotFoundError):  # The rewrite has just ended.
        ours = json.loads(rewrite.read_bytes())
        digest = hashlib.md5(data[: ours["beginning"]], usedforsecurity=False).hexdigest()
        if (len(data), digest) != (ours["length"], ours["md5"]):
            partial = rewrite.with_suffix(".part")
            partial.write_bytes(data)
            partial.replace(rewrite.with_suffix(".dcm"))


def _report(message: Mapping[str, Any]) -> None:
    """Pass on what the service says: for the log, the audit log (from 1.12.9), Prometheus."""
    if "log" in message:
        orthanc.LogWarning(f"bodypart: {message['log']}")
    if "audit" in message and hasattr(orthanc, "EmitAuditLog"):
        orthanc.EmitAuditLog(*message["audit"], b"")
    for name, value in message.get("metrics", {}).items():
        orthanc.SetMetricsValue(name, float(value), orthanc.MetricsType.DEFAULT)
