"""Pictures that look like films of whole legs, joined from plates of hips, knees and ankles.

There are next to no such films among the pictures that may be trained on. Each film is made from
plates of one part of the split, so that test films contain nothing of the training.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from training.errors import TrainingError, refusals_told
from training.long_legs_pieces import (
    ANKLE,
    HIP,
    KNEE,
    PIECES,
    Leg,
    Piece,
    join,
    read_piece,
    read_rows,
)
from training.manifest import read_manifest
from training.paths import MANIFEST, RUNS
from training.pictures import LONG_SIDE
from training.split import SPLIT, split

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from training.long_legs_pieces import Plane
    from training.split import Split


TRAINING_FILMS, CALIBRATION_FILMS, TEST_FILMS = 170, 12, 40
"""How many films are made from the plates of each part of the split."""

FOLDER = "long_legs"
"""Folder of the films, beside the manifest that lists them."""

SAID = {
    "examined": "lower_limb",
    "visible": "lower_limb;hip;femur;knee;lower_leg;ankle",
    "view": "AP",
    "age_group": "unknown",
}
"""Columns of the manifest that are the same for all films."""


class Format(NamedTuple):
    """Films of one or two legs: limits of height over width, and of the factor that slims them."""

    ratio: tuple[float, float]
    slimmer: tuple[float, float]


ONE_LEG = Format(ratio=(2.6, 4.2), slimmer=(0.85, 1.0))
TWO_LEGS = Format(ratio=(1.7, 3.3), slimmer=(0.7, 0.92))
"""Legs on standing films are narrower than on plates, and closer to each other."""

WITH_TWO_LEGS = 0.5
"""Share of the films that show both legs."""

SAME_KNEE = 0.4
"""Share of those that show the knee of one plate twice."""

SETS, SETS_BESIDE = 3, 5
"""How many pairs of knee and ankle are tried for a leg, and for the second leg of a film."""

UNLEVEL = 20
"""Cost, in the fit, of a difference in the knees' heights; heights are fractions of the leg."""

FILM = (1200, 1500)
"""Columns and rows of the canvas on which a film is composed."""

MIDLINE, HIP_ROW = 600, 350
"""Column of the body's midline and row of the hip joint on this canvas."""

MIDLINE_FADE = 8
"""Columns over which one half of the body fades into the other."""

LIT = 0.08
"""Brighter values are a limb, darker ones the background."""

OTHER_GAIN = (0.6, 1.7)
"""Limits of the factor that makes the second leg as bright as the first."""

CUT_SHORT, CUT_PART = 0.3, (0.05, 0.25)
"""Share of the films of one leg that end before the midline, and the fraction of width missing."""

UPPER_CUT, LOWER_CUT = 0.1, 0.025
"""Fractions of the height that are cut off at the upper and lower end, at most."""

HIP_MARGIN, ANKLE_MARGIN = 0.035, 0.03
"""Fractions of the height that are kept above the hip joint and below the ankle joint."""

BESIDE = 0.1
"""Background beside the skin, as a fraction of the width, at most."""

WHITE, BLACK = 99.5, 0.03
"""The percentile that becomes white, among values brighter than the second number."""

LEAST_WHITE = 0.2
"""Least value that becomes white."""

GAMMA, LIGHT = (0.6, 1.25), (0.8, 1.0)
"""Limits of the tones of different systems: exponent, and brightness of white."""

GREY_GROUND, GROUND = 0.33, 0.12
"""Share of the films whose background is not black, and its brightness, at most."""


class LongLegsError(TrainingError):
    """Films cannot be drawn, or not written to that folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A drawn picture.

    Attributes
    ----------
    image : Image
        The picture, 8-bit grey.
    files : tuple of str
        Plates that it was made from.
    """

    image: Image.Image
    files: tuple[str, ...]


