"""Stored values to modality values: LUT or rescale, polarity, padding (PS3.3 C.11.1, C.7.5.1).

The VOI LUT is not applied: windows differ by vendor, preset and reader, sigmoid VOI LUTs cut off
what lies outside, and many archives have none. The model windows by the picture's own percentiles,
and so needs linear values that are not cut off.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bodypart.pixels.intensity import are_values, is_linear_exposure, is_mirrored, logarithm
from bodypart.pixels.layout import Layout, optional_value
from bodypart.sop_class import is_fluoroscopic

Values = NDArray[np.float32]


def modality_values(values: Values, dataset: Dataset, layout: Layout) -> Values:
    """Apply the Modality LUT Sequence, else Rescale Slope and Intercept, then the polarity.

    Parameters
    ----------
    values : float32 array
        Stored values, possibly averaged: a LUT is therefore interpolated.

    Returns
    -------
    float32 array
        Values of MONOCHROME2 polarity. MONOCHROME1 is mirrored within the range of the stored bits,
        so that the two polarities of one picture give the same values. For raw linear exposures,
        the logarithm.
    """
    table = lookup_table(dataset, layout)
    ends = np.array([layout.lowest, layout.highest], np.float64)
    if table is not None:
        first, entries = table
        places = np.arange(first, first + len(entries))
        mapped = np.interp(values, places, entries).astype(np.float32)
        ends = np.array([entries.min(), entries.max()])
    else:
        slope, intercept = _rescale(dataset)
        if (slope, intercept) == (1.0, 0.0):
            mapped = values
        else:
            mapped = (values * np.float32(slope) + np.float32(intercept)).astype(np.float32)
        ends = ends * slope + intercept
    linear = is_linear_exposure(dataset)
    if linear:
        mapped = logarithm(mapped)
    if not is_mirrored(dataset, layout):
        return mapped
    if layout.floating or linear:
        valid = mapped[are_values(mapped)]
        ends = np.array([valid.min(), valid.max()]) if valid.size else ends
    return np.float32(ends.sum()) - mapped


def lookup_table(dataset: Dataset, layout: Layout) -> tuple[int, NDArray[np.float64]] | None:
    """Return the first stored value mapped and the entries of the Modality LUT Sequence.

    None if there is no LUT, or it is damaged: the picture is good enough without it. In angiography
    and fluoroscopy the LUT leads back to X-ray intensity, for subtraction, and is not applied for
    display (PS3.3 C.8.7.2, Pixel Intensity Relationship LOG).
    """
    if is_fluoroscopic(dataset):
        return None
    try:
        return entries_of(dataset.ModalityLUTSequence[0], dataset, layout)
    except Exception:  # absent, empty or broken in any way
        return None


def entries_of(item: Dataset, dataset: Dataset, layout: Layout) -> tuple[int, NDArray[np.float64]]:
    """Return the first value mapped and the entries of a lookup table.

    Entries of eight bits are two to a word, the first in the lower half (PS3.3 C.11.1.1.1).

    Raises
    ------
    Exception
        Of any kind, if the table is damaged.
    """
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count, data = count or 65_536, item.LUTData
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        entries = np.frombuffer(data, "<u2" if little else ">u2")
    else:
        entries = np.asarray(data).ravel()
    if bits == 8 and len(entries) == (count + 1) // 2:
        entries = entries.astype("<u2").view(np.uint8)[:count]
    if len(entries) < count or count < 2:
        raise ValueError("the entries are fewer than described")
    return _with_sign(first, layout), entries[:count].astype(np.float64)


def padding_range(dataset: Dataset, layout: Layout) -> tuple[int, int] | None:
    """Return the lowest and highest stored value that mean "no picture here" (C.7.5.1.1.2)."""
    value = _number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _number(dataset, "PixelPaddingRangeLimit")
    ends = sorted(
        _with_sign(int(end), layout) for end in (value, value if limit is None else limit)
    )
    return ends[0], ends[1]


def _with_sign(value: int, layout: Layout) -> int:
    """Return the signed value of a header value that a signed picture has as VR US."""
    return value - 0x10000 if layout.signed and value > 0x7FFF else value


def _rescale(dataset: Dataset) -> tuple[float, float]:
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    return slope or 1.0, intercept or 0.0


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Return one finite number below 1e9, None for anything else."""
    value = optional_value(dataset, keyword)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) < 1e9 else None
