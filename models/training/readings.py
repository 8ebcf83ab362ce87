"""Readings: labels read from the pictures themselves, in place of the manifest's.

A manifest's label says what somebody called a picture, its ``visible`` what such a view mostly
shows. What was read again, by written rules, stands in ``readings.csv``: ``file, examined, visible,
edge``, labels joined by ``;``. Where two labels are right both stand under ``examined``. ``edge``
is what is cut off or too faint to tell; it is neither taught nor measured. An empty ``examined``
or ``visible`` leaves the manifest's.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

from training.manifest import NONE, ManifestError, labels_shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from training.manifest import Example


def with_readings(examples: Iterable[Example], path: Path) -> list[Example]:
    """Return the examples with what was read of them.

    Raises
    ------
    ManifestError
        If a reading names a label that does not exist, or calls one both visible and cut off.
    """
    with path.open(encoding="utf-8", newline="") as file:
        read = {row["file"]: row for row in csv.DictReader(file)}
    return [_read(row, read[row.file]) if row.file in read else row for row in examples]


def _read(example: Example, reading: dict[str, str]) -> Example:
    examined = reading["examined"].split(";") if reading["examined"] else list(example.accepted)
    if NONE in examined:
        return replace(example, examined=NONE, also=(), visible=(), edge=None)
    also = labels_shown(example.file, None, ";".join(examined[1:]))
    first = examined[0] if examined else None
    if not reading["visible"]:
        visible = labels_shown(example.file, first, ";".join(example.visible))
        return replace(example, examined=first, also=also, visible=visible)
    visible = labels_shown(example.file, None, reading["visible"])
    edge = labels_shown(example.file, None, reading["edge"])
    both = set(visible) & set(edge)
    if both:
        raise ManifestError(example.file, f"{sorted(both)[0]} is both visible and cut off")
    return replace(example, examined=first, also=also, visible=visible, edge=edge)
