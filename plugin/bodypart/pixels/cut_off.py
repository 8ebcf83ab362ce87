"""Pictures whose codestream ends before they do.

A gateway that was interrupted may put half a codestream into a proper item. A decoder that runs out
of data fills the rest of the picture with one value, and says nothing.
"""

from __future__ import annotations

import numpy as np

from bodypart.pixels.errors import PictureError
from bodypart.pixels.raster import Samples

END_OF_IMAGE = b"\xff\xd9"
"""What a JPEG or JPEG-LS codestream ends with; it cannot occur among its data."""

_BITS = b"\0" + b"\x55" * 64
MORE_DATA = _BITS + b"".join(bytes((0xFF, 0xD0 + number)) + _BITS for number in range(8))
"""Some data of a JPEG, and some behind each restart marker: who has decoded all of a picture does
not look at them. They begin with what belongs behind a last byte 0xFF."""

FEWEST_ROWS = 0.9
"""Share of the rows: of bytes a twentieth may be missing, and those of the last rows are few."""


def must_have_most_rows(samples: Samples, otherwise: Samples) -> None:
    """Check how many rows at the end were only filled in.

    A picture may end with rows of one value, as a shutter is black: it is whole all the same where
    nothing was filled in.

    Parameters
    ----------
    samples : array, (rows, columns) or (rows, columns, 3)
        What a decoder made of a codestream without an end.
    otherwise : array of the same shape
        What it made of it with something else behind the data, or in the place of what is missing.

    Raises
    ------
    PictureError
        If fewer than `FEWEST_ROWS` are there: the others have the very last pixel's value alone.
    """
    if np.array_equal(samples, otherwise):
        return
    rows = len(samples)
    flat = (samples == samples[-1, -1]).reshape(rows, -1).all(axis=1)
    there = int(np.flatnonzero(~flat)[-1]) + 1 if not flat.all() else 0
    if there < FEWEST_ROWS * rows:
        raise PictureError(f"PixelData is truncated: {there} of {rows} rows")
