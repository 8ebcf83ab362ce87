"""A picture as a portable graymap: the simplest format that keeps 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOP = 65535


def graymap(values: NDArray[np.float32]) -> bytes:
    """Return a binary PGM (netpbm ``P5``) of 16 bits, big-endian.

    Parameters
    ----------
    values : float32 array (rows, columns)
        Grey values, bright where dense; the smallest becomes 0, the largest 65535.
    """
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (_TOP / max(high - low, 1e-6))
    rows, columns = values.shape
    return f"P5\n{columns} {rows}\n{_TOP}\n".encode() + scaled.round().astype(">u2").tobytes()
