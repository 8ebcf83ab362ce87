"""Picture to network input: the same preprocessing for training, evaluation and service.

Fill the surroundings of a round field, crop to the exposed field, shrink with the aspect ratio
kept, window by percentiles, pad with black to a square. The network sees -1 (black) to 1 (white).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from bodypart.model.round_field import without_round_frame
from bodypart.model.small_picture import small_picture
from bodypart.pixels.percentiles import WINDOW_PERCENTILES, outer_percentiles, percentile_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

Grey = TypeVar("Grey", bound=np.generic)

PROFILE_SIDE = 160
"""Longest side, in pixels, at which the exposed field is looked for."""

FLAT_TOLERANCE = 0.07
"""A line is flat if its pixels differ from its median by no more than this share of the range."""

FLAT_SHARE = 0.86
"""Share of a flat line's pixels for which this must hold; the rest may be a marker or an edge."""

TONE_PERCENTILE = 75
"""Percentile whose grey a gamma maps to the tone: in most pictures neither air nor metal."""

GAMMAS = (0.4, 2.5)
"""Least and largest gamma for this: greys farther off are not explained by the exposure."""

WHITE = 0.95
"""A grey from which on it is a white border's, not tissue: its gamma would make all else black."""

SMALLEST_FIELD = 0.15
"""The field is at least this share of either side; a smaller one is taken for an error."""

