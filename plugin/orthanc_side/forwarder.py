"""A request from Orthanc to the service, and its answer back; never more than a few at once.

To answer, the service needs Orthanc's HTTP threads itself, so forwarded requests must never hold
all of them: a share stays free, a few more requests may wait for a moment, the rest get 503.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

_MOST_AT_ONCE = 40
_SHARE = 0.75  # Of Orthanc's HTTP threads.
_LONGEST_WAIT, _LONGEST_ANSWER = 0.3, 600.0
"""Seconds that a request may wait for its turn, and then for its answer."""
_FORWARDED = frozenset(
    (
        *("authorization", "content-type", "if-match", "origin", "referer", "accept-language"),
        *("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"),
    )
)
_KEPT_BY_ORTHANC = frozenset(
    ("content-type", "content-length", "connection", "date", "server", "transfer-encoding")
)
_Where = Callable[[], tuple[str | None, str]]


class Answer(NamedTuple):
    """What the client gets: status, content type, further headers, body."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def error(cls, status: int, error: str, details: str, **headers: str) -> Answer:
        """Return the one shape of an error."""
        body = json.dumps({"error": error, "details": details}).encode()
        return cls(status, "application/json", headers, body)


class Forwarder:
    """Passes requests on over a Unix socket.

    Parameters
    ----------
    where : callable
        Gives the socket's path, or None while there is no service, and why.
    http_threads : int
        Orthanc's ``HttpThreadsCount``.
    decoded : bool
        Whether Orthanc hands queries over decoded.
    """

    def __init__(self, where: _Where, http_threads: int, *, decoded: bool = False) -> None:
        # What is still encoded stays so.
        self._where, self._safe = where, "" if decoded else "%+"
        at_once = max(1, min(_MOST_AT_ONCE, int(http_threads * _SHARE)))
        self._slots = threading.BoundedSemaphore(at_once)
        self._waiting = threading.BoundedSemaphore(max(1, (http_threads - at_once) // 2))
        self._idle: deque[_Connection] = deque()

    def forward(self, path: str, request: Mapping[str, Any]) -> Answer:
        """Have the service answer a request: its path decoded by Orthanc, the rest as it comes."""
        address, reason = self._where()
        method = request["method"]
        if address is None:
            return _without_service(method, path, reason)
        if not self._enter():
            details = "too many requests of /bodypart at once"
            return Answer.error(503, "Busy", details, **{"Retry-After": "1"})
        try:
            target = quote(path)
            if query := request.get("get"):
                target += "?" + urlencode(query, safe=self._safe)
            kept = {k: v for k, v in request["headers"].items() if k.lower() in _FORWARDED}
            return self._ask(address, method, target, kept, request.get("body") or b"")
        except (OSError, http.client.HTTPException) as error:
            # The service died on the way; what it was asked may or may not be done.
            details = f"the service did not answer: {type(error).__name__}"
            return Answer.error(503, "Engine down", details, **{"Retry-After": "1"})
        finally:
            self._slots.release()

    def _enter(self) -> bool:
        if self._slots.acquire(blocking=False):
            return True
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._slots.acquire(timeout=_LONGEST_WAIT)
        finally:
            self._waiting.release()

    def _ask(
        self, address: str, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        connection = self._connection(address)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        further = {k: v for k, v in response.getheaders() if k.lower() not in _KEPT_BY_ORTHANC}
        kind = response.getheader("Content-Type") or "application/octet-stream"
        return Answer(response.status, kind, further, content)

    def _connection(self, address: str) -> _Connection:
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.address == address and connection.is_open():
                    return connection
                connection.close()  # Of a service that is no more, or that closed it.
        return _Connection(address)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, address: str) -> None:
        super().__init__("service", timeout=_LONGEST_ANSWER)
        self.address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_LONGEST_ANSWER)
        self.sock.connect(self.address.encode())  # Where LANG is C, Python takes ASCII alone.

    def is_open(self) -> bool:
        """Tell whether nothing can be read: neither its end, nor bytes that nobody asked for."""
        poll = select.poll()
        if self.sock is not None:
            poll.register(self.sock, select.POLLIN)
        return self.sock is not None and not poll.poll(0)


def _without_service(method: str, path: str, reason: str) -> Answer:
    """Answer what can be answered without a service: that there is none, and why."""
    if method == "GET" and path == "/bodypart/status":
        told: dict[str, Any] = dict.fromkeys(("version", "orthanc", "model", "provider"))
        told |= {"ready": False, "reason": reason, "queue": {"pending": 0, "failed": 0, "done": 0}}
        return Answer(200, "application/json", {}, json.dumps(told).encode())
    return Answer.error(503, "Engine down", reason, **{"Retry-After": "1"})
