"""Uncompressed pixels (PS3.5 A.1, A.2, A.3, A.5 and 8.1): a view into the bytes, no copy."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from bodypart.pixels.encapsulation import TOLERATED_LOSS
from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import Layout
from bodypart.pixels.raster import Raster, Samples, limited_values, stated_space


def decode_native(data: memoryview, dataset: Dataset, layout: Layout, index: int) -> Raster:
    """Return one frame of uncompressed pixels.

    Raises
    ------
    PictureError
        If more than `TOLERATED_LOSS` of the frame's bytes are missing.
    """
    if layout.allocated == 1:
        return Raster(_one_bit(data, layout, index), stated_space(layout))
    if layout.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        return Raster(_half_chroma(data, layout, index), "ybr")
    samples = _frame(data, _dtype(layout), layout.rows, layout.columns * layout.samples, index)
    if _has_swapped_bytes(dataset, layout):
        samples = samples.reshape(-1, 2)[:, ::-1].reshape(samples.shape)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    samples, limit = limited_values(samples, layout)
    if layout.samples == 1:
        return Raster(samples, stated_space(layout), limit=limit)
    if layout.planar:
        planes = samples.reshape(3, layout.rows, layout.columns)
        return Raster(planes.transpose(1, 2, 0), stated_space(layout))
    return Raster(samples.reshape(layout.rows, layout.columns, 3), stated_space(layout))


def _dtype(layout: Layout) -> np.dtype[np.generic]:
    order = ">" if layout.big_endian else "<"
    kind = "f" if layout.floating else "i" if layout.signed else "u"
    return np.dtype(f"{order}{kind}{layout.allocated // 8}")


def _frame(
    data: memoryview, dtype: np.dtype[np.generic], rows: int, width: int, index: int
) -> Samples:
    """Return (rows, width) samples of frame `index`; few missing rows repeat the last whole one."""
    row_bytes = width * dtype.itemsize
    start = index * rows * row_bytes
    present = min(rows, max(0, len(data) - start) // row_bytes)
    if present < (1 - TOLERATED_LOSS) * rows:
        raise PictureError(
            f"PixelData is truncated: {len(data)} bytes, where {start + rows * row_bytes} are due"
        )
    samples = np.frombuffer(data, dtype, present * width, start).reshape(present, width)
    return samples if present == rows else np.pad(samples, ((0, rows - present), (0, 0)), "edge")


def _one_bit(data: memoryview, layout: Layout, index: int) -> Samples:
    """Unpack pixels of one bit, the first in the lowest bit; frames share bytes (PS3.5 8.1.1)."""
    size = layout.rows * layout.columns
    start = index * size
    packed = np.frombuffer(data, np.uint8)[start // 8 : (start + size + 7) // 8]
    bits = np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + size]
    if len(bits) < size:
        raise PictureError(f"PixelData is truncated: {len(data)} bytes")
    return bits.reshape(layout.rows, layout.columns)


def _half_chroma(data: memoryview, layout: Layout, index: int) -> Samples:
    """Spread Y1 Y2 Cb Cr over two pixels (PS3.3 C.7.6.3.1.2)."""
    if layout.allocated != 8 or layout.columns % 2:
        raise PictureError(f"{layout.photometric} needs 8 bits and an even number of columns")
    packed = _frame(data, np.dtype("u1"), layout.rows, layout.columns * 2, index)
    groups = packed.reshape(layout.rows, layout.columns // 2, 4)
    samples = np.empty((layout.rows, layout.columns, 3), np.uint8)
    samples[:, :, 0] = groups[:, :, :2].reshape(layout.rows, layout.columns)
    samples[:, :, 1:] = np.repeat(groups[:, :, 2:], 2, axis=1)
    return samples


def _has_swapped_bytes(dataset: Dataset, layout: Layout) -> bool:
    """Tell whether 8-bit pixels came as big-endian 16-bit words (PS3.5 annex D, VR OW)."""
    return (
        layout.big_endian
        and layout.allocated == 8
        and dataset[layout.keyword].VR == "OW"
        and layout.rows * layout.columns * layout.samples % 2 == 0
    )
