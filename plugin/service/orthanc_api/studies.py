"""Studies as people and other systems search for them: by name, number and UID."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from service.errors import NotFoundError

if TYPE_CHECKING:
    from service.orthanc_api.client import Client

_SIDE_BY_SIDE = 4


class DicomIdentity(TypedDict):
    """Attributes by which other systems find what has an Orthanc id; empty if it is gone."""

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
    """Return patient's name and description of a study; empty texts if it is gone."""
    try:
        found = client.get_json(f"/studies/{study}")
    except NotFoundError:
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
    with suppress(NotFoundError):
        own = client.get_json(f"/instances/{instance}")
        series = client.get_json(f"/series/{own['ParentSeries']}")
        study = client.get_json(f"/studies/{series['ParentStudy']}")["MainDicomTags"]
        return {
            "study_date": str(study.get("StudyDate", "")),
            "study_uid": str(study.get("StudyInstanceUID", "")),
            "series_uid": str(series["MainDicomTags"].get("SeriesInstanceUID", "")),
            "instance_uid": str(own["MainDicomTags"].get("SOPInstanceUID", "")),
        }
    return {"study_date": "", "study_uid": "", "series_uid": "", "instance_uid": ""}
