"""Backups of what an overwrite wipes: metadata, labels, attachments, a patient's protection.

Orthanc deletes an instance before it stores its successor, and with it a series, study or patient
that has no other child. A backup is taken before that, survives a crash, and is tied to the new
file by its mark: it is never restored to any other file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import overwrite_attachments, overwrites
from service.orthanc_api.archive import ANNOTATION, CODE, DICOMWEB_CACHE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bodypart.record import AnnotationRecord
    from service.databases.database import Database
    from service.dicom_tags.file_mark import FileMark
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Held, Parents


_OF: sa.BindParameter[str] = sa.bindparam("of")
_BACKUP = Prepared(sa.select(overwrites).where(overwrites.c.instance == _OF))
_ATTACHMENTS = Prepared(
    sa.select(overwrite_attachments).where(overwrite_attachments.c.instance == _OF)
)
_KEEP = Prepared(sa.insert(overwrites).inline())
_KEEP_ATTACHMENT = Prepared(sa.insert(overwrite_attachments).inline())
_DROP = [
    Prepared(sa.delete(table).where(table.c.instance == _OF))
    for table in (overwrites, overwrite_attachments)
]


@dataclass(frozen=True, slots=True)
class OverwriteBackup:
    """One instance about to be overwritten.

    Attributes
    ----------
    instance : str
        Orthanc id.
    mark : str
        Mark of the new file; its MD5 if version 0.2 took the backup, empty if 0.1 did.
    annotation : dict or None
        The annotation that the rewritten instance is to have; None if it is to have none.
    levels : list of dict
        Per level: ``level``, ``id``, ``metadata`` (name to value), ``labels``.
    protected : str or None
        Patient that is protected against recycling.
    """

    instance: str
    mark: str
    annotation: AnnotationRecord | None
    levels: list[dict[str, Any]] = field(default_factory=list)
    protected: str | None = None


class OverwriteBackups:
    """The backups that are not restored yet.

    Parameters
    ----------
    database : Database
        The durable database.
    archive : Archive
        Orthanc.
    """

    def __init__(self, database: Database, archive: Archive) -> None:
        self._database = database
        self._archive = archive

    def take(
        self,
        instance: str,
        parents: Parents,
        held: Sequence[Held],
        annotation: AnnotationRecord | None,
        mark: FileMark,
    ) -> OverwriteBackup:
        """Save what an overwrite of an instance would wipe.

        Parameters
        ----------
        instance, parents : str, Parents
            The instance to be overwritten, and its parents.
        held : sequence of Held
            What is noted on the instance and on each of its parents.
        annotation : dict or None
            Annotation that the rewritten instance is to have.
        mark : FileMark
            Mark of the new file.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        RecordError
            If it cannot be saved; then nothing may be overwritten.
        """
        levels = [
            {"level": one.level, "id": one.id, "metadata": one.metadata, "labels": one.labels}
            for one in held
        ]
        attachments = [
            {
                "instance": instance,
                "level": one.level,
                "resource": one.id,
                "name": name,
                "data": self._archive.attachment(one.level, one.id, name),
            }
            for one in held
            for name in self._archive.user_attachments(one.level, one.id)
            if name != DICOMWEB_CACHE  # It would tell of the file as it was.
        ]
        protected = None
        if self._archive.has_patients and self._archive.is_protected(parents.patient):
            protected = parents.patient
        backup = OverwriteBackup(instance, str(mark), annotation, levels, protected)
        self._keep(backup, attachments)
        return backup

    def left_over(self) -> list[str]:
        """Return the instances whose backup was not restored."""
        return [row.instance for row in self._database.rows(sa.select(overwrites.c.instance))]

    def of(self, instance: str) -> OverwriteBackup | None:
        """Return an instance's backup that was not restored, None if there is none."""
        rows = self._database.rows(_BACKUP, of=instance)
        if not rows:
            return None
        row = rows[0]
        return OverwriteBackup(instance, row.md5_after, **json.loads(row.record))

    def give_back(
        self,
        backup: OverwriteBackup,
        present: Sequence[Held] | None = None,
        *,
        annotation: bool = True,
    ) -> None:
        """Restore what is missing; what is there, or was set meanwhile, stays.

        Parameters
        ----------
        backup : OverwriteBackup
            The backup.
        present : sequence of Held or None
            What is noted on the same resources now; None asks Orthanc for it.
        annotation : bool
            Whether to restore the instance's annotation; False if the caller will write it.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        ArchiveError
            If it must be tried again.
        """
        if backup.protected:
            # First, because an unprotected patient may be recycled at any moment.
            self._archive.protect(backup.protected)
        if present is None:
            present = self._archive.held([(one["level"], one["id"]) for one in backup.levels])
        for entry, there in zip(backup.levels, present, strict=True):
            for name, value in entry["metadata"].items():
                ours = there.level == "instances" and name in (ANNOTATION, CODE)
                if name not in there.metadata and (annotation or not ours):
                    self._archive.set_metadata(there.level, there.id, name, value)
            for label in entry["labels"]:
                if label not in there.labels:
                    self._archive.set_label(there.level, there.id, label, present=True)
        for row in self._database.rows(_ATTACHMENTS, of=backup.instance):
            if row.name not in self._archive.user_attachments(row.level, row.resource):
                self._archive.set_attachment(row.level, row.resource, row.name, row.data)

    def drop(self, instance: str) -> None:
        """Remove the backup of an instance."""
        # If a power cut undoes this, no harm is done: its file already has all that it restores.
        with self._database.write(at_once=False) as connection:
            _drop(connection, instance)

    def take_over(self, folder: Path, log: Callable[[str], None]) -> None:
        """Take over the backups of version 0.1 from files; damaged ones are set aside."""
        if not folder.is_dir():
            return
        for path in sorted(folder.glob("*.json")):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
                attachments = [
                    {
                        "instance": path.stem,
                        "level": item["level"],
                        "resource": item["id"],
                        "name": item["name"],
                        "data": (folder / item["file"]).read_bytes(),
                    }
                    for item in record["attachments"]
                ]
                backup = OverwriteBackup(
                    path.stem, "", record["annotation"], list(record["levels"])
                )
            except (OSError, ValueError, TypeError, KeyError):
                aside = folder / "failed"
                aside.mkdir(exist_ok=True)
                path.replace(aside / path.name)
                log(f"instance {path.stem}: a damaged backup of version 0.1 is set aside")
                continue
            self._keep(backup, attachments)
            for file in folder.glob(f"{path.stem}.*"):
                file.unlink()

    def _keep(self, backup: OverwriteBackup, attachments: list[dict[str, Any]]) -> None:
        record = {
            "annotation": backup.annotation,
            "levels": backup.levels,
            "protected": backup.protected,
        }
        with self._database.write() as connection:
            _drop(connection, backup.instance)
            row = {
                "instance": backup.instance,
                "md5_before": "",
                "md5_after": backup.mark,
                # Escaped by default, because other plugins' metadata need not be valid text.
                "record": json.dumps(record),
            }
            _KEEP.run(connection, row)
            if attachments:
                _KEEP_ATTACHMENT.run_for_each(connection, attachments)


def _drop(connection: sa.Connection, instance: str) -> None:
    for statement in _DROP:
        statement.run(connection, {"of": instance})
