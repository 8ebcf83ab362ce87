"""Whether a picture shows the limbs of both sides: its halves mirror each other across a gap.

A single marker beside two feet tells left from right, not which foot was examined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bodypart.model.model_input import exposed_field
from bodypart.pixels.percentiles import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

SIDE = 64
"""Pixels; the exposed field is squeezed to a square."""

ALIKE = 0.35
"""Correlation of the field with its mirror image from which its halves count as mirrored. Two views
of one limb on a plate may reach it, too, and are not told apart from two limbs."""

GAP = 0.5
"""Greatest brightness of the gap between the halves, as a share of the darker half's brightest."""

_SHIFTS = range(-6, 7, 2)
"""Pixels by which the gap may be off the field's middle."""


def shows_both_limbs(values: Float32) -> bool:
    """Tell whether a picture may show both limbs, or one in two views.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values, bright = dense.
    """
    field = exposed_field(values)
    inside = Image.fromarray(field.cut(values))
    small = np.asarray(inside.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    grey = spread(small)
    around = max(_SHIFTS)
    alike, halves = max(
        (_mirrored(grey[:, around + shift : SIDE - around + shift]) for shift in _SHIFTS),
        key=lambda pair: pair[0],
    )
    profile = halves[SIDE // 4 : 3 * SIDE // 4].mean(axis=0)
    middle, near = profile.size // 2, profile.size // 13
    gap = float(profile[middle - near : middle + near].min())
    left, right = profile[: middle - near - 2].max(), profile[middle + near + 2 :].max()
    return alike >= ALIKE and gap <= GAP * float(min(left, right))


def _mirrored(part: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the correlation of a part with its mirror image, and the part."""
    flat = part - part.mean()
    power = float((flat**2).sum())
    return (float((flat * flat[:, ::-1]).sum()) / power if power else 0.0), part
