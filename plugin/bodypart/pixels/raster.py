"""One decoded frame, still in stored values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bodypart.pixels.layout import Layout

Samples = NDArray[Any]
Space = Literal["grey", "palette", "rgb", "ybr"]


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
    """

    samples: Samples
    space: Space
    step: int = 1


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
    """
    width = samples.dtype.itemsize * 8
    if samples.dtype.kind == "f":
        return samples
    samples = samples.view(f"{'i' if layout.signed else 'u'}{width // 8}")
    if layout.stored >= width:
        return samples
    if layout.signed:
        return (samples << (width - layout.high_bit - 1)) >> (width - layout.stored)
    shift = layout.high_bit + 1 - layout.stored
    if shift:
        samples = samples >> shift
    mask = (1 << layout.stored) - 1
    if samples.max() <= mask:
        return samples
    kept: Samples = samples & np.asarray(mask, samples.dtype)
    return kept


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
