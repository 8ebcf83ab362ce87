"""Real radiographs (../shared) as DICOM, with invented headers: most are right, some wrong."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from phantoms import dataset_of

_SPOKEN = {
    "knee": ("Knie re. 2 Eb.", "Genou gauche face/profil", "XR KNEE LT 2V"),
    "hand": ("Hand li. d.p.", "Main droite", "XR HAND RT 3V"),
    "foot": ("Fuß li.", "Pied droit face", "XR FOOT LT 2V"),
    "chest": ("Thorax p.a.", "Thorax face", "CHEST PA"),
    "pelvis": ("Becken a.p.", "Bassin face", "XR PELVIS 1V"),
    "shoulder": ("Schulter re.", "Épaule gauche", "XR SHOULDER RT"),
    "ankle": ("OSG li.", "Cheville droite", "XR ANKLE LT 3V"),
    "elbow": ("Ellenbogen re.", "Coude gauche", "XR ELBOW RT"),
}
"""Study descriptions as hospitals write them, for each part."""
_WRONG = {"knee": "foot", "hand": "foot", "foot": "hand", "chest": "pelvis", "pelvis": "chest"}
_STATIONS = ("RAUM1", "RAUM2", "MOBIL")
_NAMES = ("Meier^Anna", "Dupont^Jean", "Suzuki^Hanako=鈴木^花子", "Rossi^Maria", "Silva^João")
_WRONG_EVERY, _SILENT_EVERY = 9, 7


@dataclass(frozen=True, slots=True)
class Film:
    """A radiograph to be uploaded.

    Attributes
    ----------
    dataset : FileDataset
        The DICOM data set.
    examined : str
        The part that it shows, according to its source.
    wrong : bool
        Whether its header names another part.
    """

    dataset: FileDataset
    examined: str
    wrong: bool


def films(shared: Path, knees: int, others: int) -> list[Film]:
    """Return films of knees, and of other parts in turn; some headers are wrong or name no part.

    The same numbers always give the same films.
    """
    with (shared / "radiographs/manifest.csv").open(encoding="utf-8", newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["examined"] in _SPOKEN]
    by_part = {part: [row for row in rows if row["examined"] == part] for part in _SPOKEN}
    turn = cycle(part for part in _SPOKEN if part != "knee")
    parts = ["knee"] * knees + [next(turn) for _ in range(others)]
    taken = {part: _spread(found) for part, found in by_part.items()}
    return [_film(shared, next(taken[part]), number) for number, part in enumerate(parts)]


def of_picture(path: Path, **headers: object) -> FileDataset:
    """Return the data set of a picture with given headers."""
    with Image.open(path) as file:
        grey = np.asarray(file.convert("L"))
    options = {"modality": "DX", "SpecificCharacterSet": "ISO_IR 192", **headers}
    return dataset_of(grey, bits=8, **options)


def _spread(rows: list[dict[str, str]]) -> cycle[dict[str, str]]:
    """Cycle through the pictures, taking all sources in turn, not one source after the other."""
    seen: dict[str, int] = {}
    for row in rows:
        seen[row["source"]] = seen.get(row["source"], 0) + 1
        row["turn"] = f"{seen[row['source']]:05}"
    return cycle(sorted(rows, key=lambda row: (row["turn"], row["source"])))


def _film(shared: Path, row: dict[str, str], number: int) -> Film:
    part = row["examined"]
    wrong = number % _WRONG_EVERY == _WRONG_EVERY - 1 and part in _WRONG
    headers = {
        "PatientID": generate_uid(entropy_srcs=[row["file"]]),
        "PatientName": _NAMES[number % len(_NAMES)],
        "StudyDate": f"20260{1 + number % 9}{10 + number % 18}",
        "StationName": _STATIONS[number % len(_STATIONS)],
        "AccessionNumber": f"A{number:05}",
    }
    if wrong or number % _SILENT_EVERY:
        said = _WRONG[part] if wrong else part
        headers["StudyDescription"] = _SPOKEN[said][number % 3]
        headers["BodyPartExamined"] = said.upper()
    dataset = of_picture(shared / "radiographs" / row["file"], **headers)
    return Film(dataset, part, wrong)
