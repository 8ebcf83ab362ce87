"""Orthanc as the plugin sees it: instances, their metadata, labels, changes and properties.

Only ``RestApiGet``, ``RestApiPut`` and ``RestApiDelete`` are used, because a ``RestApiPost`` from
a background thread can hang Python for good while a store callback waits for the interpreter.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orthanc

from bodypart import shallow_json

LEVELS = ("instances", "series", "studies", "patients")
ANNOTATION = "BodyPart"
CODE = "BodyPartExamined"
_PARENT = {"series": "ParentStudy", "studies": "ParentPatient"}
_SHOWN = {"series": "Modality", "studies": "StudyDate"}


_UNKNOWN_RESOURCE, _INEXISTENT_ITEM = 17, 7
"""Orthanc's error codes for what is not there."""
_KEYS = frozenset(
    {
        *("instance", "status", "examined", "visible", "laterality", "group", "agreement"),
        *("image", "header", "review", "needs_review", "annotated_at"),
    }
)
"""What every annotation and every roll-up has."""


class NotFoundError(Exception):
    """Orthanc has no such resource (any more)."""


class ArchiveError(Exception):
    """Orthanc could not do what it was asked; a further try may work. Gives its error code."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of Orthanc's change log."""

    sequence: int
    kind: str
    resource: str


@dataclass(frozen=True, slots=True)
class Ancestors:
    """Orthanc ids of what an instance belongs to, and what a work list shows of them."""

    series: str
    study: str
    patient: str
    modality: str = ""
    study_date: str = ""


def _translated(error: Exception, what: str) -> NotFoundError | ArchiveError:
    """Tell what is not there from what went wrong."""
    code = error.args[0] if error.args else None
    if code in (_UNKNOWN_RESOURCE, _INEXISTENT_ITEM):
        return NotFoundError(what)
    return ArchiveError(f"{what}: Orthanc's error {code}")


def _get(path: str) -> bytes:
    try:
        return bytes(orthanc.RestApiGet(path))
    except orthanc.OrthancException as error:
        raise _translated(error, path) from error


def _put(path: str, data: bytes) -> None:
    try:
        orthanc.RestApiPut(path, data)
    except orthanc.OrthancException as error:
        raise _translated(error, path) from error


def _delete(path: str) -> None:
    """Delete something; what is gone is fine."""
    try:
        orthanc.RestApiDelete(path)
    except orthanc.OrthancException as error:
        failure = _translated(error, path)
        if isinstance(failure, ArchiveError):
            raise failure from error


def get_json(path: str) -> Any:
    """Return what Orthanc's REST API answers.

    Raises
    ------
    NotFoundError
        If Orthanc knows no such resource.
    """
    return json.loads(_get(path))


def exists(level: str, resource: str) -> bool:
    """Tell whether Orthanc has a resource."""
    try:
        _get(f"/{level}/{resource}/metadata")
    except NotFoundError:
        return False
    return True


def dicom(instance: str) -> bytes:
    """Return the stored DICOM file.

    Raises
    ------
    NotFoundError
        If the instance is gone.
    """
    try:
        return bytes(orthanc.GetDicomForInstance(instance))
    except orthanc.OrthancException as error:
        raise _translated(error, instance) from error


def ancestors(instance: str) -> Ancestors:
    """Return what an instance belongs to.

    Raises
    ------
    NotFoundError
        If the instance is gone.
    """
    series = get_json(f"/instances/{instance}")["ParentSeries"]
    study, modality_ = _place("series", series)
    patient, date = _place("studies", study)
    return Ancestors(series, study, patient, modality_, date)


@lru_cache(maxsize=4096)
def _place(level: str, resource: str) -> tuple[str, str]:
    """Return the parent of a series or study, and its Modality or Study Date."""
    # Orthanc ids are hashes of the DICOM identifiers: a parent never changes.
    found = get_json(f"/{level}/{resource}")
    return str(found[_PARENT[level]]), str(found["MainDicomTags"].get(_SHOWN[level], ""))


def delete_instance(instance: str) -> None:
    """Delete an instance; one that is gone is fine."""
    _delete(f"/instances/{instance}")


def instances_of(level: str, resource: str) -> list[str]:
    """Return the ids of the instances below a resource, in a stable order.

    Raises
    ------
    NotFoundError
        If Orthanc knows no such resource.
    """
    # Of an id of another level Orthanc says that it has no instances, or fails.
    if not exists(level, resource):
        raise NotFoundError(resource)
    if level == "instances":
        return [resource]
    return sorted(item["ID"] for item in get_json(f"/{level}/{resource}/instances"))


def instance_ids(since: int, limit: int) -> list[str]:
    """Return one page of the ids of all stored instances."""
    ids: list[str] = get_json(f"/instances?since={since}&limit={limit}")
    return ids


