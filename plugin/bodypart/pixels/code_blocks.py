"""Counts the code-blocks and precincts of a JPEG 2000 codestream before a decoder allocates them.

A codestream of a thousand bytes may divide its picture into millions of them, all empty. OpenJPEG
and OpenJPH allocate hundreds of bytes for each, and take minutes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from bodypart.pixels.errors import PictureError

MOST_PIECES = 1_000_000
"""Most code-blocks and precincts; a hundred million pixels have 30,000 of the usual size."""

_CODING_STYLE, _OF_COMPONENT, _TILE_PART, _DATA, _END = 0x52, 0x53, 0x90, 0x93, 0xD9
_WITH_LENGTH = frozenset(range(0x50, 0x80)) | {_TILE_PART}
"""Second bytes of the markers that a header may have (ITU-T T.800 table A.1, T.801, T.814)."""

_MANY_COMPONENTS = 257
_DEEPEST = 32
_WHOLE = 15


@dataclass(frozen=True, slots=True)
class CodingStyle:
    """What a COD or COC segment says (ITU-T T.800 A.6.1 and A.6.2); sizes are exponents of 2.

    Attributes
    ----------
    levels : int
        Wavelet decompositions.
    block : tuple of int
        Width and height of a code-block.
    precincts : tuple of tuple of int
        Width and height of a precinct, for each resolution, the lowest first.
    """

    levels: int
    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]

    def pieces(self, width: int, height: int) -> int:
        """Return how many code-blocks and precincts a tile-component of that size has, about."""
        total = 0
        for resolution, precinct in enumerate(self.precincts):
            shrunk = self.levels - resolution
            sides = [-(-side >> shrunk) for side in (width, height)]
            # Above the lowest resolution there are three bands of half its size.
            half = min(resolution, 1)
            blocks, precincts = 3**half, 1
            for side, block, part in zip(sides, self.block, precinct, strict=True):
                precincts *= -(-side >> part)
                blocks *= -(-side >> half + min(block, max(part - half, 0)))
            total += blocks + precincts
        return total


def coding_styles(code: bytes, position: int, components: int) -> Iterator[CodingStyle]:
    """Yield the coding styles of a codestream: of its main header, then of its tile-parts.

    Parameters
    ----------
    code : bytes
        The codestream.
    position : int
        Where the segments after SIZ begin.
    components : int
        Number of components.

    Raises
    ------
    PictureError
        If there is a marker that no standard defines for a header.
    """
    following = len(code)
    while position + 4 <= len(code) and code[position + 1] != _END:
        marker = code[position + 1]
        if code[position] != 0xFF or not (marker in _WITH_LENGTH or marker == _DATA):
            raise PictureError("its JPEG 2000 codestream has impossible markers")
        if marker == _DATA:
            position = following
            continue
        length = struct.unpack_from(">H", code, position + 2)[0]
        segment = code[position + 4 : position + 2 + length]
        if marker == _TILE_PART:
            if len(segment) < 6:
                return
            tile_part = struct.unpack_from(">I", segment, 2)[0]
            # The last one's length may be 0 (open); no tile-part is shorter than its own header.
            following = position + tile_part if tile_part > length else len(code)
        elif marker == _CODING_STYLE and len(segment) >= 10:
            yield _style(segment[0], segment[5:])
        elif marker == _OF_COMPONENT:
            name = 1 if components < _MANY_COMPONENTS else 2
            if len(segment) >= name + 6:
                yield _style(segment[name], segment[name + 1 :])
        position += 2 + length


def _style(flags: int, told: bytes) -> CodingStyle:
    levels = min(told[0], _DEEPEST)
    sizes = [(size & 15, size >> 4) for size in told[5 : 6 + levels] if flags & 1]
    sizes += [(_WHOLE, _WHOLE)] * (levels + 1 - len(sizes))
    return CodingStyle(levels, ((told[1] & 15) + 2, (told[2] & 15) + 2), tuple(sizes))
