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

FEWEST_ROWS = 0.9
"""Share of the rows: of bytes a twentieth may be missing, and those of the last rows are few."""


def must_have_most_rows(samples: Samples) -> None:
    """Check how many rows at the end were only filled in.

    Parameters
    ----------
    samples : array, (rows, columns) or (rows, columns, 3)
        What a decoder made of a codestream without an end.

    Raises
    ------
    PictureError
        If fewer than `FEWEST_ROWS` are there: the others have the very last pixel's value alone.
    """
    rows = len(samples)
    flat = (samples == samples[-1, -1]).reshape(rows, -1).all(axis=1)
    there = int(np.flatnonzero(~flat)[-1]) + 1 if not flat.all() else 0
    if there < FEWEST_ROWS * rows:
        raise PictureError(f"PixelData is truncated: {there} of {rows} rows")