MARGIN = 0.02
"""Share of the field's side that is added around it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle of pixels: rows ``top:bottom``, columns ``left:right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Rows in the box."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns in the box."""
        return self.right - self.left

    def cut(self, values: NDArray[Grey]) -> NDArray[Grey]:
        """Return the part of a picture in the box, without a copy."""
        return values[self.top : self.bottom, self.left : self.right]

    def enlarged(self, small: Float32, values: Float32) -> Box:
        """Return this box of a small picture in the pixels of the picture that it was made from."""
        down, across = values.shape[0] / small.shape[0], values.shape[1] / small.shape[1]
        return Box(
            int(self.top * down),
            min(values.shape[0], int(np.ceil(self.bottom * down))),
            int(self.left * across),
            min(values.shape[1], int(np.ceil(self.right * across))),
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the exposed field is in the picture, and where it is in the network's square.

    Attributes
    ----------
    field : Box
        Exposed field, in pixels of the picture.
    inside : Box
        The same field in pixels of the network's input.
    """

    field: Box
    inside: Box


class BlankPictureError(ValueError):
    """The picture has a single grey value, or values that are not finite."""

    def __init__(self) -> None:
        super().__init__("the picture is blank: all its pixels have the same value")


def flat_lines(picture: Float32, tolerance: float) -> NDArray[np.bool_]:
    """Tell for each row whether nearly all its pixels are within `tolerance` of its median."""
    # Sorting such short lines takes a sixth of the time of numpy's median.
    ordered, middle = np.sort(picture, axis=1), picture.shape[1] // 2
    median = ordered[:, middle : middle + 1]
    if not picture.shape[1] % 2:
        median = (ordered[:, middle - 1 : middle] + median) * np.float32(0.5)
    near = np.count_nonzero(np.abs(ordered - median) <= tolerance, axis=1)
    return np.asarray(near / picture.shape[1] >= FLAT_SHARE)


def _trim(flat: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the half-open span that is left if flat lines are cut off at both ends."""
    busy = np.flatnonzero(~flat)
    return (int(busy[0]), int(busy[-1]) + 1) if busy.size else (0, flat.size)


def _gamma(tone: float, grey: float) -> float:
    """Return the gamma that maps a grey value to a tone (both 0 to 1), or as near as allowed."""
    least, largest = GAMMAS
    if grey >= WHITE:
        return 1.0
    return least if grey <= 0 else min(max(math.log(tone) / math.log(grey), least), largest)


def exposed_field(values: Float32, tone: float | None = None) -> Box:
    """Return the part of a picture inside flat borders of any grey.

    Collimated areas, unexposed plate, white strips and redaction bars that run along an edge are
    flat lines, whatever their grey; they are cut off until no edge is flat.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values.
    tone : float, optional
        Grey from black (0) to white (1) to which a gamma maps the :data:`TONE_PERCENTILE` before
        flat lines are sought: in a dark film soft tissue is as flat as air, and would be cut off.
        By default the greys stay as they are.
    """
    rows, columns = values.shape
    small = small_picture(values, PROFILE_SIDE)
    top, bottom, left, right = 0, small.shape[0], 0, small.shape[1]
    for _ in range(3):
        inner = small[top:bottom, left:right]
        # Sorting takes a third of the time of a single percentile by numpy.
        ordered = np.sort(inner, axis=None)
        low, high = (percentile_of(ordered, percentile) for percentile in WINDOW_PERCENTILES)
        if tone is not None and high > low:
            grey = (percentile_of(ordered, TONE_PERCENTILE, np.float32) - low) / (high - low)
            inner = np.clip((inner - low) / (high - low), 0, 1) ** _gamma(tone, grey)
            low, high = 0.0, 1.0
        tolerance = FLAT_TOLERANCE * (high - low)
        first, last = _trim(flat_lines(inner, tolerance))
        begin, end = _trim(flat_lines(inner[first:last].T, tolerance))
        if (first, last, begin, end) == (0, bottom - top, 0, right - left):
            break
        top, bottom, left, right = top + first, top + last, left + begin, left + end
    if (bottom - top) < SMALLEST_FIELD * small.shape[0] or (
        right - left
    ) < SMALLEST_FIELD * small.shape[1]:
        return Box(0, rows, 0, columns)
    down, across = MARGIN * (bottom - top), MARGIN * (right - left)
    scale_down, scale_across = rows / small.shape[0], columns / small.shape[1]
    return Box(
        max(0, int((top - down) * scale_down)),
        min(rows, int(np.ceil((bottom + down) * scale_down))),
        max(0, int((left - across) * scale_across)),
        min(columns, int(np.ceil((right + across) * scale_across))),
    )


def placement(field: Box, size: int, side: int | None = None) -> Placement:
    """Fit a field into a square of ``size`` pixels, centred, aspect ratio kept.

    Its longer side becomes ``side`` pixels long, by default the whole ``size``.
    """
    longest = side or size
    scale = longest / max(field.height, field.width)
    height = min(longest, max(1, round(field.height * scale)))
    width = min(longest, max(1, round(field.width * scale)))
    top, left = (size - height) // 2, (size - width) // 2
    return Placement(field, Box(top, top + height, left, left + width))


def windowed(values: Float32, of: Float32 | None = None) -> Float32:
    """Map the window's percentiles to -1 and 1, and clip values outside.

    Parameters
    ----------
    values : ndarray of float32
        Grey values.
    of : ndarray of float32, optional
        Grey values whose percentiles are used, by default ``values``.

    Raises
    ------
    BlankPictureError
        If all values are the same, or their range is too small to divide by.
    """
    taken = values if of is None else of
    low, high = map(float, outer_percentiles(taken, WINDOW_PERCENTILES))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    if not high - low >= np.finfo(np.float32).tiny:
        raise BlankPictureError
    scaled = np.asarray(values - low, dtype=np.float32)
    scaled *= np.float32(2 / (high - low))
    scaled -= 1
    return np.clip(scaled, -1, 1, out=scaled)


def checked(values: Float32) -> Float32:
    """Return the grey values of a picture as a contiguous array, as Pillow needs it.

    Raises
    ------
    BlankPictureError
        If there are none, or some are not finite.
    """
    if values.size == 0 or not np.isfinite(values).all():
        raise BlankPictureError
    return np.ascontiguousarray(values, dtype=np.float32)


def network_input(
    values: Float32, size: int, sides: Sequence[int] = (), field_tone: float | None = None
) -> tuple[Float32, Placement]:
    """Turn a picture into the network's input.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values, linear, bright = dense.
    size : int
        Side of the network's square, in pixels.
    sides : sequence of int
        Pixels of the field's longer side in the square, for each view wanted; by default one view
        that fills the square.
    field_tone : float, optional
        The ``tone`` of :func:`exposed_field`.

    Returns
    -------
    tensor : ndarray of float32, shape (views, 1, size, size)
        Values in -1..1, the padding -1.
    where : Placement
        Where the first view's field lies in the picture and in the square.

    Raises
    ------
    BlankPictureError
        If there is nothing to see.
    """
    values = without_round_frame(checked(values))
    field, picture = exposed_field(values, field_tone), Image.fromarray(values)
    places = [placement(field, size, side) for side in sides or (size,)]
    tensor = np.full((len(places), 1, size, size), -1, dtype=np.float32)
    for square, place in zip(tensor[:, 0], places, strict=True):
        inside = place.inside
        shrunk = picture.resize(
            (inside.width, inside.height),
            Image.Resampling.BILINEAR,
            box=(field.left, field.top, field.right, field.bottom),
        )
        square[inside.top : inside.bottom, inside.left : inside.right] = windowed(
            np.asarray(shrunk)
        )
    return tensor, places[0]
