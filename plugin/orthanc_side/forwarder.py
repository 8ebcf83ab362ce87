"""A request from Orthanc to the service, and its answer back; never more than a few at once.

To answer, the service needs Orthanc's HTTP threads itself, so forwarded requests must never hold
all of them: a share stays free, a few more requests may wait for a moment, the rest get 503.

HTTP is spoken by hand: ``http.client`` takes 2 MB of Orthanc's memory, half of it for TLS.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

_MOST_AT_ONCE, _SHARE = 40, 0.75  # The share is of Orthanc's HTTP threads.
_LONGEST_WAIT, _LONGEST_ANSWER = 0.3, 600.0
"""Seconds that a request may wait for its turn, and then for its answer."""
_SOON = {"Retry-After": "1"}
_FORWARDED = {
    *("authorization", "content-type", "if-match", "origin", "referer", "accept-language"),
    *("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "content-disposition"),
}
_OF_ORTHANC = "content-type", "content-length", "connection", "date", "server", "transfer-encoding"
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

    def forward(self, path: str, request: Mapping[str, Any]) -> Answer:
        """Have the service answer a request: its path decoded by Orthanc, the rest as it comes."""
        address, reason = self._where()
        if address is None:
            return _without_service(request["method"], path, reason)
        target = f"{quote(path)}?{urlencode(request.get('get') or {}, safe=self._safe)}"
        body = request.get("body") or b""
        head = _head(request["method"], target, request["headers"], len(body))
        if not self._enter():
            return Answer.error(503, "Busy", "too many requests of /bodypart at once", **_SOON)
        try:
            return _answer(_exchanged(address, head, body))
        except (OSError, ValueError) as error:
            # The service died on the way; what it was asked may or may not be done.
            why = "it ended" if isinstance(error, ValueError) else type(error).__name__
            return Answer.error(503, "Engine down", f"the service did not answer: {why}", **_SOON)
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


def _head(method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    """Return a request up to its body; after its answer the connection ends (RFC 9112, 9.6)."""
    kept = {name: value for name, value in headers.items() if name.lower() in _FORWARDED}
    kept |= {"Host": "service", "Connection": "close", "Content-Length": str(length)}
    if any("\r" in value or "\n" in value for value in kept.values()):
        raise ValueError("a header of several lines")  # The next may be another header.
    lines = f"{method} {target} HTTP/1.1", *map(": ".join, kept.items()), "\r\n"
    return "\r\n".join(lines).encode()


def _exchanged(address: str, *request: bytes) -> bytearray:
    received = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_LONGEST_ANSWER)
        connection.connect(address.encode())  # Where LANG is C, Python takes ASCII alone.
        # What is refused is answered before all of it is read: the rest finds nobody.
        with suppress(ConnectionError):
            for part in request:
                connection.sendall(part)
        with suppress(ConnectionError):
            while piece := connection.recv(2**16):
                received += piece
    return received


def _answer(received: bytearray) -> Answer:
    """Read an answer of HTTP/1.1; ValueError if it was cut short."""
    end = received.index(b"\r\n\r\n")
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
    pieces = [memoryview(received)[end + 4 :]]
    if headers.get("transfer-encoding") == "chunked":
        pieces = list(_chunks(received, end + 2))
    elif len(pieces[0]) != int(headers.get("content-length", len(pieces[0]))):
        raise ValueError("the answer is not as long as it says")
    kind = headers.get("content-type", "application/octet-stream")
    further = {k: v for k, v in headers.items() if k not in _OF_ORTHANC}
    return Answer(int(first[9:12]), kind, further, b"".join(pieces))


def _chunks(received: bytearray, end: int) -> Iterator[memoryview]:
    """Yield the chunks of a body, up to the empty one that ends it (RFC 9112, 7.1)."""
    while True:
        start = received.index(b"\r\n", end + 2) + 2
        if not (size := int(received[end + 2 : start], 16)):
            return
        end = start + size
        yield memoryview(received)[start:end]


def _without_service(method: str, path: str, reason: str) -> Answer:
    """Answer what can be answered without a service: that there is none, and why."""
    if method == "GET" and path == "/bodypart/status":
        told: dict[str, Any] = dict.fromkeys(("version", "orthanc", "model", "provider"))
        told |= {"ready": False, "reason": reason, "queue": {"pending": 0, "failed": 0, "done": 0}}
        return Answer(200, "application/json", {}, json.dumps(told).encode())
    return Answer.error(503, "Engine down", reason, **_SOON)
