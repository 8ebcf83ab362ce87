"""Coded anatomy: current, legacy and synonymous codes → label or region."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from bodypart.headers.vocabulary import Entry
from bodypart.labels import LABELS

_FOLDER = Path(__file__).parent


@cache
def _codes() -> dict[str, Entry]:
    """Return the entries by code value, current codes from the label table included."""
    known = {part.code.value: Entry(labels=(part.label,)) for part in LABELS}
    return _read(_FOLDER / "codes.csv", "value") | known


@cache
def _defined_terms() -> dict[str, Entry]:
    """Return the entries by defined term of PS3.16 Annex L."""
    known = {
        part.body_part_examined: Entry(labels=(part.label,)) for part in LABELS if part.exact_term
    }
    return _read(_FOLDER / "defined_terms.csv", "term") | known


def _read(path: Path, key: str) -> dict[str, Entry]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row[key]: Entry.parse(row["meaning"]) for row in csv.DictReader(file)}


def of_code(value: str) -> Entry | None:
    """Return what a code value of SNOMED CT or SNOMED RT means, or None.

    The coding scheme designator is ignored: SCT, SRT, SNM3, SNOMED and 99SDM all occur with the
    same values (PS3.16 section 8.1), and no value means two things.
    """
    return _codes().get(value.strip().upper())


def of_defined_term(value: str) -> Entry | None:
    """Return what a defined term of Body Part Examined means, or None.

    Blanks, underscores and other signs between the letters do not matter.
    """
    bare = "".join(sign for sign in value.upper() if sign.isascii() and sign.isalnum())
    return _defined_terms().get(bare)
