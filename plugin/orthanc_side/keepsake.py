"""What an overwrite wipes: metadata, labels and attachments of an instance and what is above it.

Orthanc deletes an instance before it stores its successor, and with it a series, study or patient
that has no other child. A keepsake is taken before, and survives a crash as a file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthanc_side import archive
from orthanc_side.archive import Ancestors

_FIRST_USER_NUMBER = 1024


@dataclass(slots=True)
class Keepsake:
    """One instance about to be overwritten.

    Attributes
    ----------
    annotation : dict
        The annotation that the rewritten instance is to carry.
    levels : list of dict
        Per level: ``level``, ``id``, ``metadata`` (name to value), ``labels``.
    attachments : list of dict
        Per user-defined attachment: ``level``, ``id``, ``name``, ``file`` (beside the keepsake).
    """

    annotation: dict[str, Any]
    levels: list[dict[str, Any]]
    attachments: list[dict[str, str]]

    @property
    def instance(self) -> str:
        """Orthanc id of the instance."""
        return str(self.annotation["instance"])


class Keepsakes:
    """The folder of keepsakes that are not given back yet.

    Parameters
    ----------
    folder : Path
        Made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, annotation: dict[str, Any], above: Ancestors) -> Keepsake:
        """Save what an overwrite of the annotation's instance would wipe."""
        instance = annotation["instance"]
        resources = [
            ("instances", instance),
            ("series", above.series),
            ("studies", above.study),
            ("patients", above.patient),
        ]
        levels, attachments = [], []
        self._folder.mkdir(parents=True, exist_ok=True)
        for level, resource in resources:
            numbered = archive.user_metadata(level, resource)
            labels = archive.labels(level, resource)
            levels.append({"level": level, "id": resource, "metadata": numbered, "labels": labels})
            for name in archive.user_attachments(level, resource):
                file = f"{instance}.{level}.{name}"
                _write_durably(self._folder / file, archive.attachment(level, resource, name))
                attachments.append({"level": level, "id": resource, "name": name, "file": file})
        keepsake = Keepsake(annotation, levels, attachments)
        record = {"annotation": annotation, "levels": levels, "attachments": attachments}
        _write_durably(self._path(instance), json.dumps(record).encode())
        return keepsake

    def left_over(self) -> list[str]:
        """Return the instances of which a keepsake was not given back."""
        if not self._folder.is_dir():
            return []
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def has(self, instance: str) -> bool:
        """Tell whether an instance's keepsake was not given back."""
        return self._path(instance).exists()

    def of(self, instance: str) -> Keepsake | None:
        """Return an instance's keepsake that was not given back, None if there is none.

        Raises
        ------
        ValueError, TypeError
            If the file is damaged.
        """
        try:
            text = self._path(instance).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return Keepsake(**json.loads(text))

    def give_back(self, keepsake: Keepsake) -> None:
        """Put back what is missing; what is there, or was set meanwhile, stays."""
        for entry in keepsake.levels:
            level, resource = entry["level"], entry["id"]
            present = archive.user_metadata(level, resource)
            for name, value in entry["metadata"].items():
                if name not in present:
                    archive.set_metadata(level, resource, name, value)
            there = set(archive.labels(level, resource))
            for label in entry["labels"]:
                if label not in there:
                    archive.set_label(level, resource, label, present=True)
        for entry in keepsake.attachments:
            if entry["name"] not in archive.user_attachments(entry["level"], entry["id"]):
                data = (self._folder / entry["file"]).read_bytes()
                archive.set_attachment(entry["level"], entry["id"], entry["name"], data)

    def drop(self, instance: str) -> None:
        """Remove the keepsake of an instance."""
        # The record goes first: without it the attachments mean nothing.
        self._path(instance).unlink(missing_ok=True)
        for path in self._folder.glob(f"{instance}.*"):
            path.unlink(missing_ok=True)

    def set_aside(self, instance: str) -> None:
        """Keep a damaged keepsake, in the folder ``failed``, for a person to look at."""
        aside = self._folder / "failed"
        aside.mkdir(exist_ok=True)
        for path in self._folder.glob(f"{instance}.*"):
            path.replace(aside / path.name)

    def _path(self, instance: str) -> Path:
        return self._folder / f"{instance}.json"


def _write_durably(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the whole of it or nothing."""
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
