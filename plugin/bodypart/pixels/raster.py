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
"""How many jumps more than twice as many tell that bits were masked wrongly."""

_TORN = 4
"""How many times as many tell of a wrong sign, letters and borders of the other end being usual."""

_EITHER_SIDE, _OFF_MIDDLE = 0.01, 0.25
"""Least shares of pixels that are then an eighth of the range above and below the middle, each and
together: of black and white (print, masks, test cards) the other sign makes two greys beside it."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A frame as its decoder gives it.

    Attributes
    ----------
    samples : array
        (rows, columns) or (rows, columns, 3); integers, or floats for Float Pixel Data.
    space : str
        What the samples mean.
    step : int
        Stored pixels per sample along each axis; above 1 where the decoder reduced.
    limit : int or None
        What no sample is larger than, where all were looked at.
    """

    samples: Samples
    space: Space
    step: int = 1
    limit: int | None = None


def stated_space(layout: Layout) -> Space:
    """Return what Photometric Interpretation says of samples that no decoder converted."""
    if layout.photometric.startswith("MONOCHROME"):
        return "grey"
    if layout.photometric == "PALETTE COLOR":
        return "palette"
    return "rgb" if layout.photometric in ("RGB", "XYB") else "ybr"


def stored_values(samples: Samples, layout: Layout) -> Samples:
    """Keep the stored bits of each container and extend their sign.

    Bits above the high bit may hold an overlay (retired, PS3.5 8.1.2), bits below it are
    padding when the high bit is not Bits Stored - 1. Copies only where there is something to do.
    Programs also write larger values than they state bits for; the pixels tell which it is.
    """
    return limited_values(samples, layout)[0]


def limited_values(samples: Samples, layout: Layout) -> tuple[Samples, int | None]:
    """Return `stored_values`, and what none is larger than, where all were looked at for them."""
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
    """Read a grey frame with the other sign where Pixel Representation tears its greys apart.

    With the wrong sign what lies beyond the middle of the range is wrapped to its other end: a
    smooth picture goes from white to black wherever it crosses the middle.

    Returns
    -------
    tuple of array and Layout
        What was given, in most cases.
    """
    width, mask = samples.dtype.itemsize * 8, (1 << layout.stored) - 1
    if samples.dtype.kind == "f" or layout.stored == 1 or samples.size == 0:
        return samples, layout
    some = samples[:: max(1, len(samples) // _ROWS_LOOKED_AT)]
    if some.min() >= 0 if layout.signed else some.max() <= mask // 2 or some.max() > mask:
        return samples, layout
    jumps = _jumps(some, mask)
    if jumps <= _MORE:
        return samples, layout  # Most pictures: nothing else need be counted.
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
    """Count neighbours, in some of the rows, that lie three quarters of the stated range apart.

    Values of which the highest bits were masked go from white to black amid a smooth picture; those
    beside which an overlay was left do so at its edges.
    """
    rows = samples.reshape(1, -1) if samples.ndim == 1 else samples
    some = rows[:: max(1, len(rows) // _ROWS_LOOKED_AT)]
    one, other = some[:, 1:], some[:, :-1]
    # Without a sign it has room for the difference of any two: a wider type takes the time.
    apart = (np.maximum(one, other) - np.minimum(one, other)).view(f"u{some.dtype.itemsize}")
    return int(np.count_nonzero(apart > mask // 4 * 3))


def to_representation(samples: Samples, bits: int, layout: Layout) -> Samples:
    """Read a codestream's samples of `bits` bits with the sign that Pixel Representation says.

    Codestreams have a sign of their own (JPEG 2000) or none (JPEG, JPEG-LS); the data set's
    word counts, as in PS3.5 8.2.
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
