"""Read DICOM files whose label is known, with the service's whole handling of pixels."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pydicom

from bodypart.pixels import PictureError, read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from bodypart.model.session import BodyPartModel


def dicom_readings(model: BodyPartModel, folder: Path) -> list[dict[str, Any]]:
    """Return label, answer and rejection for each file of ``folder/manifest.csv``.

    The manifest has the columns ``path`` and ``label``; an empty label means that the file shows
    none of the labels.
    """
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    result = []
    for row in rows:
        record: dict[str, Any] = {"file": row["path"], "label": row["label"] or None}
        try:
            picture = read_picture(pydicom.dcmread(folder / row["path"]))
        except PictureError as error:
            result.append({**record, "said": None, "error": str(error)})
            continue
        reading = model.read(picture.values)
        best = reading.top(1)
        result.append(
            {
                **record,
                "said": best[0].label if best else None,
                "probability": round(best[0].probability, 3) if best else None,
                "rejected": reading.rejected,
            }
        )
    return result
