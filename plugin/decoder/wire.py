"""Frames between Orthanc's process and a worker: a JSON header and a binary payload."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">IQ")
_LONGEST_HEADER = 64 * 2**20
_LONGEST_PAYLOAD = 2**36


class WireError(Exception):
    """The other side closed the pipe or sent something that is no frame."""


def write_frame(
    stream: BinaryIO, header: dict[str, Any], payload: bytes | memoryview = b""
) -> None:
    """Write one frame: two big-endian lengths (4 and 8 bytes), the JSON, the payload."""
    text = json.dumps(header, ensure_ascii=False).encode()
    stream.write(_LENGTHS.pack(len(text), len(payload)))
    stream.write(text)
    if payload:
        stream.write(payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Read one frame.

    Raises
    ------
    WireError
        If the stream ends or the lengths are absurd.
    """
    header_length, payload_length = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    if header_length > _LONGEST_HEADER or payload_length > _LONGEST_PAYLOAD:
        raise WireError("a frame announces an absurd length")
    header = json.loads(_exactly(stream, header_length))
    return header, _exactly(stream, payload_length)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if data is None or len(data) != count:
        raise WireError("the pipe is closed")
    return data
