"""The window that a file asks to be shown through (PS3.3 C.11.2), in the values of its picture."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bodypart.pixels.intensity import is_linear_exposure, is_mirrored
from bodypart.pixels.layout import Layout, optional_value, read_layout
from bodypart.pixels.modality import entries_of, modality_values

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_OUTSIDE = 0.02
"""Share of a VOI LUT's range that a window in its place cuts off at each end."""
_LARGEST = 1e9


class Window(NamedTuple):
    """Centre and width, in modality values of MONOCHROME2 polarity."""

    centre: float
    width: float


def display_window(dataset: Dataset) -> Window | None:
    """Return the first window of a file, or a linear one in place of its VOI LUT.

    None if there is none that makes sense: the viewer then finds a window from the picture itself.

    Parameters
    ----------
    dataset : Dataset
        As it was read.
    """
    with suppress(Exception):  # any of the elements may be broken in any way
        layout = read_layout(dataset)
        if layout.floating or is_linear_exposure(dataset):
            return None
        window = _window(dataset) or _of_lookup_table(dataset, layout)
        if window is None or not 0 < window.width < _LARGEST or abs(window.centre) > _LARGEST:
            return None
        if is_mirrored(dataset, layout):
            return Window(_mirror(dataset, layout) - window.centre, window.width)
        return window
    return None


def _window(dataset: Dataset) -> Window | None:
    for place in (dataset, _shared(dataset)):
        if place is None:
            continue
        centre, width = (_first(place, name) for name in ("WindowCenter", "WindowWidth"))
        if centre is not None and width is not None:
            return Window(centre, width)
    return None


def _shared(dataset: Dataset) -> Dataset | None:
    """Return the Frame VOI LUT macro of an enhanced picture."""
    with suppress(Exception):
        item: Dataset = dataset.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
        return item
    return None


def _of_lookup_table(dataset: Dataset, layout: Layout) -> Window | None:
    with suppress(Exception):
        first, entries = entries_of(dataset.VOILUTSequence[0], dataset, layout)
        low, high = entries.min(), entries.max()
        margin = _OUTSIDE * (high - low)
        inside = np.flatnonzero((entries > low + margin) & (entries < high - margin))
        if len(inside):
            start, end = first + int(inside[0]), first + int(inside[-1])
            return Window((start + end) / 2, float(end - start))
    return None


def _mirror(dataset: Dataset, layout: Layout) -> float:
    """Return what a value and its mirrored value add up to, whatever the value."""
    ends = np.array([layout.lowest, layout.highest], np.float32)
    return float(modality_values(ends, dataset, layout).sum())


def _first(dataset: Dataset, keyword: str) -> float | None:
    value = optional_value(dataset, keyword)
    if value is not None and not isinstance(value, str | float | int):
        value = next(iter(value), None)
    return None if value is None else float(value)
