"""Data set in, picture out: all steps of this package, in their order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bodypart.pixels.blank import is_blank
from bodypart.pixels.colour import luminance, palette_luminance
from bodypart.pixels.decode import decode_frame
from bodypart.pixels.errors import PictureError
from bodypart.pixels.far_greys import without_far_greys
from bodypart.pixels.frames import StoredFrames, chosen_frame, stored_frames
from bodypart.pixels.geometry import pixel_stretch, stretched
from bodypart.pixels.intensity import are_values
from bodypart.pixels.layout import Layout, read_layout
from bodypart.pixels.modality import modality_values, padding_range
from bodypart.pixels.raster import Samples, with_sign_that_fits
from bodypart.pixels.reduce import box_mean, box_sum
from bodypart.pixels.shutter import shut

SMALLEST_RANGE = 1e-5
"""Values that differ by less, as with a Rescale Slope of 1E-12, are spread from 0 to 1: code that
divides by the range guards against 0 with smaller numbers than this."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame: small, with linear values, dense parts bright.

    Attributes
    ----------
    values : float32 array, (rows, columns)
        Modality values in MONOCHROME2 polarity (luminance of colour pictures), finite, with
        square pixels. The longest side is at least `long_side` and less than twice that, or the
        original's if that is smaller.
    shape_original : tuple of int
        Rows and columns of the stored frame.
    frame : int
        Index of the frame shown.
    frames : int
        Number of frames that are really there.
    colour : bool
        Whether the pixels are coloured, not merely stored in three channels.
    """

    values: NDArray[np.float32]
    shape_original: tuple[int, int]
    frame: int
    frames: int
    colour: bool


def read_picture(dataset: Dataset, *, long_side: int = 320) -> Picture:
    """Decode the frame that represents an instance, as small as the model needs it.

    Headers are checked before any decoder runs. Stored values are reduced: by the decoder if the
    coding allows that, then by exact box means that leave out padding. Modality LUT, polarity,
    shutter and aspect ratio are applied to the small picture.

    Parameters
    ----------
    dataset : Dataset
        From `read_dataset` or from pydicom.
    long_side : int
        The smallest acceptable longest side, in square pixels.

    Raises
    ------
    PictureError
        With a short reason, whatever goes wrong.
    """
    try:
        with np.errstate(all="ignore"):  # extreme floats become infinite, and are set to dark below
            return _read(dataset, long_side)
    except PictureError:
        raise
    except MemoryError:
        raise PictureError("decoding it takes more memory than allowed") from None
    except Exception as error:  # codecs and damaged elements raise anything
        raise PictureError(f"its pixels cannot be read ({type(error).__name__})") from None


def _read(dataset: Dataset, long_side: int) -> Picture:
    layout = read_layout(dataset)
    stored = stored_frames(dataset, layout)
    frame = chosen_frame(dataset, stored.count)
    picture = _read_frame(dataset, layout, stored, frame, long_side)
    middle = stored.count // 2
    if frame == middle or not is_blank(picture.values):
        return picture
    # May be a run of another kind of object; this frame is optional, and codecs raise anything.
    with suppress(Exception):
        later = _read_frame(dataset, layout, stored, middle, long_side)
        return picture if is_blank(later.values) else later
    return picture


def _read_frame(
    dataset: Dataset, layout: Layout, stored: StoredFrames, frame: int, long_side: int
) -> Picture:
    stretch = pixel_stretch(dataset)
    longest = max(layout.rows * stretch[0], layout.columns * stretch[1])
    whole = layout.photometric == "PALETTE COLOR"  # palette indices cannot be reduced
    largest_step = 1 if whole else max(1, int(longest // long_side))
    raster = decode_frame(dataset, layout, stored, frame, largest_step)
    samples, colour = raster.samples, False
    if raster.space == "grey":
        samples, layout = with_sign_that_fits(samples, layout)
    if raster.space == "palette":
        samples, colour = palette_luminance(samples, dataset, layout)
    factor = max(1, int(longest // raster.step // long_side))
    factor = min(factor, *samples.shape[:2])
    if raster.space == "grey":
        limit = raster.limit if samples is raster.samples else None
        values, empty = _without_padding(samples, limit, factor, dataset, layout)
        values = modality_values(values, dataset, layout)
    else:
        values, empty = box_mean(samples, factor), None
        if raster.space in ("rgb", "ybr"):
            values, colour = luminance(values, raster.space, layout)
    dark = ~are_values(values)
    if empty is not None:
        dark |= empty
    hidden = shut(dataset, layout, values.shape[:2], raster.step * factor)
    if hidden is not None and not (dark | hidden).all():
        dark |= hidden
    values = stretched(_spread(without_far_greys(_finite(values, dark))), stretch)
    return Picture(values, (layout.rows, layout.columns), frame, stored.count, colour)


def _without_padding(
    samples: Samples, limit: int | None, factor: int, dataset: Dataset, layout: Layout
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Average each box's pixels that are not padding; also return which boxes have too few."""
    ends = padding_range(dataset, layout)
    used = None if ends is None else _outside(samples, *ends)
    if factor > 1 and not layout.floating:  # averaged with others, a far grey is no longer far
        samples = without_far_greys(samples, used)
    if used is None or used.all():
        return box_mean(samples, factor, limit), None
    count = box_sum(used.view(np.uint8), factor, 1).astype(np.float32)
    # A product takes a third of the time, but NaN times 0 is NaN.
    kept = np.where(used, samples, samples.dtype.type(0)) if layout.floating else samples * used
    total = box_sum(kept, factor, limit)
    values = (total / np.maximum(count, 1)).astype(np.float32)
    return values, count * 2 < factor * factor


def _outside(samples: Samples, low: int, high: int) -> NDArray[np.bool_]:
    """Tell which samples are outside of a range, and not NaN."""
    if low == high and samples.dtype.kind != "f":
        return np.asarray(samples != low)  # The usual case, in a third of the time.
    return np.asarray((samples < low) | (samples > high))


def _finite(values: NDArray[np.float32], dark: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Set dark pixels (padding, behind a shutter, not numbers) to the darkest of the others."""
    if not dark.any():
        return values
    if dark.all():
        raise PictureError("its pixels are all padding or not numbers")
    values[dark] = values[~dark].min()
    return values


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spread values from 0 to 1 if their range is smaller than `SMALLEST_RANGE`, but not 0."""
    low, high = float(values.min()), float(values.max())
    if not 0 < high - low < SMALLEST_RANGE:
        return values
    return ((values.astype(np.float64) - low) / (high - low)).astype(np.float32)