def changes(since: int, limit: int) -> tuple[list[Change], int]:
    """Return the changes after ``since`` and the number of the last change that there is."""
    answer = get_json(f"/changes?since={since}&limit={limit}")
    found = [Change(c["Seq"], c["ChangeType"], c["ID"]) for c in answer["Changes"]]
    return found, int(answer["Last"])


def last_change() -> int:
    """Return the number of the newest change."""
    return int(get_json("/changes?last")["Last"])


def metadata(level: str, resource: str, name: str) -> str | None:
    """Return one metadata value, None if it is not set."""
    try:
        return _get(f"/{level}/{resource}/metadata/{name}").decode()
    except NotFoundError:
        return None


def stored(instance: str, level: str = "instances") -> dict[str, Any] | None:
    """Return the annotation, or roll-up, that Orthanc's metadata hold.

    None if there is none, or if what stands there was not written by us.
    """
    try:
        annotation = shallow_json.parse(metadata(level, instance, ANNOTATION) or "null")
    except ValueError:
        return None
    if not isinstance(annotation, dict) or not annotation.keys() >= _KEYS:
        return None
    return annotation


def set_metadata(level: str, resource: str, name: str, value: str) -> None:
    """Write one metadata value.

    Raises
    ------
    NotFoundError
        If the resource is gone.
    """
    _put(f"/{level}/{resource}/metadata/{name}", value.encode())


def delete_metadata(level: str, resource: str, name: str) -> None:
    """Remove one metadata value; a missing one is fine."""
    _delete(f"/{level}/{resource}/metadata/{name}")


def user_metadata(level: str, resource: str) -> dict[str, str]:
    """Return the metadata that users and plugins set; Orthanc's own cannot be written anyway.

    Raises
    ------
    NotFoundError
        If Orthanc knows no such resource.
    """
    registered = configuration().get("UserMetadata") or {}
    found: dict[str, str] = get_json(f"/{level}/{resource}/metadata?expand")
    return {name: value for name, value in found.items() if name in registered or name.isdigit()}


def user_attachments(level: str, resource: str) -> list[str]:
    """Return the names of the attachments that users and plugins added.

    Raises
    ------
    NotFoundError
        If Orthanc knows no such resource.
    """
    registered = configuration().get("UserContentType") or {}
    found: list[str] = get_json(f"/{level}/{resource}/attachments")
    return [name for name in found if name in registered or name.isdigit()]


def attachment(level: str, resource: str, name: str) -> bytes:
    """Return the content of an attachment.

    Raises
    ------
    NotFoundError
        If it is gone.
    """
    return _get(f"/{level}/{resource}/attachments/{name}/data")


def set_attachment(level: str, resource: str, name: str, data: bytes) -> None:
    """Write an attachment.

    Raises
    ------
    NotFoundError
        If the resource is gone.
    """
    _put(f"/{level}/{resource}/attachments/{name}", data)


def labels(level: str, resource: str) -> list[str]:
    """Return the Orthanc labels of a resource (Orthanc 1.12 and later)."""
    try:
        found: list[str] = get_json(f"/{level}/{resource}/labels")
    except NotFoundError:
        return []
    return found


def set_label(level: str, resource: str, label: str, *, present: bool) -> None:
    """Add or remove one Orthanc label; a resource that is gone is fine."""
    path = f"/{level}/{resource}/labels/{label}"
    if present:
        with suppress(NotFoundError):
            _put(path, b"")
    else:
        _delete(path)


def has_labels() -> bool:
    """Tell whether this Orthanc has labels (1.12.0 and later)."""
    return bool(orthanc.CheckVersionAdvanced(1, 12, 0))


def version() -> str:
    """Return Orthanc's version."""
    return str(get_json("/system")["Version"])


@cache
def configuration() -> dict[str, Any]:
    """Return Orthanc's whole configuration."""
    parsed: dict[str, Any] = json.loads(orthanc.GetConfiguration())
    return parsed


def configuration_folder() -> Path:
    """Return the folder that relative paths of the configuration start at."""
    path = Path(orthanc.GetConfigurationPath())
    return path if path.is_dir() else path.parent


def get_property(number: int) -> str:
    """Return a global property, empty if it was never set; it survives a restart."""
    return str(orthanc.GetGlobalProperty(number, ""))


def set_property(number: int, value: str) -> None:
    """Write a global property."""
    orthanc.SetGlobalProperty(number, value)


def set_metric(name: str, value: float) -> None:
    """Publish a number at Orthanc's ``/tools/metrics-prometheus``."""
    orthanc.SetMetricsValue(name, float(value), orthanc.MetricsType.DEFAULT)


def log(message: str) -> None:
    """Write a line to Orthanc's log; ids and reasons only, never patient data."""
    orthanc.LogWarning(f"bodypart: {message}")
