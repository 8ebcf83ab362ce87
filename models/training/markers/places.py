"""Markers on real films: ``places.csv``, read by eye where an earlier finder found something.

Columns: ``file``, ``x``, ``y`` and ``high`` (the middle of the letter and its height, in pixels of
the stored picture) and ``letter``: empty where it cannot be read or is not to be taught, ``-``
where the finder was wrong and there is none.
"""

from __future__ import annotations

import csv
from pathlib import Path

Mark = tuple[float, float, float, str]
"""x, y and height in pixels, and the letter."""

NOTHING = "-"

PLACES = Path(__file__).with_name("places.csv")

WITHOUT_MARKERS = frozenset(
    {
        "marvY-O/FracAtlas",
        "devichand579/Instance_seg_teeth",
        "CHILab1/MedPix-2.0",
    }
)
"""Sources whose films have next to no markers but those in ``places.csv``."""


def read_places(path: Path = PLACES, *, nothing: bool = False) -> dict[str, list[Mark]]:
    """Return the marks of each film, or with ``nothing`` the places where the finder was wrong."""
    places: dict[str, list[Mark]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if nothing != (row["letter"] == NOTHING):
                continue
            mark = (float(row["x"]), float(row["y"]), float(row["high"]), row["letter"])
            places.setdefault(row["file"], []).append(mark)
    return places
