"""Class activation map to heat map in the picture's own geometry (Zhou et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bodypart.model.air import tissue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bodypart.model.model_input import Placement

    Float32 = NDArray[np.float32]


_IN_THE_AIR = 0.1

_MIDDLE = 63 / 64
"""Centre of what a place of the network sees, within its cell, down and across. It is not a half:
each of the five strides pads only at the far end, like TensorFlow's SAME."""


def heat_map(activation: Float32, size: int, where: Placement, values: Float32) -> Float32:
    """Turn an activation map into a heat map of the picture; air has no heat.

    Parameters
    ----------
    activation : ndarray of float32, shape (h, w)
        The label's share of its logit at each place; its mean plus the bias is the logit.
    size : int
        Side of the network's square.
    where : Placement
        Where the exposed field lies in the picture and in the square.
    values : ndarray of float32, shape (rows, columns)
        The picture, bright = dense.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        0 where nothing speaks for the label, 1 where most does; 0 outside the exposed field.
    """
    square, inside, field = _in_the_square(activation, size), where.inside, where.field
    piece = square.resize(
        (field.width, field.height),
        Image.Resampling.BILINEAR,
        box=(inside.left, inside.top, inside.right, inside.bottom),
    )
    result = np.zeros(values.shape, dtype=np.float32)
    result[field.top : field.bottom, field.left : field.right] = np.maximum(np.asarray(piece), 0)
    seen = result * tissue(values)
    # A map that is almost only in the air shows how the network errs, and is left as it is.
    heat = seen if seen.max() > _IN_THE_AIR * result.max() else result
    peak = float(heat.max())
    return heat / np.float32(peak) if peak > 0 else heat


def _in_the_square(activation: Float32, size: int) -> Image.Image:
    """Return the evidence for the label at each pixel of the network's square."""
    positive = np.maximum(activation, 0).astype(np.float32)
    # One more place at the near end, a copy of the first, as the map has none before it.
    padded = Image.fromarray(np.pad(positive, ((1, 0), (1, 0)), mode="edge"))
    rows, columns = activation.shape
    near = 1.5 - _MIDDLE
    # Bicubic, so that the network's few places are not seen as squares; it overshoots a little.
    return padded.resize(
        (size, size), Image.Resampling.BICUBIC, box=(near, near, near + columns, near + rows)
    )
