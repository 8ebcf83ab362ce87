"""Whether an annotation that a person removed stays removed: it does until a new file is sent."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from service.errors import NotFoundError
from service.records.audit_trail import REMOVED

if TYPE_CHECKING:
    from service.orthanc_api.archive import Archive
    from service.records.audit_trail import LastEvent


def stays_removed(
    archive: Archive, instance: str, last: LastEvent | None, sequence: int | None = None
) -> bool:
    """Return whether the last event of an instance removed the annotation of its present file.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    instance : str
        Orthanc id.
    last : LastEvent or None
        The instance's last event in the trail.
    sequence : int or None
        Number of the change by which the present file was stored, if it is known.
    """
    if last is None or last.action != REMOVED:
        return False
    try:
        if last.file is not None:
            return archive.stored_file(instance).version == last.file
        # Earlier versions noted the newest change instead of the file, or not even that.
        if sequence is not None and last.change is not None:
            return sequence <= last.change
        # Both in UTC, Orthanc's like 20261120T120000.
        removed = datetime.fromisoformat(last.at).strftime("%Y%m%dT%H%M%S")
        return archive.received_at(instance) <= removed
    except NotFoundError:
        return False
