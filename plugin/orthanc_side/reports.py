"""``"StructuredReport": true``: one DICOM SR a study, written when the study has settled."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from bodypart.dicom_out.codes import PRODUCT
from orthanc_side import archive
from orthanc_side.archive import NotFoundError
from orthanc_side.engine import RefusedError
from orthanc_side.exports import study_report

if TYPE_CHECKING:
    from bodypart.rollup import Summary
    from orthanc_side.engine import Engine
    from orthanc_side.index import Index
    from orthanc_side.loopback import Loopback


class Reports:
    """Stores reports; a new one names its predecessor and takes its place.

    Parameters
    ----------
    engine, index, loopback
        The plugin's other parts.
    """

    def __init__(self, engine: Engine, index: Index, loopback: Loopback) -> None:
        self._engine = engine
        self._index = index
        self._loopback = loopback

    def study_is_stable(self, study: str) -> None:
        """Store a report if the results differ from those in the last one.

        Where no result is left, the last report goes.

        Raises
        ------
        EngineDownError, WorkerDiedError, StoreError
            If it could not be done.
        """
        done = [child for child in self._index.children("studies", study) if child.examined]
        fingerprint = _fingerprint(done)
        last, own = self._index.report(study) or (None, None)
        if not done:
            if own:
                archive.delete_instance(own)
                self._index.note_report(study, "", own)
            return
        if last == fingerprint:
            return
        previous = own or _stored_report(study)
        if previous and not archive.exists("instances", previous):
            previous = None
        instances = sorted(child.instance for child in done)
        try:
            report = study_report(self._engine, study, instances, previous)
        except (NotFoundError, RefusedError) as error:
            archive.log(f"study {study} gets no report: {type(error).__name__}")
            return
        stored = json.loads(self._loopback.post("/instances", report))["ID"]
        self._index.note_report(study, fingerprint, stored)
        # A report that the index does not know may be another archive's: it stays.
        if own:
            archive.delete_instance(own)


def _stored_report(study: str) -> str | None:
    """Return a report of this software in a study, which a new one is to name, or None."""
    for series in archive.get_json(f"/studies/{study}/series"):
        if series["MainDicomTags"].get("Modality") == "SR":
            for instance in series["Instances"]:
                tags = archive.get_json(f"/instances/{instance}/simplified-tags")
                if tags.get("ManufacturerModelName") == PRODUCT:
                    return str(instance)
    return None


def _fingerprint(done: list[Summary]) -> str:
    results = sorted(
        (c.instance, c.examined, c.laterality, c.source, sorted(c.visible)) for c in done
    )
    return hashlib.sha256(json.dumps(results).encode()).hexdigest()
