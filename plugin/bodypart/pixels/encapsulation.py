"""Compressed frames in their items (PS3.5 section A.4), found in spite of wrong offset tables."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from bodypart.pixels.codestream import begins_frame
from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import Layout, optional_value

TOLERATED_LOSS = 0.05
"""Share of a frame that may be missing at its end, as after an interrupted transfer."""

MOST_FRAGMENTS = 100_000
"""Most fragments that are read; a long fluoroscopic run has a few thousand."""

_ITEM = b"\xfe\xff\x00\xe0"
_SNIFFED = 4096


@dataclass(frozen=True, slots=True)
class Fragment:
    """One item: its offset after the offset table, its bytes, and the number of missing ones."""

    offset: int
    data: memoryview
    missing: int


@dataclass(frozen=True, slots=True)
class Codestream:
    """The fragments of one frame."""

    pieces: tuple[memoryview, ...]

    def start(self) -> bytes:
        """Return the first bytes of its first fragment."""
        return bytes(self.pieces[0][:_SNIFFED])

    def joined(self) -> bytes:
        """Return all of it in one piece."""
        return b"".join(self.pieces)


def begins_like_items(data: memoryview) -> bool:
    """Tell whether pixel data begin with an item rather than with a pixel."""
    return data[:4] == _ITEM


def codestreams(dataset: Dataset, data: memoryview, layout: Layout) -> tuple[Codestream, ...]:
    """Return the compressed frames that are there.

    The offset table tells where frames begin, if it covers all frames and each of its offsets
    points to a fragment. Else every fragment is a frame, if there are as many as frames; else
    every fragment that begins like a codestream begins a frame; if none does, each is a frame. If
    only one frame is claimed, it has all fragments, unless several begin like codestreams.

    Raises
    ------
    PictureError
        If there is no frame, or more than `TOLERATED_LOSS` of the only one is missing.
    """
    table, fragments = _fragments(data)
    groups = _frames_of(fragments, _offsets(dataset, table), layout)
    lost = sum(fragment.missing for fragment in groups[-1])
    present = sum(len(fragment.data) for fragment in groups[-1])
    if lost > TOLERATED_LOSS * (present + lost):
        if len(groups) == 1:
            raise PictureError(f"PixelData is truncated: {present} of {present + lost} bytes")
        groups.pop()
    return tuple(Codestream(tuple(fragment.data for fragment in group)) for group in groups)


def _fragments(data: memoryview) -> tuple[memoryview, list[Fragment]]:
    """Return the Basic Offset Table, and the fragments after it that are not empty.

    Some writers leave out the table's item, which the standard requires even if it is empty.
    """
    items = list(_items(data))
    has_table = bool(items) and not begins_frame(bytes(items[0].data[:16]))
    table, start = (items[0].data, 8 + len(items[0].data)) if has_table else (data[:0], 0)
    found = [
        Fragment(item.offset - start, item.data, item.missing)
        for item in items[has_table:]
        if len(item.data)
    ]
    if not found:
        raise PictureError("PixelData has no fragment")
    return table, found


def _items(data: memoryview) -> Iterator[Fragment]:
    position = 0
    for _ in range(MOST_FRAGMENTS):
        if data[position : position + 4] != _ITEM or position + 8 > len(data):
            return
        length = struct.unpack_from("<I", data, position + 4)[0]
        value = data[position + 8 : position + 8 + length]
        yield Fragment(position, value, length - len(value))
        position += 8 + length
    raise PictureError(f"PixelData has more than {MOST_FRAGMENTS} fragments")


def _frames_of(
    fragments: list[Fragment], offsets: Sequence[int], layout: Layout
) -> list[list[Fragment]]:
    heads = [bytes(fragment.data[:16]) for fragment in fragments]
    # A fragment within a codestream may happen to begin like a codestream of another coding.
    begun = [
        number
        for number, head in enumerate(heads)
        if begins_frame(head) and head[:2] == heads[0][:2]
    ]
    if layout.frames == 1 and len(begun) < 2:
        return [fragments]
    places = {fragment.offset: number for number, fragment in enumerate(fragments)}
    if (
        len(offsets) == layout.frames
        and sorted(set(offsets)) == list(offsets)
        and all(offset in places for offset in offsets)
    ):
        starts = [places[offset] for offset in offsets]
    elif len(fragments) == layout.frames:
        starts = list(range(len(fragments)))
    else:
        starts = begun
    if not starts:
        starts = list(range(len(fragments)))
    return [
        fragments[start:end]
        for start, end in zip(starts, [*starts[1:], len(fragments)], strict=True)
    ]


def _offsets(dataset: Dataset, table: memoryview) -> Sequence[int]:
    """Return the Extended Offset Table, else the basic one."""
    extended = optional_value(dataset, "ExtendedOffsetTable")
    if isinstance(extended, bytes) and extended and len(extended) % 8 == 0:
        return struct.unpack(f"<{len(extended) // 8}Q", extended)
    return struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