class LongLegs:
    """Draws films from the plates given.

    Parameters
    ----------
    folder : Path
        Folder of the manifest.
    files : collection of str
        Plates that may be used.
    pieces : Path
        Table of the pieces on the plates.

    Raises
    ------
    LongLegsError
        If the plates have no hip, no knee or no ankle.
    """

    def __init__(self, folder: Path, files: Collection[str], pieces: Path = PIECES) -> None:
        self._pieces: dict[str, list[Piece]] = {HIP: [], KNEE: [], ANKLE: []}
        for row in read_rows(pieces):
            if row["file"] in files:
                self._pieces[row["piece"]].append(read_piece(row, folder))
        for kind, found in self._pieces.items():
            if not found:
                raise LongLegsError(f"no plate of {folder} that may be used shows a piece: {kind}")

    def _one_of(self, random: np.random.Generator, kind: str, file: str | None = None) -> Piece:
        """Choose a piece at random, among those of one plate if ``file`` is given."""
        of = [piece for piece in self._pieces[kind] if file in {None, piece.file}]
        return of[int(random.integers(len(of)))]

    def leg(self, random: np.random.Generator) -> Leg:
        """Return the best fitting of a few random legs with the same hip."""
        hip = self._one_of(random, HIP)
        return max(
            (
                join(random, hip, self._one_of(random, KNEE), self._one_of(random, ANKLE))
                for _ in range(SETS)
            ),
            key=lambda leg: leg.fit,
        )

    def leg_beside(self, random: np.random.Generator, first: Leg) -> Leg:
        """Return the other leg of a person: its hip from the same plate, its knee about as high."""
        hip_file, knee_file, _ = first.files
        same = knee_file if random.random() < SAME_KNEE else None
        legs = [
            join(
                random,
                self._one_of(random, HIP, hip_file),
                self._one_of(random, KNEE, same),
                self._one_of(random, ANKLE),
            )
            for _ in range(SETS_BESIDE)
        ]
        height = first.knee_height
        return max(legs, key=lambda leg: leg.fit - UNLEVEL * abs(leg.knee_height - height))

    def draw(self, random: np.random.Generator) -> Film:
        """Draw a film of one leg or of both."""
        two = bool(random.random() < WITH_TWO_LEGS)
        first = self.leg(random)
        left, right = 0.0, first.outer
        above, below = first.above, first.below
        values, files = _laid(first), first.files
        if two:
            other = self.leg_beside(random, first)
            scale = first.length / other.length
            values = _both(values, _laid(other, scale), round(first.length))
            left = -other.outer * scale
            above, below = min(above, other.above * scale), min(below, other.below * scale)
            files += other.files
        elif random.random() < CUT_SHORT:
            left = right * random.uniform(*CUT_PART)
        height = above + below
        top = max(HIP_MARGIN * height, above - random.uniform(0, UPPER_CUT) * height)
        bottom = max(
            first.length + ANKLE_MARGIN * height, below - random.uniform(0, LOWER_CUT) * height
        )
        beside = random.uniform(0, BESIDE) * (right - left)
        kind = TWO_LEGS if two else ONE_LEG
        box = _shaped((left - two * beside, -top, right + beside, bottom), kind)
        image = _cut(_toned(random, values), box, random.uniform(*kind.slimmer))
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return Film(image, files)


