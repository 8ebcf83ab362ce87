"""Tables of what pictures show, by written rules, which override the manifest.

A manifest's label says what somebody called a picture, its ``visible`` what such a view usually
shows. Two tables are more exact. Both have the columns ``visible`` and ``edge``, labels joined by
``;``; ``edge`` has those that are often cut off or too faint to be sure of: they are neither taught
nor measured.

``templates.csv`` (``source, examined, view, visible, edge``) says what exposures of a part show;
the first row that matches counts, ``*`` matches all. ``readings.csv`` (``file, examined, visible,
edge``) says what single pictures show; if two labels are right, ``examined`` has both, and an empty
column leaves the example's value. A third table, ``ages.csv`` (``file, age``), says whether a
patient is evidently a ``child`` or an ``adult`` if the manifest does not know.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

from training.manifest import NONE, Age, ManifestError, labels_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from training.manifest import Example


def with_templates(examples: Iterable[Example], path: Path) -> list[Example]:
    """Return the examples with the visible labels that the templates give for their exposures.

    Raises
    ------
    ManifestError
        If a template names a label that does not exist, or calls one both visible and cut off.
    """
    with path.open(encoding="utf-8", newline="") as file:
        templates = list(csv.DictReader(file))

    def shown(example: Example) -> Example:
        for row in templates:
            keys = (example.source, example.examined, example.view)
            asked = (row["source"], row["examined"], row["view"])
            if all(ask in ("*", key) for ask, key in zip(asked, keys, strict=True)):
                return _showing(example, row)
        return example

    return [shown(example) for example in examples]


def with_readings(examples: Iterable[Example], path: Path) -> list[Example]:
    """Return the examples with the labels that were read from their pictures.

    Raises
    ------
    ManifestError
        If a reading names a label that does not exist, or calls one both visible and cut off.
    """
    with path.open(encoding="utf-8", newline="") as file:
        read = {row["file"]: row for row in csv.DictReader(file)}
    return [_read(row, read[row.file]) if row.file in read else row for row in examples]


def with_ages(examples: Iterable[Example], path: Path) -> list[Example]:
    """Return the examples with the ages read from their pictures, where the age was unknown.

    Raises
    ------
    ManifestError
        If an age is neither ``child`` nor ``adult``.
    """
    read: dict[str, Age] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["age"] not in ("child", "adult"):
                raise ManifestError(row["file"], f"its age is read as {row['age']!r}")
            read[row["file"]] = "child" if row["age"] == "child" else "adult"
    return where_unknown(examples, lambda example: read.get(example.file))


def where_unknown(
    examples: Iterable[Example], told: Callable[[Example], Age | None]
) -> list[Example]:
    """Return the examples; an unknown age is replaced by what ``told`` returns."""
    return [
        replace(example, age=told(example) or "unknown") if example.age == "unknown" else example
        for example in examples
    ]


def _read(example: Example, reading: dict[str, str]) -> Example:
    if reading["examined"] == NONE:
        return replace(example, examined=NONE, also=(), visible=(), edge=None)
    if reading["visible"]:
        example = replace(_showing(example, reading), read=True)
    if not reading["examined"]:
        return example
    first, *also = labels_shown(example.file, None, reading["examined"])
    visible = labels_shown(example.file, first, ";".join(example.visible))
    edge = example.edge and tuple(label for label in example.edge if label != first)
    return replace(example, examined=first, also=tuple(also), visible=visible, edge=edge)


def _showing(example: Example, row: dict[str, str]) -> Example:
    visible = labels_shown(example.file, None, row["visible"])
    edge = labels_shown(example.file, None, row["edge"])
    both = set(visible) & set(edge)
    if both:
        raise ManifestError(example.file, f"{min(both)} is both visible and cut off")
    return replace(example, visible=visible, edge=edge)
