"""Values of a data set's elements, whatever a file has there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset


def value_of(dataset: Dataset, keyword: str) -> object:
    """Return a value, or None where the element is absent or pydicom cannot decode it."""
    try:
        return dataset.get(keyword)
    except Exception:  # pydicom raises many kinds for broken bytes; none may stop the reading
        return None


def each_of(value: object) -> list[object]:
    """Return the values of an element as a list: pydicom gives a single one without."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    return list(value)
