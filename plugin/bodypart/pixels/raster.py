"""One decoded frame, still in stored values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bodypart.pixels.layout import Layout

Samples = NDArray[Any]
Space = Literal["grey", "palette", "rgb", "ybr"]

_ROWS_LOOKED_AT = 64
_MORE = 8
"""Bits were masked wrongly if there are this many jumps more than twice as many as before."""

_TORN = 4
"""The sign is wrong if it makes this many times more jumps than the other; letters make some."""

_EITHER_SIDE, _OFF_MIDDLE = 0.01, 0.25
"""Least shares of pixels that the other sign must put more than an eighth of the range above and
below the middle: of each, and together. Black and white (print, masks, test cards) would become two
greys next to the middle."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A frame as its decoder returns it.

    Attributes
    ----------
    samples : array
        (rows, columns) or (rows, columns, 3); integers, or floats for Float Pixel Data.
    space : str
        What the samples mean.
    step : int
        Stored pixels per sample along each axis; above 1 if the decoder reduced the frame.
    limit : int or None
        No sample is larger than this; None if that was not determined.
    """

    samples: Samples
    space: Space
    step: int = 1
    limit: int | None = None


def stated_space(layout: Layout) -> Space:
    """Return the space by Photometric Interpretation, for samples that no decoder converted."""
    if layout.photometric.startswith("MONOCHROME"):
        return "grey"
    if layout.photometric == "PALETTE COLOR":
        return "palette"
    return "rgb" if layout.photometric in ("RGB", "XYB") else "ybr"


def stored_values(samples: Samples, layout: Layout) -> Samples:
    """Keep the stored bits of each container and extend their sign.

    Bits above the high bit may hold an overlay (retired, PS3.5 8.1.2); the lowest bits are padding
    if the high bit is not Bits Stored - 1. Copies only if something has to change. Some programs
    write values of more bits than they state; the pixels show whether the bits above are such.
    """
    return limited_values(samples, layout)[0]


def limited_values(samples: Samples, layout: Layout) -> tuple[Samples, int | None]:
    """Return `stored_values`, and a limit that none exceeds, None if it was not determined."""
    width = samples.dtype.itemsize * 8
    if samples.dtype.kind == "f":
        return samples, None
    samples = samples.view(f"{'i' if layout.signed else 'u'}{width // 8}")
    if layout.stored >= width:
        return samples, None
    if layout.signed:
        return (samples << (width - layout.high_bit - 1)) >> (width - layout.stored), None
    shift = layout.high_bit + 1 - layout.stored
    if shift:
        samples = samples >> shift
    mask = (1 << layout.stored) - 1
    largest = int(samples.max())
    if largest <= mask:
        return samples, largest
    kept: Samples = samples & np.asarray(mask, samples.dtype)
    larger = layout.samples == 1 and _jumps(kept, mask) > 2 * _jumps(samples, mask) + _MORE
    return (samples, None) if larger else (kept, mask)


def with_sign_that_fits(samples: Samples, layout: Layout) -> tuple[Samples, Layout]:
    """Read a grey frame with the other sign if Pixel Representation is evidently wrong.

    With the wrong sign, values beyond the middle of the range wrap to its other end: a smooth
    picture jumps from white to black wherever it crosses the middle.

    Returns
    -------
    tuple of array and Layout
        Both unchanged for most pictures.
    """
    width, mask = samples.dtype.itemsize * 8, (1 << layout.stored) - 1
    if samples.dtype.kind == "f" or layout.stored == 1 or samples.size == 0:
        return samples, layout
    some = samples[:: max(1, len(samples) // _ROWS_LOOKED_AT)]
    if some.min() >= 0 if layout.signed else some.max() <= mask // 2 or some.max() > mask:
        return samples, layout
    jumps = _jumps(some, mask)
    if jumps <= _MORE:
        return samples, layout  # Most pictures: no need to count the jumps of the other sign.
    half, far = mask // 2 + 1, mask // 8
    roomy: Samples = some.astype(np.int32 if width < 32 else np.int64)
    other = (roomy if layout.signed else roomy + half) & mask
    below, above = np.mean(other < half - far), np.mean(other > half + far)
    both_sides = min(below, above) >= _EITHER_SIDE and below + above >= _OFF_MIDDLE
    if not both_sides or jumps <= _TORN * _jumps(other, mask) + _MORE:
        return samples, layout
    unused = width - layout.stored
    if layout.signed:
        turned = samples.view(f"u{width // 8}") & np.asarray(mask, f"u{width // 8}")
    else:
        turned = samples.view(f"i{width // 8}") << unused >> unused
    return turned, replace(layout, signed=not layout.signed)


def _jumps(samples: Samples, mask: int) -> int:
    """Count neighbours, in some rows, that differ by more than three quarters of the stated range.

    Values whose highest bits were masked jump from white to black within a smooth picture; values
    with an overlay left in them jump at its edges.
    """
    rows = samples.reshape(1, -1) if samples.ndim == 1 else samples
    some = rows[:: max(1, len(rows) // _ROWS_LOOKED_AT)]
    one, other = some[:, 1:], some[:, :-1]
    # Unsigned, the same type holds the difference of any two values; a wider one would be slower.
    apart = (np.maximum(one, other) - np.minimum(one, other)).view(f"u{some.dtype.itemsize}")
    return int(np.count_nonzero(apart > mask // 4 * 3))


def to_representation(samples: Samples, bits: int, layout: Layout) -> Samples:
    """Read a codestream's samples of `bits` bits as signed or not, by Pixel Representation.

    Codestreams have a sign of their own (JPEG 2000) or none (JPEG, JPEG-LS); what the data set says
    counts, as in PS3.5 8.2.
    """
    width = samples.dtype.itemsize * 8
    if layout.signed == (samples.dtype.kind == "i"):
        return samples
    if layout.signed:
        signed = samples.view(f"i{samples.dtype.itemsize}")
        return (signed << (width - bits)) >> (width - bits) if bits < width else signed
    mask = np.asarray((1 << bits) - 1, f"u{samples.dtype.itemsize}")
    unsigned: Samples = samples.view(mask.dtype) & mask
    return unsigned
