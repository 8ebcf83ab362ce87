"""What must hold before the plugin starts, and where its files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bodypart.headers.vocabulary import Vocabulary, VocabularyError
from bodypart.settings import Settings, SettingsError
from orthanc_side import archive
from orthanc_side.archive import ANNOTATION, CODE

_ROOT = Path(__file__).resolve().parents[2]


def checked_settings(configuration: dict[str, Any]) -> Settings:
    """Return the settings, with the worker's interpreter and the model's file filled in.

    Parameters
    ----------
    configuration : dict
        Orthanc's whole configuration.

    Raises
    ------
    SettingsError
        If the ``BodyPart`` section, or what it needs beside it, is wrong.
    """
    for key in configuration:
        if key != "BodyPart" and key.lower() == "bodypart":
            raise SettingsError(f"{key} is not a section; did you mean BodyPart?")
    settings = Settings.parse(configuration.get("BodyPart"))
    if settings.terms:
        try:
            Vocabulary.load(settings.terms)
        except VocabularyError as error:
            raise SettingsError(f"BodyPart.Terms: {error}") from None
    _require_metadata_names(configuration)
    if settings.tags == "in-place":
        _require_overwriting(configuration)
    python = Path(settings.python or _ROOT / ".venv/bin/python")
    model = Path(settings.model or _ROOT / "models/bodypart.onnx")
    for key, path in (("Python", python), ("Model", model), ("Model", model.with_suffix(".json"))):
        if not path.is_file():
            raise SettingsError(f"BodyPart.{key}: there is no file {path}")
    if not os.access(python, os.X_OK):
        raise SettingsError(f"BodyPart.Python: {python} is no program")
    for key, file in (("IndexFile", settings.index_file), ("AuditFile", settings.audit_file)):
        if file and not (Path(file).parent.is_dir() and os.access(Path(file).parent, os.W_OK)):
            raise SettingsError(f"BodyPart.{key}: no file can be written to {Path(file).parent}")
    return replace(settings, python=str(python), model=str(model))


def _require_metadata_names(configuration: dict[str, Any]) -> None:
    names = configuration.get("UserMetadata") or {}
    missing = [name for name in (ANNOTATION, CODE) if name not in names]
    if missing:
        raise SettingsError(
            f"UserMetadata lacks {' and '.join(missing)}: give each a number from 1024 to 65535"
        )
    if configuration.get("CheckRevisions"):
        raise SettingsError("CheckRevisions must be false: the plugin updates its own metadata")


def _require_overwriting(configuration: dict[str, Any]) -> None:
    """In-place writing stores a file over itself, through Orthanc's own HTTP server."""
    for key, needed, default in (
        ("OverwriteInstances", True, False),
        ("HttpServerEnabled", True, True),
    ):
        if configuration.get(key, default) is not needed:
            raise SettingsError(f'BodyPart.Tags "in-place" needs "{key}": {str(needed).lower()}')


@dataclass(frozen=True, slots=True)
class Files:
    """The plugin's own files.

    Attributes
    ----------
    index : Path
        The search index, a cache.
    audit : Path
        The audit trail.
    keepsakes : Path
        Folder of what an interrupted rewrite has to give back.
    """

    index: Path
    audit: Path
    keepsakes: Path

    @classmethod
    def of(cls, settings: Settings, configuration: dict[str, Any]) -> Files:
        """Return where the files lie: in Orthanc's index directory unless settings say else."""
        folder = _own_folder(configuration)
        if not settings.index_file:
            # Missing where database and storage are elsewhere (PostgreSQL, object storage).
            folder.mkdir(parents=True, exist_ok=True)
        index = Path(settings.index_file or folder / "bodypart-index.sqlite")
        audit = Path(settings.audit_file or index.with_name("bodypart-audit.sqlite"))
        return cls(index, audit, index.with_name("bodypart-rewrites"))


def _own_folder(configuration: dict[str, Any]) -> Path:
    """Return Orthanc's index directory; relative paths start at its configuration file."""
    storage = configuration.get("StorageDirectory", "OrthancStorage")
    return archive.configuration_folder() / str(configuration.get("IndexDirectory", storage))
