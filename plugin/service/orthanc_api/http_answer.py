"""Reads an HTTP answer from a connection (RFC 9112).

`http.client` parses headers with the e-mail parser, which takes ten times as long as this module,
and half of the total cost of a small request. Errors are those of `http.client`.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import socket

_LONGEST_LINE, _MOST_FIELDS = 65_536, 100
_FIRST_FINAL = 200
_WITHOUT_BODY = frozenset({204, 304})
_NOTHING = (b"\r\n", b"\n")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A server's answer.

    Attributes
    ----------
    status : int
        Status code.
    content : bytes
        The body.
    last : bool
        Whether the connection cannot be used again.
    """

    status: int
    content: bytes
    last: bool


def read_answer(connection: socket.socket) -> HttpAnswer:
    """Read the answer to a request that was sent, which must not be HEAD, as that has no body.

    Raises
    ------
    http.client.HTTPException, OSError
        If no whole answer comes.
    """
    with connection.makefile("rb") as stream:
        status = 0
        while status < _FIRST_FINAL:
            status, persistent = _status(stream)
            fields = _fields(stream)
        said = fields.get("connection", "").lower()
        last = "close" in said or not (persistent or "keep-alive" in said)
        if status in _WITHOUT_BODY:
            return HttpAnswer(status, b"", last)
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return HttpAnswer(status, _chunks(stream), last)
        if "content-length" in fields:
            return HttpAnswer(status, _exactly(stream, _number(fields["content-length"], 10)), last)
        return HttpAnswer(status, stream.read(), last=True)


def _status(stream: IO[bytes]) -> tuple[int, bool]:
    """Return the status, and whether this HTTP version keeps connections by default."""
    line = stream.readline(_LONGEST_LINE)
    if not line:
        raise http.client.RemoteDisconnected("")
    version, _, rest = line.decode("latin-1").partition(" ")
    number = rest[:3]
    if not version.startswith("HTTP/1.") or not (number.isascii() and number.isdecimal()):
        raise http.client.BadStatusLine("")
    return int(number), version != "HTTP/1.0"


def _fields(stream: IO[bytes]) -> dict[str, str]:
    """Return the header fields by name in lower case; fields of the same name are joined."""
    fields: dict[str, str] = {}
    for _ in range(_MOST_FIELDS + 1):
        line = stream.readline(_LONGEST_LINE)
        if line in _NOTHING:
            return fields
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        if line[:1] in (b" ", b"\t"):
            continue  # The continuation of a folded field: none that is needed here is so long.
        name, _, value = (part.strip() for part in line.decode("latin-1").partition(":"))
        if fields.setdefault(name.lower(), value) != value:
            fields[name.lower()] += f", {value}"
    raise http.client.HTTPException("a header of too many fields")


def _chunks(stream: IO[bytes]) -> bytes:
    pieces = []
    while size := _number(stream.readline(_LONGEST_LINE).decode("latin-1").partition(";")[0], 16):
        pieces.append(_exactly(stream, size))
        if stream.readline(_LONGEST_LINE) not in _NOTHING:
            raise http.client.HTTPException("a chunk is longer than it says")
    _fields(stream)
    return b"".join(pieces)


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        raise http.client.HTTPException("a length is no number") from None
    if number < 0:
        raise http.client.HTTPException("a length is negative")
    return number


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise http.client.IncompleteRead(b"")
    return content
