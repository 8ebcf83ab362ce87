"""Whether a picture shows the limbs of both sides: its halves mirror each other across a gap.

A single marker beside two feet tells left from right, not which foot was examined. One limb in two
views looks much the same, but its halves are seen from different directions: then the marker is its
marker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bodypart.model.calibration import softmax
from bodypart.model.model_input import BlankPictureError, exposed_field
from bodypart.pixels.percentiles import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bodypart.model.session import BodyPartModel

    Float32 = NDArray[np.float32]

SIDE = 64
"""Pixels; the exposed field is squeezed to a square."""

ALIKE = 0.35
"""Correlation of the field with its mirror image from which its halves count as mirrored. Two views
of one limb on a plate may reach it, too."""

GAP = 0.5
"""Greatest brightness of the gap between the halves, as a share of the darker half's brightest."""

SEEN_FROM = 0.6
"""Least probability of the frontal view of the one half and of the lateral one of the other, from
which they are two views. Two limbs are exposed from the same side; an oblique view says little."""

_SHIFTS = range(-6, 7, 2)
"""Pixels by which the gap may be off the field's middle."""


def shows_both_limbs(values: Float32, model: BodyPartModel | None = None) -> bool:
    """Tell whether a picture may show both limbs.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values, bright = dense.
    model : BodyPartModel, optional
        Tells from where each half is seen. Without it, one limb in two views may count as both.

    Raises
    ------
    NetworkError
        If the model's network does not answer.
    """
    halves = _mirrored_halves(values)
    return halves is not None and not (model and _are_two_views(model, *halves))


def _mirrored_halves(values: Float32) -> tuple[Float32, Float32] | None:
    """Return the halves of the exposed field on both sides of the gap, None if it is one whole."""
    inside = exposed_field(values).cut(values)
    squeezed = Image.fromarray(inside).resize((SIDE, SIDE), Image.Resampling.BOX)
    grey = spread(np.asarray(squeezed, np.float64))
    around = max(_SHIFTS)
    alike, part, shift = max(
        ((*_mirrored(grey[:, around + shift : SIDE - around + shift]), shift) for shift in _SHIFTS),
        key=lambda found: found[0],
    )
    profile = part[SIDE // 4 : 3 * SIDE // 4].mean(axis=0)
    middle, near = profile.size // 2, profile.size // 13
    gap = float(profile[middle - near : middle + near].min())
    left, right = profile[: middle - near - 2].max(), profile[middle + near + 2 :].max()
    if alike < ALIKE or gap > GAP * float(min(left, right)):
        return None
    column = round((SIDE / 2 + shift) / SIDE * inside.shape[1])
    return inside[:, :column], inside[:, column:]


def _are_two_views(model: BodyPartModel, one: Float32, other: Float32) -> bool:
    """Tell whether one half is a frontal view and the other a lateral one."""
    names = model.parameters.views
    try:
        first, second = (
            dict(zip(names, softmax(model.answer(half).view), strict=True)) for half in (one, other)
        )
    except BlankPictureError:
        return False
    return any(
        min(here.get("frontal", 0.0), there.get("lateral", 0.0)) >= SEEN_FROM
        for here, there in ((first, second), (second, first))
    )


def _mirrored(part: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the correlation of a part with its mirror image, and the part."""
    flat = part - part.mean()
    power = float((flat**2).sum())
    return (float((flat * flat[:, ::-1]).sum()) / power if power else 0.0), part
