"""Class activation map to heat map in the picture's own geometry (Zhou et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bodypart.model.model_input import Placement

    Float32 = NDArray[np.float32]


def heat_map(activation: Float32, size: int, where: Placement, shape: tuple[int, int]) -> Float32:
    """Undo the padding and the crop of the network's input.

    Parameters
    ----------
    activation : ndarray of float32, shape (h, w)
        The label's share of its logit at each place; its mean plus the bias is the logit.
    size : int
        Side of the network's square.
    where : Placement
        Where the exposed field lies in the picture and in the square.
    shape : tuple of int
        Rows and columns of the picture.

    Returns
    -------
    ndarray of float32, shape ``shape``
        0 where nothing speaks for the label, 1 where most does; 0 outside the exposed field.
    """
    positive = np.ascontiguousarray(np.maximum(activation, 0), dtype=np.float32)
    # Bicubic, so that the network's few places do not show as squares; it overshoots a little.
    square = Image.fromarray(positive).resize((size, size), Image.Resampling.BICUBIC)
    inside, field = where.inside, where.field
    piece = square.resize(
        (field.width, field.height),
        Image.Resampling.BILINEAR,
        box=(inside.left, inside.top, inside.right, inside.bottom),
    )
    result = np.zeros(shape, dtype=np.float32)
    heat = np.maximum(np.asarray(piece), 0)
    peak = float(heat.max())
    if peak > 0:
        result[field.top : field.bottom, field.left : field.right] = heat / peak
    return result
