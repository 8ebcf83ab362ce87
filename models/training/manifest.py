"""The manifest of training pictures, and what each row teaches."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bodypart.labels import BY_LABEL
from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

NONE = "none"
"""The examined part of a foreign picture in the manifest."""

_VIEWS = {
    "AP": "frontal",
    "PA": "frontal",
    "PA/AP": "frontal",
    "LAT": "lateral",
    "oblique": "oblique",
    "OBL": "oblique",
    "Y": "oblique",
}

Age = Literal["child", "adult", "unknown"]


class ManifestError(TrainingError):
    """A row of the manifest cannot be used."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"manifest row {file!r}: {reason}")


@dataclass(frozen=True, slots=True)
class Example:
    """One row of the manifest, or a close-up of its picture.

    Attributes
    ----------
    file : str
        Path relative to the manifest.
    source : str
        Where the picture comes from; some sources are held out as a whole.
    licence_class : str
        ``clear`` or ``unclear``.
    licence : str
        Licence as the source states it; only for the table of sources.
    group : str
        Patient, or what comes nearest to it; a group is never split.
    examined : str or None
        A label, ``none`` for a foreign picture, None if it is not known.
    visible : tuple of str
        Labels known to be in the picture.
    view : str or None
        ``frontal``, ``lateral``, ``oblique`` or None.
    age : str
        ``child``, ``adult`` or ``unknown``.
    notes : str
        Free text.
    box : tuple of int, or None
        Of a close-up: left, top, right and bottom of its box in the picture, in percent.
    also : tuple of str
        Further labels that are right as well as the examined one.
    edge : tuple of str, or None
        If ``visible`` was read from the picture or set by a template: labels that are cut off or
        too faint to be sure of; all others are absent. None otherwise.
    on_plate : tuple of str
        Of a close-up: labels that may be in the picture from which it is cut.
    read : bool
        Whether ``visible`` and ``edge`` were read from this very picture.
    """

    file: str
    source: str
    licence_class: str
    licence: str
    group: str
    examined: str | None
    visible: tuple[str, ...]
    view: str | None
    age: Age
    notes: str
    box: tuple[int, int, int, int] | None = None
    also: tuple[str, ...] = ()
    edge: tuple[str, ...] | None = None
    on_plate: tuple[str, ...] = ()
    read: bool = False

    @property
    def accepted(self) -> tuple[str, ...]:
        """All right answers for the examined part; empty if it is not known."""
        return () if self.examined is None else (self.examined, *self.also)

    @property
    def name(self) -> str:
        """The file, with the box of a close-up."""
        return self.file if self.box is None else f"{self.file} {self.box}"

    @property
    def foreign(self) -> bool:
        """Whether the picture is no radiograph of a body part."""
        return self.examined == NONE

    def hidden(self) -> frozenset[str]:
        """Labels that may be in the picture or not, as far as the row says.

        The manifest lists the labels that are visible. Of the others, those that a standard
        exposure of the examined part may show are unknown; the rest are absent.
        """
        if self.foreign:
            return frozenset(BY_LABEL)
        if self.edge is not None:
            return frozenset(self.edge)
        near: set[str] = set()
        for label in (self.examined,) if self.examined else self.visible:
            part = BY_LABEL[label]
            near.update(part.visible, part.often_visible)
        return frozenset(near.difference(self.visible))


def view_of(position: str) -> str | None:
    """Return the kind of view for a manifest's view position; None if it is none of these."""
    return _VIEWS.get(position)


def labels_shown(file: str, examined: str | None, visible: str) -> tuple[str, ...]:
    """Return the labels of a row's ``visible``, the examined one included.

    Raises
    ------
    ManifestError
        If one of them does not exist.
    """
    if examined is not None and examined not in BY_LABEL:
        raise ManifestError(file, f"examined is {examined!r}, which is no label")
    labels = tuple(label for label in visible.split(";") if label)
    for label in labels:
        if label not in BY_LABEL:
            raise ManifestError(file, f"visible has {label!r}, which is no label")
    return labels if examined is None or examined in labels else (examined, *labels)


def _example(row: dict[str, str]) -> Example:
    file, examined = row["file"], row["examined"] or None
    visible = labels_shown(file, None if examined == NONE else examined, row["visible"])
    age: Age = "child" if row["age_group"] == "child" else "unknown"
    if row["age_group"] == "adult":
        age = "adult"
    return Example(
        file=file,
        source=row["source"],
        licence_class=row["licence_class"],
        licence=row.get("licence", ""),
        group=row["group"],
        examined=examined,
        visible=visible,
        view=view_of(row["view"]),
        age=age,
        notes=row["notes"],
    )


def read_manifest(path: Path, licences: Literal["all", "clear"] = "all") -> list[Example]:
    """Read the rows in the file's order; with ``clear``, only clearly licensed ones.

    Raises
    ------
    ManifestError
        If a row names a label that does not exist.
    """
    with path.open(encoding="utf-8", newline="") as file:
        examples = [_example(row) for row in csv.DictReader(file)]
    if licences == "clear":
        examples = [example for example in examples if example.licence_class == "clear"]
    return examples
