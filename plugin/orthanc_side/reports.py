"""``"StructuredReport": true``: one DICOM SR a study, written when the study has settled."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

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

        Raises
        ------
        EngineDownError, WorkerDiedError, StoreError
            If it could not be done.
        """
        done = [child for child in self._index.children("studies", study) if child.examined]
        fingerprint = _fingerprint(done)
        last = self._index.report(study)
        if not done or (last and last[0] == fingerprint):
            return
        previous = last[1] if last and archive.exists("instances", last[1]) else None
        instances = sorted(child.instance for child in done)
        try:
            report = study_report(self._engine, study, instances, previous)
        except (NotFoundError, RefusedError) as error:
            archive.log(f"study {study} gets no report: {type(error).__name__}")
            return
        stored = json.loads(self._loopback.post("/instances", report))["ID"]
        self._index.note_report(study, fingerprint, stored)
        if previous:
            archive.delete_instance(previous)


def _fingerprint(done: list[Summary]) -> str:
    results = sorted(
        (c.instance, c.examined, c.laterality, c.source, sorted(c.visible)) for c in done
    )
    return hashlib.sha256(json.dumps(results).encode()).hexdigest()
