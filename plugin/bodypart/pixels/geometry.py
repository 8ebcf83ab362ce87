"""Square pixels (PS3.3 10.7.1.3, C.7.6.3.1.7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bodypart.pixels.layout import optional_value

_NEGLIGIBLE = 0.02
_LARGEST_RATIO = 8.0
"""A larger ratio is a typing error: no detector has it."""


def pixel_stretch(dataset: Dataset) -> tuple[float, float]:
    """Return the factors that stretch the picture down and across; at least one of them is 1.

    Each of these attributes is (vertical, horizontal). Pixel Aspect Ratio should only be present
    without the spacings; if they disagree, the spacing counts, as it was measured.
    """
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        value = optional_value(dataset, keyword)
        if isinstance(value, str):  # of another VR than DS
            value = value.split("\\")
        if isinstance(value, Sequence) and len(value) == 2:
            try:
                ratio = float(value[0]) / float(value[1])
            except (TypeError, ValueError, ZeroDivisionError):
                continue
            if not 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO or abs(ratio - 1) < _NEGLIGIBLE:
                return 1.0, 1.0
            return (ratio, 1.0) if ratio > 1 else (1.0, 1 / ratio)
    return 1.0, 1.0


def stretched(values: NDArray[np.float32], stretch: tuple[float, float]) -> NDArray[np.float32]:
    """Stretch a picture along one axis by linear interpolation."""
    for axis, factor in enumerate(stretch):
        if factor == 1.0:
            continue
        size = values.shape[axis]
        new_size = max(1, round(size * factor))
        places = np.clip((np.arange(new_size) + 0.5) / factor - 0.5, 0, size - 1)
        below = places.astype(np.intp)
        above = np.minimum(below + 1, size - 1)
        share = (places - below).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        lower, upper = np.take(values, below, axis), np.take(values, above, axis)
        values = lower + (upper - lower) * share
    return values
