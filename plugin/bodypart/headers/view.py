"""Patient Orientation → frontal, lateral or oblique."""

from __future__ import annotations

from collections.abc import Sequence

_ACROSS_AND_DOWN = {"F", "H"}


def view_of_orientation(orientation: Sequence[str]) -> str | None:
    """Return the view that Patient Orientation (0020,0020) implies.

    Rows that run to the left or right of an upright picture make it frontal, rows that run to
    front or back lateral; two letters (``LA``) make it oblique (PS3.3 C.7.6.1.1.1).
    """
    if len(orientation) != 2:
        return None
    row, column = orientation
    if column not in _ACROSS_AND_DOWN:
        return None
    if row in {"L", "R"}:
        return "frontal"
    if row in {"A", "P"}:
        return "lateral"
    return "oblique" if set(row) <= set("LRAP") else None
