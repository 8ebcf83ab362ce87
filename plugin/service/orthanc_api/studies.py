"""Studies as people and other systems search for them: by name, number and UID."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from service.errors import ArchiveError, NotFoundError

if TYPE_CHECKING:
    from service.orthanc_api.client import Client

_SIDE_BY_SIDE = 4


class DicomIdentity(TypedDict):
    """Attributes by which other systems find an instance; empty if Orthanc gives none."""

    study_date: str
    study_uid: str
    series_uid: str
    instance_uid: str


class StudyDescription(TypedDict):
    """What people know a study by."""

    patient_name: str
    study_description: str


def find_studies(client: Client, keyword: str, pattern: str, limit: int) -> list[str]:
    """Return studies whose attribute matches a pattern with ``*`` and ``?``, ignoring case."""
    question = {
        "Level": "Study",
        "Query": {keyword: pattern},
        "CaseSensitive": False,
        "Limit": limit,
    }
    found: list[str] = client.question("/tools/find", question)
    return found


def study_description(client: Client, study: str) -> StudyDescription:
    """Return patient's name and description of a study; empty texts if Orthanc gives none."""
    found = _described(client, f"/studies/{study}")
    if found is None:
        return {"patient_name": "", "study_description": ""}
    return {
        "patient_name": str(found["PatientMainDicomTags"].get("PatientName", "")),
        "study_description": str(found["MainDicomTags"].get("StudyDescription", "")),
    }


def dicom_identities(client: Client, ids: list[str]) -> dict[str, DicomIdentity]:
    """Return Study Date and the UIDs of instances."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "bodypart-identify") as threads:
        return dict(zip(ids, threads.map(lambda one: _identity(client, one), ids), strict=True))


def _identity(client: Client, instance: str) -> DicomIdentity:
    own = _described(client, f"/instances/{instance}")
    series = _described(client, f"/series/{own['ParentSeries']}") if own else None
    study = _described(client, f"/studies/{series['ParentStudy']}") if series else None
    if not (own and series and study):
        return {"study_date": "", "study_uid": "", "series_uid": "", "instance_uid": ""}
    return {
        "study_date": str(study["MainDicomTags"].get("StudyDate", "")),
        "study_uid": str(study["MainDicomTags"].get("StudyInstanceUID", "")),
        "series_uid": str(series["MainDicomTags"].get("SeriesInstanceUID", "")),
        "instance_uid": str(own["MainDicomTags"].get("SOPInstanceUID", "")),
    }


def _described(client: Client, path: str) -> Any:
    """Return a resource; None if it is gone, or if Orthanc fails at this one, perhaps for ever."""
    try:
        return client.get_json(path)
    except NotFoundError:
        return None
    except ArchiveError:
        client.get_json("/changes?last")  # If Orthanc is away, this fails, too.
        return None
