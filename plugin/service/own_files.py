"""Where the service's own files are, and that nobody else uses them."""

from __future__ import annotations

import re
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodypart.settings import SettingsError
from service.databases.schema import DURABLE_SCHEMA, INDEX_SCHEMA, Schema, set_aside

if TYPE_CHECKING:
    from bodypart.settings import Settings


def node_name(configuration: dict[str, Any]) -> str:
    """Return this node's name: the same after restarts, and no other node's."""
    name = configuration.get("DatabaseServerIdentifier") or configuration.get("Name", "orthanc")
    return f"{socket.gethostname()} {name} {configuration.get('HttpPort', 8042)}"


@dataclass(frozen=True, slots=True)
class Files:
    """The service's own files.

    Attributes
    ----------
    orthanc : Path
        Folder of Orthanc's own index, if that is a file.
    index : Path
        The search index, a cache.
    audit : Path
        The audit trail, and whatever else must not be lost.
    rescued : Path
        Folder in which rewrites and deletions are announced, and files kept that came in during a
        rewrite. Nodes share it with the storage.
    thumbnails : Path
        Small pictures, a cache; each node has its own.
    overwrites_of_0_1 : Path
        Folder where version 0.1 kept what an interrupted rewrite has to give back.
    """

    orthanc: Path
    index: Path
    audit: Path
    rescued: Path
    thumbnails: Path
    overwrites_of_0_1: Path

    @classmethod
    def of(cls, settings: Settings, configuration: dict[str, Any], start: Path) -> Files:
        """Return where the files are: in Orthanc's index directory unless settings say otherwise.

        Parameters
        ----------
        settings : Settings
            The checked section.
        configuration : dict
            Orthanc's whole configuration.
        start : Path
            Where its relative paths start.
        """
        storage = str(configuration.get("StorageDirectory", "OrthancStorage"))
        folder = start / str(configuration.get("IndexDirectory", storage))
        index = Path(settings.index_file or folder / "bodypart-index.sqlite")
        audit = Path(settings.audit_file or index.with_name("bodypart-audit.sqlite"))
        thumbnails = "bodypart-thumbnails"
        if settings.database:
            # Nodes may share the folder, on a network's disk where SQLite must not be shared.
            name = str(configuration.get("DatabaseServerIdentifier") or node_name(configuration))
            thumbnails += "-" + re.sub("[^A-Za-z0-9]+", "-", name)
        # Nodes have the storage in common, unless it is no folder.
        common = settings.database and (start / storage).is_dir()
        return cls(
            folder,
            index,
            audit,
            (start / storage if common else index.parent) / "bodypart-rescued",
            index.with_name(f"{thumbnails}.sqlite"),
            index.with_name("bodypart-rewrites"),
        )

    def require_own(self) -> None:
        """Refuse one file for two purposes, and a file with another program's data.

        People may delete an index, and the service sets a damaged one aside: that must hit nothing
        else.

        Raises
        ------
        SettingsError
            If a file is not the service's alone.
        """
        places = {path.resolve() for path in (self.index, self.audit, self.thumbnails)}
        if len(places) < 3:
            raise SettingsError(
                f"BodyPart.IndexFile and BodyPart.AuditFile: {self.index} and {self.audit} "
                "must be two files, and neither that of the thumbnails"
            )
        for key, path, schema in (
            ("IndexFile", self.index, INDEX_SCHEMA),
            ("AuditFile", self.audit, DURABLE_SCHEMA),
        ):
            if _is_another_program_s(path, schema):
                raise SettingsError(f"BodyPart.{key}: {path} is a database of something else")

    def set_aside(self, place: str) -> None:
        """Move a damaged database out of the way, if it is the index, which is made again.

        What exists nowhere else is never replaced: a person repairs it, or restores a backup.
        """
        if place == str(self.index):
            set_aside(self.index)


def _is_another_program_s(path: Path, ours: Schema) -> bool:
    """Tell whether a file is an SQLite database with other tables than ours."""
    try:
        # Read-only and immutable: no lock and no journal of its owner is touched.
        address = f"{path.resolve().as_uri()}?immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in rows}
    except (sqlite3.Error, UnicodeDecodeError):
        return False  # None yet, or a damaged one: what opens it says what becomes of it.
    # Where damage has renamed the one that each version had, others are there.
    known = ours.first in tables or len(tables & ours.tables.tables.keys()) > 1
    return bool(tables) and not known
