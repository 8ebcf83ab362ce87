"""Splits pictures into training, calibration and test, by whole sources and whole patients."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodypart.labels import LABELS
from training.closeups import closeups
from training.errors import TrainingError
from training.readings import where_unknown, with_ages, with_readings, with_templates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.manifest import Example


SPLIT = Path(__file__).with_name("split.toml")
"""The split of the project's own pictures."""


class SplitError(TrainingError):
    """A split leaves nothing to learn from, to calibrate on, or to measure on."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts of a manifest.

    Attributes
    ----------
    train : tuple of Example
        Pictures on which the network is trained, and close-ups of them.
    calibration : tuple of Example
        Pictures for fitting temperature and thresholds, and for choosing between candidates.
    test : tuple of Example
        Pictures on which the reported figures are measured.
    labels : tuple of str
        Labels with enough training pictures to be emitted, without those left to the headers.
    unseen : frozenset of str
        Sources of which no picture is in the training.
    limbs : frozenset of str
        Sources of limb films that have figures of their own.
    collimated : tuple of Example
        Cuts from test pictures, as hospitals collimate; measured as pictures of their own.
    collimated_to_choose : tuple of Example
        The same from the calibration's pictures, for choosing between candidates.
    made : tuple of Example
        Exposures of parts that have hardly any pictures, cut out of test plates or joined from
        them; measured separately.
    made_to_choose : tuple of Example
        The same from the calibration's plates.
    """

    train: tuple[Example, ...]
    calibration: tuple[Example, ...]
    test: tuple[Example, ...]
    labels: tuple[str, ...]
    unseen: frozenset[str]
    limbs: frozenset[str]
    collimated: tuple[Example, ...] = ()
    collimated_to_choose: tuple[Example, ...] = ()
    made: tuple[Example, ...] = ()
    made_to_choose: tuple[Example, ...] = ()

    @property
    def whole(self) -> list[Example]:
        """The training's whole pictures."""
        return [row for row in self.train if row.box is None]

    @property
    def closeups(self) -> list[Example]:
        """The training's close-ups."""
        return [row for row in self.train if row.box is not None]


def _draw(text: str) -> float:
    """Return a pseudo-random number in 0..1 that depends only on the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True, slots=True)
class _Plan:
    """The content of a split file, and the folder of the files that it names."""

    said: dict[str, Any]
    folder: Path

    @classmethod
    def read(cls, path: Path) -> _Plan:
        """Read a file; ``as_in`` takes over another file, and holds out ``also_held_out`` too."""
        said: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        if "as_in" not in said:
            return cls(said, path.parent)
        base = cls.read(path.parent / said["as_in"])
        held_out = [*base.said["held_out"], *said["also_held_out"]]
        return replace(base, said={**base.said, "held_out": held_out})

    def taught(self, examples: Iterable[Example]) -> list[Example]:
        """Return the examples with ages and visible labels from the plan's tables."""
        ages = self.said["age"]
        rows = where_unknown(examples, lambda row: ages.get(row.source))
        if "templates" in self.said:
            rows = with_templates(rows, self.folder / self.said["templates"])
        if "readings" in self.said:
            rows = with_readings(rows, self.folder / self.said["readings"])
        if "ages" in self.said:
            rows = with_ages(rows, self.folder / self.said["ages"])
        return rows

    def trains(self, row: Example) -> bool:
        """Return whether an example is for training; if not, nor is the rest of its group."""
        if row.source in self.said["held_out"]:
            return False
        if row.foreign and row.source in self.said["held_out_foreign"]:
            return False
        apart: dict[str, float] = self.said["kept_apart"]
        fraction = apart.get(row.source, apart["*"])
        return self.said["never_measured"] in row.notes or _draw(f"apart {row.group}") >= fraction

    def calibrating(self, rows: list[Example], apart: list[Example]) -> list[Example]:
        """Return the examples kept apart that calibrate, those of the split ``first`` last."""
        sizes = Counter(row.source for row in apart)
        chosen = [
            row
            for row in apart
            if sizes[row.source] >= self.said["calibration_from"]
            and _draw(f"calibration {row.group}") < self.said["calibration"]
        ]
        if "first" in self.said:
            first = split(rows, self.folder / self.said["first"], with_closeups=False)
            earlier = {row.file for row in first.calibration} - {row.file for row in chosen}
            chosen += [row for row in apart if row.file in earlier]
        return chosen

    def cut(self, rows: list[Example], boxes: str) -> list[Example]:
        """Return the close-ups that the plan's file of boxes under a key cuts out of examples."""
        return closeups(rows, self.folder / self.said[boxes]) if boxes in self.said else []

    def emitted(self, train: list[Example]) -> tuple[str, ...]:
        """Return the labels with enough training examples, without those left to the headers."""
        count = Counter(row.examined for row in train)
        return tuple(
            part.label
            for part in LABELS
            if count[part.label] >= self.said["least_pictures"]
            and part.label not in self.said.get("left_to_headers", ())
        )


def split(examples: Iterable[Example], path: Path, *, with_closeups: bool = True) -> Split:
    """Split as the TOML file says; the same rows are always split in the same way.

    Close-ups of training pictures are added to the training, if wanted. If the file names another
    split as ``first``, the pictures on which that one calibrates, if kept apart here, calibrate
    here too and are not measured.

    Raises
    ------
    SplitError
        If no radiograph is left to train, to calibrate or to measure on.
    """
    plan = _Plan.read(path)
    rows = plan.taught(examples)
    sources: dict[str, str] = plan.said.get("joined", {})
    joined = {use: [row for row in rows if row.source == name] for use, name in sources.items()}
    rows = [row for row in rows if row.source not in sources.values()]
    train = [row for row in rows if plan.trains(row)]
    apart = [row for row in rows if not plan.trains(row)]
    calibration = plan.calibrating(rows, apart)
    aside = {row.file for row in calibration}
    test = [row for row in apart if row.file not in aside]
    for part, use, remedy in (
        (train, "train", "lower kept_apart"),
        (calibration, "calibrate", "raise kept_apart, or lower calibration_from"),
        (test, "measure", "raise kept_apart, or lower calibration"),
    ):
        if not any(row.examined and not row.foreign for row in part):
            raise SplitError(path, f"no radiograph is left to {use} on: {remedy}")
    if with_closeups:
        train += plan.cut(train, "closeups")
    train += joined.get("train", [])
    return Split(
        train=tuple(train),
        calibration=tuple(calibration),
        test=tuple(test),
        labels=plan.emitted(train),
        unseen=frozenset(plan.said["held_out"]),
        limbs=frozenset(plan.said["limbs"]),
        collimated=tuple(plan.cut(test, "collimated")),
        collimated_to_choose=tuple(plan.cut(calibration, "collimated")),
        made=(*plan.cut(test, "cut_out"), *joined.get("test", ())),
        made_to_choose=(*plan.cut(calibration, "cut_out"), *joined.get("calibration", ())),
    )
