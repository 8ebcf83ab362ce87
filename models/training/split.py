"""Which pictures train, which calibrate, which test: whole sources and whole patients."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodypart.labels import LABELS
from training.closeups import closeups
from training.readings import with_readings, with_templates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.manifest import Example


SPLIT = Path(__file__).with_name("split.toml")
"""The split of the project's own pictures."""


class SplitError(ValueError):
    """A split leaves nothing to learn from, to calibrate on, or to measure on."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts of a manifest.

    Attributes
    ----------
    train : tuple of Example
        Pictures that the network sees, and close-ups of them.
    calibration : tuple of Example
        Pictures for temperature, thresholds and choices.
    test : tuple of Example
        Pictures of the reported figures.
    labels : tuple of str
        Labels with enough training pictures to be emitted, but for those left to the headers.
    unseen : frozenset of str
        Sources of which the training sees nothing.
    limbs : frozenset of str
        Those of them that are limb films.
    collimated : tuple of Example
        Parts of tested pictures, cut as hospitals collimate; measured as pictures of their own.
    collimated_to_choose : tuple of Example
        The same of the calibration's pictures, to choose between candidates by.
    made : tuple of Example
        Exposures of parts of which there are hardly any, cut out of tested plates or joined from
        them; measured by themselves.
    made_to_choose : tuple of Example
        The same of the calibration's plates.
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
    """Return a number in 0..1 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _plan(path: Path) -> tuple[dict[str, Any], Path]:
    """Return what a split file says, and the folder that the files it names lie in.

    One with ``as_in`` says what another file says, with the sources of ``also_held_out`` left out.
    """
    plan: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    if "as_in" not in plan:
        return plan, path.parent
    base, folder = _plan(path.parent / plan["as_in"])
    return {**base, "held_out": [*base["held_out"], *plan["also_held_out"]]}, folder


def split(examples: Iterable[Example], path: Path, *, with_closeups: bool = True) -> Split:
    """Split as the TOML file says; the same rows always fall on the same side.

    Close-ups are added to the training where the picture that they are cut from trains, unless
    they are not wanted. What the split named as ``first`` calibrates on calibrates here, too, and
    is not measured.

    Raises
    ------
    SplitError
        If no radiograph is left to train, to calibrate or to measure on.
    """
    plan, folder = _plan(path)
    held_out, foreign = set(plan["held_out"]), set(plan["held_out_foreign"])
    kept_apart: dict[str, float] = plan["kept_apart"]
    rows = [
        replace(row, age=plan["age"][row.source])
        if row.age == "unknown" and row.source in plan["age"]
        else row
        for row in examples
    ]
    if "templates" in plan:
        rows = with_templates(rows, folder / plan["templates"])
    if "readings" in plan:
        rows = with_readings(rows, folder / plan["readings"])
    joined: dict[str, str] = plan.get("joined", {})
    made = {use: [r for r in rows if r.source == name] for use, name in joined.items()}
    rows = [row for row in rows if row.source not in joined.values()]
    train: list[Example] = []
    measured: list[Example] = []
    for row in rows:
        fraction = kept_apart.get(row.source, kept_apart["*"])
        if row.source in held_out or (row.foreign and row.source in foreign):
            measured.append(row)
        elif plan["never_measured"] in row.notes or _draw(f"apart {row.group}") >= fraction:
            train.append(row)
        else:
            measured.append(row)
    sizes = Counter(row.source for row in measured)
    calibration = [
        row
        for row in measured
        if sizes[row.source] >= plan["calibration_from"]
        and _draw(f"calibration {row.group}") < plan["calibration"]
    ]
    if "first" in plan:
        first = split(rows, folder / plan["first"], with_closeups=False)
        earlier = {row.file for row in first.calibration}
        chosen = {row.file for row in calibration}
        calibration += [r for r in measured if r.file in earlier and r.file not in chosen]
    aside = {row.file for row in calibration}
    test = [row for row in measured if row.file not in aside]
    for part, use, remedy in (
        (train, "train", "lower kept_apart"),
        (calibration, "calibrate", "raise kept_apart, or lower calibration_from"),
        (test, "measure", "raise kept_apart, or lower calibration"),
    ):
        if not any(row.examined and not row.foreign for row in part):
            raise SplitError(path, f"no radiograph is left to {use} on: {remedy}")
    if with_closeups and "closeups" in plan:
        train += closeups(train, folder / plan["closeups"])
    train += made.get("train", [])
    count = Counter(row.examined for row in train)

    def cut(rows: list[Example], boxes: str) -> tuple[Example, ...]:
        return tuple(closeups(rows, folder / plan[boxes])) if boxes in plan else ()

    return Split(
        train=tuple(train),
        calibration=tuple(calibration),
        test=tuple(test),
        labels=tuple(
            part.label
            for part in LABELS
            if count[part.label] >= plan["least_pictures"]
            and part.label not in plan.get("left_to_headers", ())
        ),
        unseen=frozenset(held_out),
        limbs=frozenset(plan["limbs"]),
        collimated=cut(test, "collimated"),
        collimated_to_choose=cut(calibration, "collimated"),
        made=(*cut(test, "cut_out"), *made.get("test", ())),
        made_to_choose=(*cut(calibration, "cut_out"), *made.get("calibration", ())),
    )
