"""Markers on the films kept apart from training: ``readings.csv``, read at their stored size.

Columns: ``file``, ``letters`` (those of `LETTERS` on the film, joined by ``;``; ``-`` for none,
``?`` for one that cannot be read, is cut off, mirrored or lies on its side, ``#`` for a D or E that
names the panel of a printed figure) and ``both`` (``yes`` where the film shows the limbs of both
sides). They were read by a program looking at the pictures, not by a radiographer; doubtful films,
and those where an early finder was sure of something else, were read again, magnified.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from bodypart.model.side_marker import SIDE_OF_LETTER
from training.manifest import ManifestError

READINGS = Path(__file__).with_name("readings.csv")


@dataclass(frozen=True, slots=True)
class Reading:
    """The markers read on one film.

    Attributes
    ----------
    letters : tuple of str
        Its side letters.
    readable : bool
        Whether every marker on it could be read.
    both : bool
        Whether it shows the limbs of both sides.
    panel : bool
        Whether it is from a printed figure whose panel is named D or E.
    """

    letters: tuple[str, ...]
    readable: bool
    both: bool
    panel: bool = False

    @property
    def side(self) -> str | None:
        """The side that its letters name; None if they name none or both."""
        sides = {SIDE_OF_LETTER[letter] for letter in self.letters}
        return sides.pop() if len(sides) == 1 else None


def read_readings(path: Path = READINGS) -> dict[str, Reading]:
    """Return the reading of each film.

    Raises
    ------
    ManifestError
        If a letter is no side letter.
    """
    readings = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            said = row["letters"]
            letters = () if said in ("-", "?", "#") else tuple(said.split(";"))
            unknown = set(letters) - set(SIDE_OF_LETTER)
            if unknown:
                raise ManifestError(row["file"], f"{min(unknown)!r} is no side letter")
            readings[row["file"]] = Reading(letters, said != "?", row["both"] == "yes", said == "#")
    return readings
