"""``"StructuredReport": true``: one DICOM SR per study, written when the study has settled."""

from __future__ import annotations

import hashlib
import json
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bodypart.dicom_out.codes import PRODUCT
from service.databases.tables import reports
from service.decoders.pool import RefusedError
from service.dicom_tags.exports import study_report
from service.errors import LostFileError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.record import AnnotationRecord
    from bodypart.rollup import Summary
    from service.databases.database import Database
    from service.decoders.pool import DecoderPool
    from service.orthanc_api.archive import Archive
    from service.queue.tasks import Task
    from service.records.index import Index

_NOTHING_TO_REPORT = "NothingToReportError"
"""The one refusal after which the last report is wrong; after any other it is still right."""
_NAMESPACE = uuid.UUID("6f0dfb0e-6a3d-4c0c-9d3a-0c2f1f3f9f55")


class Reports:
    """Stores reports; a new one names the one that it replaces.

    Parameters
    ----------
    archive, decoders, index
        The service's other parts.
    database : Database
        Notes which report is ours in each study.
    annotation_of : callable
        Returns an instance's annotation, even while its file is being rewritten.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        decoders: DecoderPool,
        index: Index,
        database: Database,
        *,
        annotation_of: Callable[[str], AnnotationRecord | None],
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._decoders = decoders
        self._index = index
        self._database = database
        self._annotation_of = annotation_of
        self._log = log

    def write(self, task: Task) -> None:
        """Store a study's report if the results differ from those in the last one.

        If there is nothing left to report, the last one is deleted. The report's UID is derived
        from its content, so that a report stored just before a kill is not stored twice.

        Raises
        ------
        EngineDownError, DecoderDiedError, ArchiveError, RecordError
            If it could not be done.
        """
        study = task.resource
        done = [child for child in self._index.children("studies", study) if _is_observed(child)]
        fingerprint = _fingerprint(done)
        last, own = self._noted(study)
        if not done:
            self._withdraw(study, own)
            return
        if last == fingerprint:
            return
        instances = sorted(child.instance for child in done)
        uid = f"2.25.{uuid.uuid5(_NAMESPACE, f'{study} {fingerprint} {own}').int}"
        try:
            present = self._stored_reports(study)
            if uid in present:
                self._takes_the_place(study, fingerprint, own, present[uid])
                return
            previous = self._file_of(own or next(iter(present.values()), None))
            annotations = {instance: self._annotation_of(instance) for instance in instances}
            report = study_report(self._archive, self._decoders, study, annotations, previous, uid)
        except NotFoundError:
            return  # The next roll-up of the study, if anything is left of it, asks for a report.
        except LostFileError as why:
            self._log(f"study {study} gets no report: {why}")
            return
        except RefusedError as why:
            self._log(f"study {study} gets no report: {why}")
            if why.kind == _NOTHING_TO_REPORT:
                self._withdraw(study, own)
            return
        stored = self._archive.store(report)
        if not stored.stands:
            self._log(f"study {study} gets no report: Orthanc answers {stored.status or 'nothing'}")
            return
        self._takes_the_place(study, fingerprint, own, stored.instance)

    def _file_of(self, report: str | None) -> bytes | None:
        """Return the file of a report; None if it is lost, so that the new one cannot name it."""
        with suppress(NotFoundError, LostFileError):
            return self._archive.dicom(report) if report else None
        return None

    def _takes_the_place(self, study: str, fingerprint: str, own: str | None, stored: str) -> None:
        self._note(study, fingerprint, stored)
        # A report that is not noted as ours may be from another archive: it stays.
        if own and own != stored:
            self._archive.delete_instance(own)

    def _withdraw(self, study: str, own: str | None) -> None:
        """Delete our last report, if there is one: it is no longer true."""
        if own:
            self._archive.delete_instance(own)
            self._note(study, "", "")

    def _noted(self, study: str) -> tuple[str | None, str | None]:
        rows = self._database.rows(sa.select(reports).where(reports.c.study == study))
        return (rows[0].fingerprint, rows[0].instance or None) if rows else (None, None)

    def _note(self, study: str, fingerprint: str, instance: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(reports).where(reports.c.study == study))
            connection.execute(
                sa.insert(reports).values(study=study, fingerprint=fingerprint, instance=instance)
            )

    def _stored_reports(self, study: str) -> dict[str, str]:
        """Return this software's reports in a study by UID: a new one names one as replaced."""
        found = {}
        for series in self._archive.client.get_json(f"/studies/{study}/series"):
            if series["MainDicomTags"].get("Modality") == "SR":
                for instance in series["Instances"]:
                    try:
                        path = f"/instances/{instance}/simplified-tags"
                        tags = self._archive.client.get_json(path)
                    except NotFoundError:
                        continue  # Gone meanwhile, or its file is lost.
                    if tags.get("ManufacturerModelName") == PRODUCT:
                        found[str(tags.get("SOPInstanceUID"))] = str(instance)
        return found


def _is_observed(child: Summary) -> bool:
    """Return whether a report may state an image's part: a header alone is no observation."""
    examined = child.examined if child.source != "header" else None
    return child.status == "done" and bool(examined or child.visible)


def _fingerprint(done: list[Summary]) -> str:
    results = sorted(
        (c.instance, c.examined, c.laterality, c.source, sorted(c.visible)) for c in done
    )
    return hashlib.sha256(json.dumps(results).encode()).hexdigest()
