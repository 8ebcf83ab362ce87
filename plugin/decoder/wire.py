"""Frames between a decoder and the process that asks it: numbered, a JSON header, a payload.

The asking process does not trust what it reads: it bounds both lengths before anything is taken
from the pipe, counts the depth of the JSON before it is parsed, and knows by the number which
question an answer belongs to. Standard library only, as the other side needs nothing else.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Protocol

from bodypart import shallow_json

ON_THE_SHELF = "shelf"
"""Key of a question whose picture lies in `decoder.shelf`: bytes of it."""
OUT_OF_MEMORY = 70
"""Exit status of a decoder that needed more than it may have."""
LONGEST_HEADER = 64 * 2**20
LONGEST_PAYLOAD = 2**36
"""Bytes; what a question may have. An answer is held to less."""

_HEAD = struct.Struct(">QIQ")
_PIECE = 2**26
"""Bytes read at a time, most files at once: pieces that are joined cost ten times as much. No more
than these are taken from memory in advance, whatever length a frame claims."""


class Readable(Protocol):
    """Where frames come from: `io.BufferedReader`, which fills one piece of memory by itself."""

    def read(self, count: int, /) -> bytes | None:
        """Return up to so many bytes, none at the end."""


class Writable(Protocol):
    """Where frames go; a raw pipe may take less than it is given."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Take bytes and return how many."""

    def flush(self) -> None:
        """Send what is still held back."""


class WireError(Exception):
    """The other side closed the pipe or sent something that is no frame."""


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
        64 bits chosen by the asking side; the answer repeats those of its question.
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
        If the stream ends (a `ClosedError`), a length is too large, or the header is no JSON
        object, or one that is nested too deeply.
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
