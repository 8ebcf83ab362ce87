"""Frames between a decoder and the process that asks it: a number, a JSON header, a payload.

The asking process does not trust what it reads: it checks both lengths before it reads on, and the
depth of the JSON before it parses it; the number tells which question an answer belongs to. Uses
the standard library only, as the other side needs nothing else.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Protocol

from bodypart import shallow_json

ON_THE_SHELF = "shelf"
"""Key of a question whose picture lies in `decoder.shelf`: its number of bytes."""
OUT_OF_MEMORY = 70
"""Exit status of a decoder that needed more than it may have."""
LONGEST_HEADER = 64 * 2**20
LONGEST_PAYLOAD = 2**36
"""Bytes that a question may have. An answer may have fewer."""

_HEAD = struct.Struct(">QIQ")
_PIECE = 2**26
"""Bytes read at a time: enough for most files, as joining pieces costs ten times as much. No more
memory is allocated in advance, whatever length a frame claims."""


class Readable(Protocol):
    """Where frames come from: an `io.BufferedReader`, which returns a whole piece at once."""

    def read(self, count: int, /) -> bytes | None:
        """Return up to ``count`` bytes, none at the end."""


class Writable(Protocol):
    """Where frames go; a raw pipe may take less than it is given."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Write bytes and return how many were taken."""

    def flush(self) -> None:
        """Send what is still buffered."""


class WireError(Exception):
    """The other side closed the pipe, or sent something that is not a frame."""


class ClosedError(WireError):
    """The other side closed the pipe."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One question or answer.

    Attributes
    ----------
    header : dict
        A JSON object.
    payload : bytes
        Usually a DICOM file.
    number : int
        64 bits chosen by the asking side; an answer has its question's number.
    """

    header: dict[str, Any]
    payload: bytes = b""
    number: int = 0


def write_frame(stream: Writable, frame: Frame) -> None:
    """Write a number and two big-endian lengths (8, 4 and 8 bytes), the JSON, the payload."""
    text = json.dumps(frame.header, ensure_ascii=False).encode()
    _whole(stream, _HEAD.pack(frame.number, len(text), len(frame.payload)) + text)
    _whole(stream, frame.payload)
    stream.flush()


def read_frame(
    stream: Readable,
    *,
    longest_header: int = LONGEST_HEADER,
    longest_payload: int = LONGEST_PAYLOAD,
) -> Frame:
    """Read one frame.

    Parameters
    ----------
    stream : Readable
        The pipe.
    longest_header, longest_payload : int
        Bytes; a frame that announces more is not read.

    Raises
    ------
    WireError
        If the stream ends (a `ClosedError`), a length is too large, or the header is not a JSON
        object or is nested too deeply.
    """
    number, header_length, payload_length = _HEAD.unpack(_exactly(stream, _HEAD.size))
    if header_length > longest_header or payload_length > longest_payload:
        raise WireError("a frame announces an absurd length")
    try:
        header = shallow_json.parse(_exactly(stream, header_length).decode())
    except ValueError:
        raise WireError("the header of a frame is not JSON, or nested too deeply") from None
    if not isinstance(header, dict):
        raise WireError("the header of a frame is no object")
    return Frame(header, _exactly(stream, payload_length), number)


def _exactly(stream: Readable, count: int) -> bytes:
    pieces = []
    while count:
        piece = stream.read(min(count, _PIECE))
        if not piece:
            raise ClosedError("the pipe is closed")
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _whole(stream: Writable, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]
