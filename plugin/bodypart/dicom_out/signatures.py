"""Digital signatures in a file: which attributes they cover, and so must not be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bodypart.dicom_out.provenance import KEYWORDS, LATERALITY, PRIMARY_STRUCTURE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bodypart.dicom_out.encoding import Element
    from bodypart.dicom_out.part10 import Part10

_DATA_ELEMENTS_SIGNED = 0x04000020
_MAC_PARAMETERS = 0x4FFE0001
_DIGITAL_SIGNATURES = 0xFFFAFFFA
_RARELY_WRITTEN = frozenset((LATERALITY, PRIMARY_STRUCTURE))
"""Whoever writes asks for these once it is known whether they change."""


def forbids(file: Part10) -> str | None:
    """Return why a digital signature forbids the change, or None (PS3.3 C.12.1.1.3)."""
    parameters = file.items(_MAC_PARAMETERS)
    unnamed = any(not _elements_signed(file, item) for item in parameters)
    if unnamed or (not parameters and _DIGITAL_SIGNATURES in file.elements):
        return "the file is digitally signed, and does not say which attributes are"
    return _covers(_covered_by_signature(file).intersection(KEYWORDS).difference(_RARELY_WRITTEN))


def forbids_rare(file: Part10, written: Collection[int]) -> str | None:
    """Return why a digital signature forbids to write one of the attributes that rarely change."""
    return _covers(_covered_by_signature(file).intersection(_RARELY_WRITTEN, written))


def _covers(touched: set[int]) -> str | None:
    if not touched:
        return None
    return f"a digital signature covers {', '.join(KEYWORDS[tag] for tag in sorted(touched))}"


def _covered_by_signature(file: Part10) -> set[int]:
    """Return the tags that digital signatures cover."""
    return {tag for item in file.items(_MAC_PARAMETERS) for tag in _elements_signed(file, item)}


def _elements_signed(file: Part10, parameters: Mapping[int, Element]) -> list[int]:
    """Return the tags that an item of MAC Parameters Sequence names."""
    if _DATA_ELEMENTS_SIGNED not in parameters:
        return []
    signed, number = file.value(parameters[_DATA_ELEMENTS_SIGNED]), file.encoding.number
    return [
        number(signed[at : at + 2]) << 16 | number(signed[at + 2 : at + 4])
        for at in range(0, len(signed) - 3, 4)
    ]
