"""Where the file meta information ends, and which transfer syntax it names (PS3.10 section 7.1).

Its group length is sometimes missing or wrong, and some writers copy group 0002 into the data set,
where it has no meaning. So elements of group 0002 are skipped one by one, whatever their encoding,
and the first Transfer Syntax UID counts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PREFIX_AT = 128
"""Bytes of preamble before the prefix ``DICM``."""

LONG_FORM = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""Value representations with a 32-bit length (PS3.5 table 7.1-1)."""

DEFLATED = frozenset(
    {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)
"""Deflated explicit little endian, and the two JPIP syntaxes that deflate (PS3.5 annex A)."""

_GROUP = b"\x02\x00"
_LONGEST = 2**20
"""Bytes; elements after this offset do not count, so that very many of them take no time."""
_COMMAND_SET = b"\0\0\0\0\x04\0\0\0"
"""Group length that begins a command set (PS3.7 section 6.3), which some programs also store."""

_ZEROS = bytes(8)
_GROUP_LENGTH, _TRANSFER_SYNTAX = 0x0000, 0x0010


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the file meta information says.

    Attributes
    ----------
    transfer_syntax : str
        Transfer Syntax UID; empty if there is none.
    end : int
        Where the data set begins.
    """

    transfer_syntax: str
    end: int


def read_file_meta(source: bytes | memoryview) -> FileMeta:
    """Skip the preamble and all elements of group 0002 before the data set.

    Zeros after them, and the command set of a network message that was saved with the data set, are
    skipped, too.

    Parameters
    ----------
    source : bytes or memoryview
        A DICOM file, with or without its preamble.
    """
    position = PREFIX_AT + 4 if has_prefix(source) else 0
    syntax, stated_end = "", -1
    last = min(len(source) - 8, _LONGEST)
    while source[position : position + 2] == _GROUP and position <= last:
        if position == stated_end and syntax in DEFLATED:
            break  # compressed bytes may begin like an element
        element = struct.unpack_from("<H", source, position + 2)[0]
        value_at, length = _value(source, position)
        value = bytes(source[value_at : value_at + length])
        if element == _GROUP_LENGTH and length == 4 == len(value):
            stated_end = value_at + 4 + struct.unpack("<I", value)[0]
        elif element == _TRANSFER_SYNTAX:
            syntax = syntax or value.decode("ascii", "replace").strip("\0 ")
        position = value_at + length
    while source[position : position + 8] == _ZEROS and position <= last:
        position += 8
    if source[position : position + 8] == _COMMAND_SET and position + 12 <= len(source):
        position += 12 + int(struct.unpack_from("<I", source, position + 8)[0])
    return FileMeta(syntax, min(position, len(source)))


def has_prefix(source: bytes | memoryview) -> bool:
    """Tell whether a file begins with preamble and prefix."""
    return source[PREFIX_AT : PREFIX_AT + 4] == b"DICM"


def is_vr(letters: bytes | memoryview) -> bool:
    """Tell whether two bytes can be a value representation: the length of a short value cannot."""
    return len(letters) == 2 and all(0x41 <= letter <= 0x5A for letter in letters)


def _value(source: bytes | memoryview, position: int) -> tuple[int, int]:
    """Return where an element's value begins and its length; explicit VR, else implicit."""
    vr = bytes(source[position + 4 : position + 6])
    if vr in LONG_FORM and position + 12 <= len(source):
        return position + 12, struct.unpack_from("<I", source, position + 8)[0]
    if is_vr(vr):
        return position + 8, struct.unpack_from("<H", source, position + 6)[0]
    return position + 8, struct.unpack_from("<I", source, position + 4)[0]
