"""What people confirmed, as rows of a training manifest (the columns of ``models/README.md``)."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_side.index import Index

COLUMNS = (
    "file", "source", "upstream", "licence", "licence_class", "group", "examined", "visible",
    "laterality", "view", "age_group", "notes",
)  # fmt: skip
_LICENCE_CLASS = "clear"


def manifest(index: Index, source: str) -> list[dict[str, str]]:
    """Return one row an instance that a person confirmed or corrected, oldest review first.

    Patients appear under their Orthanc id, which is a hash of the PatientID; no text of a header
    and no comment is in a row.

    Parameters
    ----------
    index : Index
        The search index.
    source : str
        Name of this archive, so that training can hold out whole archives.
    """
    rows = index.ask(
        "SELECT id, patient, examined, visible, laterality, laterality_source, machine_label, "
        "reviewed_at FROM instances WHERE reviewed_at IS NOT NULL ORDER BY reviewed_at, id"
    )
    return [_row(row, source) for row in rows]


def _row(row: tuple[Any, ...], source: str) -> dict[str, str]:
    instance, patient, examined, visible, side, side_source, machine, at = row
    # Only a person's word is certain; the machine's guesses teach nothing new.
    certain = [label for label, probability in json.loads(visible).items() if probability >= 1]
    note = "confirmed" if examined == machine else f"corrected from {machine or 'nothing'}"
    return {
        "file": f"{instance}.png",
        "source": source,
        "upstream": "",
        "licence": "own archive",
        "licence_class": _LICENCE_CLASS,
        "group": patient,
        "examined": examined or "",
        "visible": ";".join(certain),
        "laterality": side if side_source == "person" else "",
        "view": "",
        "age_group": "unknown",
        "notes": f"{note} {at}",
    }


def as_csv(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> bytes:
    """Return rows as CSV (RFC 4180) with a header line, UTF-8.

    A text that a spreadsheet would take for a formula is given a leading apostrophe.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(row[name]) for name in columns})
    return stream.getvalue().encode()


def _harmless(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
