"""Close-ups: boxes drawn by eye on training pictures, each an example of its own.

A whole plate of a hand holds a wrist, fingers and a thumb. ``closeups.csv`` has the boxes to which
a radiographer would have collimated for an exposure of these, in percent of the picture: ``file,
examined, visible, view, left, top, right, bottom``.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.manifest import ManifestError, labels_shown, view_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.manifest import Example

CLOSEUPS = Path(__file__).with_name("closeups.csv")
"""The boxes on the project's own pictures."""


def closeups(examples: Iterable[Example], path: Path = CLOSEUPS) -> list[Example]:
    """Return the close-ups of those pictures that are among the examples.

    They keep source, patient, licence and age of the picture that they are cut from.

    Raises
    ------
    ManifestError
        If a row names a label that does not exist, or its box is empty or leaves the picture.
    """
    whole = {example.file: example for example in examples}
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["file"] in whole:
                found.append(_closeup(whole[row["file"]], row))
    return found


def _closeup(whole: Example, row: dict[str, str]) -> Example:
    visible = labels_shown(whole.file, row["examined"], row["visible"])
    left, top, right, bottom = (int(row[side]) for side in ("left", "top", "right", "bottom"))
    if not (0 <= left < right <= 100 and 0 <= top < bottom <= 100):
        raise ManifestError(whole.file, f"a close-up's box is {left} {top} {right} {bottom}")
    return replace(
        whole,
        examined=row["examined"],
        visible=visible,
        also=(),
        edge=None,
        read=False,
        on_plate=(*whole.visible, *(whole.edge or ())),
        view=view_of(row["view"]),
        notes="close-up",
        box=(left, top, right, bottom),
    )
