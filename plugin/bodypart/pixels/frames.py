"""Which frame to look at, and where its bytes are."""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import Layout, read_value

TOLERATED_LOSS = 0.05
"""Share of a frame that may be missing at its end, as after a broken transfer."""

_ITEM = b"\xfe\xff\x00\xe0"
_FIRST_FRAME_MODALITIES = ("CR", "DX")


def chosen_frame(dataset: Dataset, layout: Layout) -> int:
    """Return the index of the frame that stands for the instance.

    The first for CR and DX, whose further frames are other views of the same exposure; the
    middle one otherwise, because fluoroscopic and angiographic runs begin and end dark.
    """
    if str(read_value(dataset, "Modality")) in _FIRST_FRAME_MODALITIES:
        return 0
    return layout.frames // 2


def pixel_bytes(dataset: Dataset, layout: Layout) -> memoryview:
    """Return all pixel data as one view, without a copy."""
    value = read_value(dataset, layout.keyword)
    if value is None:
        raise PictureError(f"{layout.keyword} is empty")
    try:
        return memoryview(value).cast("B")  # type: ignore[arg-type]
    except TypeError:
        raise PictureError(f"{layout.keyword} is not a string of bytes") from None


def encapsulated_frame(dataset: Dataset, layout: Layout, index: int) -> bytes:
    """Return the codestream of one frame (PS3.5 A.4).

    Raises
    ------
    PictureError
        If the items cannot be followed or more than `TOLERATED_LOSS` of the frame is missing.
    """
    data = pixel_bytes(dataset, layout)
    if layout.frames == 1:
        return _only_frame(data)
    try:
        return get_frame(
            bytes(data),
            index,
            number_of_frames=layout.frames,
            extended_offsets=_extended_offsets(dataset),
        )
    except Exception:  # whatever a damaged offset table makes of it
        raise PictureError(f"frame {index} is not to be found among the fragments") from None


def _extended_offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    offsets = read_value(dataset, "ExtendedOffsetTable")
    lengths = read_value(dataset, "ExtendedOffsetTableLengths")
    if isinstance(offsets, bytes) and isinstance(lengths, bytes):
        return offsets, lengths
    return None


def _only_frame(data: memoryview) -> bytes:
    """Join the fragments after the Basic Offset Table."""
    fragments: list[memoryview] = []
    position, missing = 0, 0
    while data[position : position + 4] == _ITEM and position + 8 <= len(data):
        length = struct.unpack_from("<I", data, position + 4)[0]
        fragment = data[position + 8 : position + 8 + length]
        missing += length - len(fragment)
        fragments.append(fragment)
        position += 8 + length
    present = sum(len(fragment) for fragment in fragments[1:])
    if not present:
        raise PictureError("PixelData has no fragment")
    if missing > TOLERATED_LOSS * (present + missing):
        raise PictureError(f"PixelData is truncated: {present} of {present + missing} bytes")
    return b"".join(fragments[1:])
