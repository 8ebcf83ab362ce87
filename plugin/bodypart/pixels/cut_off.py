"""Detects pictures whose codestream ends early.

An interrupted gateway may put half a codestream into a valid item. A decoder that runs out of data
fills the rest of the picture with one value, and reports nothing.
"""

from __future__ import annotations

import numpy as np

from bodypart.pixels.errors import PictureError
from bodypart.pixels.raster import Samples

END_OF_IMAGE = b"\xff\xd9"
"""What a JPEG or JPEG-LS codestream ends with; it cannot occur among its data."""

_BITS = b"\0" + b"\x55" * 64
MORE_DATA = _BITS + b"".join(bytes((0xFF, 0xD0 + number)) + _BITS for number in range(8))
"""Some JPEG data, and some after each restart marker: a decoder ignores them if it already has the
whole picture. They begin with the 0 that must follow a last byte 0xFF."""

FEWEST_ROWS = 0.9
"""Share of the rows. A twentieth of the bytes may be missing, which can be more of the rows, as the
last ones often take few bytes."""


def must_have_most_rows(samples: Samples, otherwise: Samples) -> None:
    """Check how many rows at the end were filled in by the decoder.

    Rows of one value at the end, such as a black shutter, are fine in a picture in which nothing
    was filled in.

    Parameters
    ----------
    samples : array, (rows, columns) or (rows, columns, 3)
        The picture decoded from a codestream without an end.
    otherwise : array of the same shape
        The same, decoded with other data after the codestream, or with another fill value. It is
        equal if nothing is missing.

    Raises
    ------
    PictureError
        If fewer than `FEWEST_ROWS` were decoded; rows of only the last pixel's value were not.
    """
    if np.array_equal(samples, otherwise):
        return
    rows = len(samples)
    flat = (samples == samples[-1, -1]).reshape(rows, -1).all(axis=1)
    there = int(np.flatnonzero(~flat)[-1]) + 1 if not flat.all() else 0
    if there < FEWEST_ROWS * rows:
        raise PictureError(f"PixelData is truncated: {there} of {rows} rows")
