"""Colour to luminance, and whether there is any colour."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Samples, Space

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in Y (ITU-R BT.601, as PS3.3 C.7.6.3.1.2 has them)."""

NOTICEABLE = 0.1
"""Share of the range by which a pixel's channels must differ to count as coloured."""

ENOUGH = 0.1
"""Share of coloured pixels that makes a colour picture: more than markers, arrows and measures."""

_TONES = 64
_SAMPLED = 16_384
_TINTED = 0.004
"""Share of the pixels of a tone, from which they tell its tint."""


def luminance(
    values: NDArray[np.float32], space: Space, layout: Layout
) -> tuple[NDArray[np.float32], bool]:
    """Return Y of (rows, columns, 3) values, and whether they are a colour picture."""
    span = layout.highest - layout.lowest
    spread = _spread(values)
    if space == "ybr":
        middle = (layout.highest + layout.lowest + 1) / 2
        chroma = np.abs(values[:, :, 1:] - middle).max(axis=2)
        # RGB is called YBR often enough: equal channels are grey then.
        strength = np.minimum(chroma, spread)
        grey = values[:, :, 0]
    else:
        strength = spread
        grey = values @ LUMA
    coloured = is_coloured(strength, span)
    if coloured:
        some = _even_sample(grey)
        coloured = is_coloured(beyond_tint(values[some], grey[some]), span)
    return np.ascontiguousarray(grey), coloured


def palette_luminance(
    samples: Samples, dataset: Dataset, layout: Layout
) -> tuple[NDArray[np.uint16], bool]:
    """Look palette indices up and return Y, 16 bits, and whether they make a colour picture.

    Indices must not be averaged, so this comes before any reduction.
    """
    channels = []
    for name in ("Red", "Green", "Blue"):
        first, entries = _palette(dataset, name)
        channels.append(entries)
    table = np.stack(channels, axis=1).astype(np.float32)
    places = np.clip(samples.astype(np.int64) - first, 0, len(table) - 1).astype(np.intp)
    grey = np.rint(table @ LUMA).astype(np.uint16)[places]
    coloured = is_coloured(_spread(table)[places], 0xFFFF)
    if coloured:
        some = _even_sample(grey)
        coloured = is_coloured(beyond_tint(table[places[some]], grey[some]), 0xFFFF)
    return grey, coloured


def is_coloured(strength: Samples, span: float) -> bool:
    """Tell whether enough pixels are noticeably coloured."""
    return bool(np.mean(strength > NOTICEABLE * span) > ENOUGH)


def beyond_tint(values: NDArray[np.float32], grey: Samples) -> NDArray[np.float32]:
    """Return how strongly pixels are coloured beyond the tint of their tone.

    Captures of blue film, sepia and heat scales: their colour follows from their grey. Each tone's
    tint is its median colour.

    Parameters
    ----------
    values : array, (rows, columns, 3)
        Channels.
    grey : array, (rows, columns)
        Luminance, or what stands for it.
    """
    values, tones = values.reshape(-1, 3), grey.ravel()
    low, high = float(tones.min()), float(tones.max())
    places = ((tones - low) * ((_TONES - 1) / max(high - low, 1e-6))).astype(np.intp)
    left = values - tones[:, None]
    for tone in np.flatnonzero(np.bincount(places) > _TINTED * places.size):
        own = places == tone
        left[own] -= np.median(left[own], axis=0)
    return _spread(left)


def _even_sample(grey: Samples) -> tuple[slice, slice]:
    """Return what takes an even sample of a picture's rows and columns."""
    every = slice(None, None, max(1, math.isqrt(grey.size // _SAMPLED)))
    return every, every


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the channels differ, the last axis."""
    return np.asarray(values.max(axis=-1) - values.min(axis=-1))


def _palette(dataset: Dataset, name: str) -> tuple[int, NDArray[np.int64]]:
    """Return the first index and the entries, 0 to 65535, of one palette (PS3.3 C.7.6.3.1.5)."""
    try:
        descriptor = dataset[f"{name}PaletteColorLookupTableDescriptor"].value
        count, first, bits = (int(number) for number in descriptor)
        data = bytes(dataset[f"{name}PaletteColorLookupTableData"].value)
    except Exception:  # absent, segmented, or broken in any way
        raise PictureError(f"its {name.lower()} palette cannot be read") from None
    count = count or 65_536
    if len(data) >= 2 * count:
        little = dataset.original_encoding[1] is not False
        entries = np.frombuffer(data, "<u2" if little else ">u2", count).astype(np.int64)
    elif len(data) >= count:
        entries = np.frombuffer(data, np.uint8, count).astype(np.int64)
    else:
        raise PictureError(f"its {name.lower()} palette is truncated")
    # Eight-bit palettes come in bytes or in words; sixteen-bit ones use the whole word.
    return first, entries * 0x101 if bits == 8 and entries.max() <= 0xFF else entries
