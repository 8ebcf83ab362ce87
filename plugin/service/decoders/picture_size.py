"""The size that a picture states, read from its first bytes without decoding it.

A few kilobytes can decompress to gigabytes, in the browser of whoever looks at them.
"""

from __future__ import annotations

import re
import struct

JPEG, PNG, PGM = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"P5\n"
_HEADER = b"IHDR"
_PGM = re.compile(rb"P5\n(\d{1,5}) (\d{1,5})\n65535\n")
_FRAMES = frozenset(
    (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
)
"""Markers of a start of frame (ITU-T T.81, table B.1)."""


def size_of(picture: bytes) -> tuple[int, int] | None:
    """Return columns and rows of a JPEG, PNG or 16-bit PGM; None if it does not tell."""
    if picture.startswith(PNG) and picture[12:16] == _HEADER and len(picture) >= 24:
        columns, rows = struct.unpack_from(">II", picture, 16)
        return columns, rows
    if found := _PGM.match(picture):
        return int(found[1]), int(found[2])
    return _of_jpeg(picture) if picture.startswith(JPEG) else None


def _of_jpeg(picture: bytes) -> tuple[int, int] | None:
    """Step over marker segments, each with its length, to the one that has the size."""
    at = 2
    while at + 9 <= len(picture) and picture[at] == 0xFF:
        if picture[at + 1] in _FRAMES:
            rows, columns = struct.unpack_from(">HH", picture, at + 5)
            return columns, rows
        at += 2 + int(struct.unpack_from(">H", picture, at + 2)[0])
    return None
