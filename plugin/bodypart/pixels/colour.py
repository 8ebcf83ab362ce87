"""Colour to luminance, and whether there is any colour."""

from __future__ import annotations

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
"""Share of coloured pixels that makes a colour picture: more than a coloured side marker."""


def luminance(
    values: NDArray[np.float32], space: Space, layout: Layout
) -> tuple[NDArray[np.float32], bool]:
    """Return Y of (rows, columns, 3) values, and whether they are a colour picture."""
    span = layout.highest - layout.lowest
    spread = values.max(axis=2) - values.min(axis=2)
    if space == "ybr":
        middle = (layout.highest + layout.lowest + 1) / 2
        chroma = np.abs(values[:, :, 1:] - middle).max(axis=2)
        # RGB is called YBR often enough: equal channels are grey then.
        strength = np.minimum(chroma, spread)
        grey = values[:, :, 0]
    else:
        strength = spread
        grey = values @ LUMA
    return np.ascontiguousarray(grey), is_coloured(strength, span)


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
    table = np.stack(channels, axis=1)
    places = np.clip(samples.astype(np.int64) - first, 0, len(table) - 1).astype(np.intp)
    grey = np.rint(table.astype(np.float32) @ LUMA).astype(np.uint16)
    strength = (table.max(axis=1) - table.min(axis=1))[places]
    return grey[places], is_coloured(strength, 0xFFFF)


def is_coloured(strength: Samples, span: float) -> bool:
    """Tell whether enough pixels are noticeably coloured."""
    return bool(np.mean(strength > NOTICEABLE * span) > ENOUGH)


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
