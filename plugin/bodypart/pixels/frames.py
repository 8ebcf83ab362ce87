"""Which frame to read, and where its bytes are."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from bodypart.pixels.codestream import begins_frame, coding_of
from bodypart.pixels.encapsulation import (
    TOLERATED_LOSS,
    Codestream,
    begins_like_items,
    codestreams,
)
from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import Layout, read_value
from bodypart.sop_class import kind_of


@dataclass(frozen=True, slots=True)
class StoredFrames:
    """The frames that are really there, whatever Number of Frames and the transfer syntax claim.

    Attributes
    ----------
    data : memoryview
        All pixel data.
    count : int
        Number of frames that are there: at least 1, and no more than claimed if the claim is over
        1.
    codestreams : tuple of Codestream or None
        The compressed frames; None if the pixels are not compressed.
    """

    data: memoryview
    count: int
    codestreams: tuple[Codestream, ...] | None = None


def stored_frames(dataset: Dataset, layout: Layout) -> StoredFrames:
    """Find the frames.

    The bytes decide whether they are compressed: archives and anonymisers change a transfer syntax
    without changing the pixels, and the other way round.

    Raises
    ------
    PictureError
        If there is no whole frame.
    """
    data = pixel_bytes(dataset, layout)
    fits = 0 <= len(data) - layout.frame_bytes * layout.frames <= 1
    if layout.floating or (fits and not layout.encapsulated):
        return _native(data, layout)
    if begins_like_items(data):
        found = codestreams(dataset, data, layout)
        if layout.encapsulated or coding_of(found[0].start(), layout):
            return StoredFrames(data, _counted(len(found), layout), found)
    elif begins_frame(bytes(data[:16])) and len(data) < layout.frame_bytes:
        return StoredFrames(data, 1, (Codestream((data,)),))  # without items around it
    elif layout.encapsulated and not fits:
        raise PictureError("PixelData has no fragment")
    return _native(data, layout)


def chosen_frame(dataset: Dataset, count: int) -> int:
    """Return the index of the frame that represents an instance of `count` frames.

    For radiographs this is the first frame, as further ones are other views of the same exposure;
    otherwise the middle one, as fluoroscopic and angiographic runs begin and end dark.
    """
    return 0 if kind_of(dataset) == "radiograph" else count // 2


def pixel_bytes(dataset: Dataset, layout: Layout) -> memoryview:
    """Return all pixel data as one view, without a copy."""
    value = read_value(dataset, layout.keyword)
    if value is None:
        raise PictureError(f"{layout.keyword} is empty")
    try:
        return memoryview(value).cast("B")
    except TypeError:
        raise PictureError(f"{layout.keyword} is not a string of bytes") from None


def _native(data: memoryview, layout: Layout) -> StoredFrames:
    whole = int(len(data) / layout.frame_bytes + TOLERATED_LOSS)
    if not whole:
        raise PictureError(
            f"{layout.keyword} is truncated: {len(data)} bytes, "
            f"where {layout.frame_bytes:.0f} are due"
        )
    exact = 0 <= len(data) - whole * layout.frame_bytes <= 1
    return StoredFrames(data, _counted(whole, layout) if exact else min(whole, layout.frames))


def _counted(there: int, layout: Layout) -> int:
    """Return how many frames count; a claim of one is ignored, as it is also the default."""
    return there if layout.frames == 1 else min(there, layout.frames)
