"""What a codestream's own header says, read before any native decoder gets it.

A decoder allocates as much memory as that header asks for. It is therefore first compared with
Rows, Columns and Samples per Pixel, which are limited.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from bodypart.pixels.code_blocks import MOST_PIECES, coding_styles
from bodypart.pixels.errors import FrameSizeError, PictureError
from bodypart.pixels.layout import Layout

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""SOF0-SOF15 (ITU-T T.81 table B.1) and SOF55 of JPEG-LS (ITU-T T.87)."""

Coding = Literal["rle", "jpeg", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg-xl"]

_JPEG_START = b"\xff\xd8\xff"
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
JPEG_XL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
"""A bare codestream, and one in a container of boxes (ISO/IEC 18181-2)."""

_JPEG_LS = 0xF7
_HIGH_THROUGHPUT = 0x4000
"""Bit of Rsiz that HTJ2K sets (ITU-T T.814 section 6.1)."""

_SCAN = b"\xff\xda"
_MOST_SCANS = 64
"""Scans of a JPEG; a progressive one has ten. A scan of a few bytes may take as long to decode as a
whole picture."""

_MOST_TILES = 65_535
"""Tiles that a JPEG 2000 codestream may have (ITU-T T.800 A.4.2: a 16-bit index)."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The frame header of a JPEG or JPEG-LS codestream.

    Attributes
    ----------
    process : int
        Second byte of the SOF marker, for example 0xC0 for baseline.
    bits : int
        Sample precision.
    converted : bool
        Whether the codestream itself says that three components are YCbCr (JFIF, Adobe).
    rgb : bool
        Whether it says that they are RGB (Adobe transform 0, or components named R, G, B).
    """

    process: int
    bits: int
    rows: int
    columns: int
    components: int
    converted: bool
    rgb: bool


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """SIZ and COD of a JPEG 2000 codestream.

    Attributes
    ----------
    start : int
        Offset of the codestream; not 0 if it is wrapped in a JP2 file.
    bits, signed : int, bool
        Precision and sign of the components.
    levels : int
        Wavelet decompositions: the picture can be decoded down to 1/2**levels of its size.
    """

    start: int
    bits: int
    signed: bool
    rows: int
    columns: int
    components: int
    levels: int


def coding_of(code: bytes, layout: Layout) -> Coding | None:
    """Return a frame's coding by its first bytes; None if they do not tell.

    Stated transfer syntaxes are sometimes wrong: programs copy the file meta information of another
    file, and gateways recompress without updating it.
    """
    if code[:3] == _JPEG_START:
        try:
            return "jpeg-ls" if jpeg_header(code).process == _JPEG_LS else "jpeg"
        except PictureError:
            return "jpeg"
    if code.startswith(JPEG_XL_STARTS):
        return "jpeg-xl"
    if begins_frame(code):
        start = code[:4096].find(_JPEG_2000_START)
        capabilities = code[start + 6 : start + 8] if start >= 0 else b""
        return "htj2k" if int.from_bytes(capabilities, "big") & _HIGH_THROUGHPUT else "jpeg-2000"
    return "rle" if _is_rle(code, layout) else None


def begins_frame(code: bytes) -> bool:
    """Tell whether bytes are the start of a frame in one of the JPEG formats."""
    return code.startswith((_JPEG_START, _JPEG_2000_START, _JP2_START, *JPEG_XL_STARTS))


def _is_rle(code: bytes, layout: Layout) -> bool:
    """Tell whether bytes begin with the RLE header for this layout (PS3.5 annex G.5)."""
    count = layout.samples * layout.allocated // 8
    if len(code) < 64 or not 0 < count <= 15:
        return False
    stated, *offsets = struct.unpack_from("<16I", code)
    used = offsets[:count]
    return bool(stated == count and used[0] == 64 and used == sorted(set(used)))


def check_size(header: JpegHeader | Jpeg2000Header, layout: Layout) -> None:
    """Raise `FrameSizeError` if the codestream and the data set disagree on the size."""
    found = (header.rows, header.columns, header.components)
    stated = (layout.rows, layout.columns, layout.samples)
    if found != stated:
        raise FrameSizeError(found, stated)
    if header.bits > layout.allocated:
        raise PictureError(
            f"its codestream has {header.bits} bits where BitsAllocated is {layout.allocated}"
        )


def jpeg_header(code: bytes) -> JpegHeader:
    """Walk the marker segments up to the frame header (ITU-T T.81 B.1.1.2, B.2.2)."""
    if code[:2] != b"\xff\xd8":
        raise PictureError("its fragments hold no JPEG codestream")
    if code.count(_SCAN) > _MOST_SCANS:
        raise PictureError("its JPEG codestream has too many scans")
    position, converted, rgb = 2, False, False
    while position + 4 <= len(code):
        if code[position] != 0xFF:
            break
        marker = code[position + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8:  # fill byte, or a marker without a segment
            position += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", code, position + 2)[0]
        segment = code[position + 4 : position + 2 + length]
        if marker in _FRAME_MARKERS and len(segment) >= 6:
            bits, rows, columns, components = struct.unpack_from(">BHHB", segment)
            rgb = rgb or (components == 3 and segment[6::3][:3] == b"RGB")
            return JpegHeader(marker, bits, rows, columns, components, converted, rgb)
        if marker == 0xE0 and segment[:5] == b"JFIF\0":
            converted = True
        if marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
            converted, rgb = segment[11] == 1, segment[11] == 0
        position += 2 + length
    raise PictureError("its JPEG codestream has no frame header")


def jpeg_2000_header(code: bytes) -> Jpeg2000Header:
    """Read SIZ and COD (ITU-T T.800 A.5.1 and A.6.1; T.814 shares them).

    Raises
    ------
    PictureError
        If they are not there, or describe subsampled components or an impossible tiling, or more
        code-blocks and precincts than `MOST_PIECES`.
    """
    start = code[:4096].find(_JPEG_2000_START)
    if start < 0 or len(code) < start + 45:
        raise PictureError("its fragments hold no JPEG 2000 codestream")
    length, _, *grid, components = struct.unpack_from(">HH8IH", code, start + 4)
    right, bottom, left, top, tile_columns, tile_rows, tiles_left, tiles_top = grid
    sizes = code[start + 42 : start + 42 + 3 * components]
    rows, columns = bottom - top, right - left
    if rows < 1 or columns < 1 or not sizes:
        raise PictureError("its JPEG 2000 codestream has an impossible size")
    # Annex B.3: the first tile begins before the picture and ends in it. OpenJPH loops otherwise.
    if not (tiles_left <= left < tiles_left + tile_columns) or not (
        tiles_top <= top < tiles_top + tile_rows
    ):
        raise PictureError("its JPEG 2000 codestream has impossible tiles")
    tiles = -(-(bottom - tiles_top) // tile_rows) * -(-(right - tiles_left) // tile_columns)
    if tiles > _MOST_TILES:
        raise PictureError("its JPEG 2000 codestream has an impossible number of tiles")
    if sizes[1::3].strip(b"\1") or sizes[2::3].strip(b"\1"):
        raise PictureError("its JPEG 2000 codestream has subsampled components")
    styles = list(coding_styles(code, start + 4 + length, components))
    tile = min(columns, tile_columns), min(rows, tile_rows)
    if any(tiles * components * style.pieces(*tile) > MOST_PIECES for style in set(styles)):
        raise PictureError("its JPEG 2000 codestream has too many code-blocks")
    return Jpeg2000Header(
        start=start,
        bits=(sizes[0] & 0x7F) + 1,
        signed=bool(sizes[0] & 0x80),
        rows=rows,
        columns=columns,
        components=components,
        levels=styles[0].levels if styles else 0,
    )