def _laid(leg: Leg, scale: float = 1) -> Plane:
    """Return a leg on a film's canvas, midline and hip joint in their places."""
    start = leg.origin - complex(MIDLINE, HIP_ROW) / scale
    image = Image.fromarray(leg.values()).transform(
        FILM,
        Image.Transform.AFFINE,
        (1 / scale, 0, start.real, 0, 1 / scale, start.imag),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(image)


def _both(first: Plane, other: Plane, length: int) -> Plane:
    """Return both legs in one plane; the second is mirrored and made as bright as the first."""
    rows = slice(HIP_ROW, HIP_ROW + length)
    wanted, found = (part[rows][part[rows] > LIT].mean() for part in (first, other))
    gain = np.float32(np.clip(wanted / found, *OTHER_GAIN))
    x = np.arange(FILM[0]) + 0.5
    share = np.clip(0.5 + (x - MIDLINE) / MIDLINE_FADE, 0, 1)
    # MIDLINE is the middle column, so that the mirrored half meets the first one there.
    return (first * share + (other * share * gain)[:, ::-1]).astype(np.float32)


def _shaped(
    box: tuple[float, float, float, float], kind: Format
) -> tuple[float, float, float, float]:
    """Return a box, its sides moved so that height over width is within the format's limits."""
    left, top, right, bottom = box
    ratio = float(np.clip((bottom - top) / (right - left), *kind.ratio))
    middle, half = (left + right) / 2, (bottom - top) / ratio / 2
    return middle - half, top, middle + half, bottom


def _toned(random: np.random.Generator, values: Plane) -> Plane:
    """Return a film's values, 0 to 1, in a random tone."""
    lit = values[values > BLACK]
    white = max(float(np.percentile(lit, WHITE)), LEAST_WHITE)
    toned = np.clip(values / white, 0, 1) ** random.uniform(*GAMMA) * random.uniform(*LIGHT)
    ground = random.uniform(0, GROUND) if random.random() < GREY_GROUND else 0.0
    return (ground + (1 - ground) * toned).astype(np.float32)


def _cut(values: Plane, box: tuple[float, float, float, float], slimmer: float) -> Image.Image:
    """Return a box, relative to midline and hip joint, as a picture; its width is slimmed."""
    left, top, right, bottom = box
    columns = round(LONG_SIDE * (right - left) / (bottom - top) * slimmer)
    picture = Image.fromarray((values * 255).astype(np.uint8))
    around = (MIDLINE + left, HIP_ROW + top, MIDLINE + right, HIP_ROW + bottom)
    return picture.resize((columns, LONG_SIDE), Image.Resampling.LANCZOS, box=around)


class Part(NamedTuple):
    """A part of the split: films to draw, the plates they may be made from, and notes on them."""

    name: str
    films: int
    plates: frozenset[str]
    notes: str = "joined"

    @property
    def source(self) -> str:
        """Source of its films in the manifest; the split file refers to it under ``joined``."""
        return f"joined plates ({self.name})"

    def file(self, number: int) -> str:
        """Return the path of a film, relative to the manifest."""
        return f"{FOLDER}/{self.name}{number:03}.png"


def parts_of(sides: Split) -> tuple[Part, ...]:
    """Return the parts of a split."""
    train, calibration, test = (
        frozenset(row.file for row in rows) for rows in (sides.train, sides.calibration, sides.test)
    )
    return (
        Part("training", TRAINING_FILMS, train, "joined, keep out of validation"),
        Part("calibration", CALIBRATION_FILMS, calibration),
        Part("test", TEST_FILMS, test),
    )


def _row(part: Part, number: int, plates: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return a manifest's row for a film that was made from these plates."""

    def of_all(column: str) -> str:
        return "; ".join(dict.fromkeys(plate[column] for plate in plates))

    clear = all(plate["licence_class"] == "clear" for plate in plates)
    return {
        "file": part.file(number),
        "source": part.source,
        "upstream": of_all("upstream"),
        "licence": of_all("licence"),
        "licence_class": "clear" if clear else "unclear",
        "group": part.file(number),
        "notes": part.notes,
        **SAID,
    }


def draw_films(
    manifest: Path, out: Path, *, split_file: Path = SPLIT, pieces: Path = PIECES
) -> None:
    """Draw the films of all parts, and write a copy of the manifest with their rows added.

    Raises
    ------
    LongLegsError
        If the manifest would be written over, or a part has no plates to join.
    """
    if out.resolve() == manifest.parent.resolve():
        raise LongLegsError(f"{manifest} would be written over")
    with manifest.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows, columns = list(reader), reader.fieldnames or ()
    plates = {row["file"]: row for row in rows}
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    sides = split(read_manifest(manifest), split_file, with_closeups=False)
    for index, part in enumerate(parts_of(sides)):
        legs = LongLegs(manifest.parent, part.plates, pieces)
        for number in range(part.films):
            film = legs.draw(np.random.default_rng((index, number)))
            film.image.save(out / part.file(number))
            rows.append(_row(part, number, [plates[file] for file in film.files]))
    images = out / "images"
    images.unlink(missing_ok=True)
    images.symlink_to((manifest.parent / "images").resolve())
    with (out / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@refusals_told()
def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--out", type=Path, default=RUNS / FOLDER)
    given = parser.parse_args()
    draw_films(given.manifest, given.out)


if __name__ == "__main__":
    main()
