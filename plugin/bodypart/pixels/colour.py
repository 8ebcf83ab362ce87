"""Colour to luminance, and whether there is any colour."""

from __future__ import annotations

import math
from functools import reduce
from typing import TypeVar

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

ENOUGH = 0.02
"""Share of pixels amid coloured ones that makes a colour picture: more than markers and letters.
Of lines, thin as arrows and measures are, none is amid others."""

Value = TypeVar("Value", bound=np.generic)

_SAMPLED = 16_384
_PIECE = 1 << 18
_DARK = 0.1
"""Share of the brightest grey below which no tint is seen."""

_TO_RGB = np.array([[0, -0.344136, 1.772], [1.402, -0.714136, 0]], np.float32)
"""What Cb and Cr add to Y."""


def luminance(
    values: NDArray[np.float32], space: Space, layout: Layout
) -> tuple[NDArray[np.float32], bool]:
    """Return Y of (rows, columns, 3) values, and whether they are a colour picture."""
    span = layout.highest - layout.lowest
    spread = _spread(values)
    if space == "ybr":
        middle = (layout.highest + layout.lowest + 1) / 2
        chroma = np.maximum(*np.moveaxis(np.abs(values[:, :, 1:] - middle), -1, 0))
        # RGB is called YBR often enough: equal channels are grey then.
        strength = np.minimum(chroma, spread)
        grey = values[:, :, 0]
    else:
        strength = spread
        grey = values @ LUMA
    coloured = is_coloured(_is_strong(strength, span))
    if coloured:
        if space == "ybr":
            chromas = values[:, :, 1:] - np.float32(middle)
            values = grey[..., np.newaxis] + np.asarray(chromas @ _TO_RGB, np.float32)
        untinted = _spread(values - _tinted(grey, cold_tint(values, grey)))
        coloured = is_coloured(_is_strong(untinted, span))
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
    luma = table @ LUMA
    grey = _looked_up(np.rint(luma).astype(np.uint16), samples, first)
    coloured = is_coloured(_looked_up(_is_strong(_spread(table), 0xFFFF), samples, first))
    if coloured:
        some = _places(samples[_even_sample(samples)], first, len(table))
        tint = cold_tint(table[some], luma[some])
        strong = _is_strong(_spread(table - _tinted(luma, tint)), 0xFFFF)
        coloured = is_coloured(_looked_up(strong, samples, first))
    return grey, coloured


def _looked_up(table: NDArray[Value], samples: Samples, first: int) -> NDArray[Value]:
    """Return a table's entries, piece by piece: a place takes four times as much as an index."""
    indices = samples.ravel()
    found = np.empty(indices.size, table.dtype)
    for start in range(0, indices.size, _PIECE):
        piece = slice(start, start + _PIECE)
        found[piece] = table[_places(indices[piece], first, len(table))]
    return found.reshape(samples.shape)


def _places(indices: Samples, first: int, count: int) -> NDArray[np.int64]:
    return np.asarray(np.clip(indices.astype(np.int64) - first, 0, count - 1))


def _is_strong(strength: NDArray[np.float32], span: float) -> NDArray[np.bool_]:
    return np.asarray(strength > NOTICEABLE * span)


def is_coloured(strong: NDArray[np.bool_]) -> bool:
    """Tell whether enough pixels are noticeably coloured, and those beside them as well."""
    amid = strong.copy()
    amid[1:] &= strong[:-1]
    amid[:-1] &= strong[1:]
    amid[:, 1:] &= strong[:, :-1]
    amid[:, :-1] &= strong[:, 1:]
    return bool(np.mean(amid) > ENOUGH)


def cold_tint(values: NDArray[np.float32], grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the blue of a film adds to each channel, in parts of the grey.

    A warm tint is not told from skin, mucosa and stains, and a scale of heat not from a PET: of
    those nothing is returned.

    Parameters
    ----------
    values : array, (..., 3)
        R, G and B.
    grey : array, (...)
        Their luminance.

    Returns
    -------
    array, (3,)
    """
    bright = grey > _DARK * grey.max()
    if not bright.any():
        return np.zeros(3, np.float32)
    parts = values[bright] / grey[bright][:, np.newaxis] - 1
    tint = np.asarray(np.median(parts, axis=0), np.float32)
    return tint if tint[2] > tint[1] > tint[0] else np.zeros_like(tint)


def _tinted(grey: NDArray[np.float32], tint: NDArray[np.float32]) -> NDArray[np.float32]:
    return grey[..., np.newaxis] * (1 + tint)


def _even_sample(grey: Samples) -> tuple[slice, slice]:
    """Return what takes an even sample of a picture's rows and columns."""
    every = slice(None, None, max(1, math.isqrt(grey.size // _SAMPLED)))
    return every, every


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the channels differ, the last axis."""
    # One after the other: along so short an axis numpy takes many times as long.
    channels = np.moveaxis(values, -1, 0)
    return np.asarray(reduce(np.maximum, channels) - reduce(np.minimum, channels))


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
