"""A study as FHIR R5 ImagingStudy, its series coded with body site and laterality.

The resource is a plain dictionary: no library is needed to serve it, and the tests check it
against the official structure.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from bodypart.dicom_out.policy import stated_side
from bodypart.element_values import each_of
from bodypart.labels import BY_LABEL, BodyPart, Code
from bodypart.laterality import CODE_OF_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from bodypart.laterality import Side
    from bodypart.record import AnnotationRecord

SNOMED_CT = "http://snomed.info/sct"
DICOM_UID = "urn:dicom:uid"
DICOM_CODES = "http://dicom.nema.org/resources/ontology/DCM"
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

Image: TypeAlias = "tuple[Dataset, AnnotationRecord | None]"
"""Headers of an instance, and its annotation as JSON if it has one."""

PartAndSide: TypeAlias = "tuple[BodyPart, Side | None]"


class StudyError(ValueError):
    """The images cannot be described as an ImagingStudy; the text says why."""


def imaging_study(images: Sequence[Image], *, resource_id: str | None = None) -> dict[str, Any]:
    """Return the ImagingStudy resource of a study.

    Parameters
    ----------
    images : sequence of (Dataset, dict or None)
        Headers and annotation (as JSON) of all instances of one study.
    resource_id : str, optional
        Logical id of the resource, for example Orthanc's id of the study.

    Returns
    -------
    dict
        JSON-ready. A series has room for one body site and one laterality (R5
        ImagingStudy.series.bodySite, 0..1). If its images show several parts, the site refers to a
        contained BodyStructure that names each part with its side.

    Raises
    ------
    StudyError
        If there are no images, they belong to several studies, or a UID is missing.
    """
    if not images:
        raise StudyError("a study without images")
    first = images[0][0]
    study_uid = _uid(first, "StudyInstanceUID")
    series: dict[str, list[Image]] = {}
    for headers, note in images:
        if _uid(headers, "StudyInstanceUID") != study_uid:
            raise StudyError("the images belong to several studies")
        series.setdefault(_uid(headers, "SeriesInstanceUID"), []).append((headers, note))
    described, structures = [], []
    for number, (uid, members) in enumerate(series.items(), start=1):
        parts = _parts(members)
        structure = None
        if len({part for part, _ in parts}) > 1:
            structure = _structure(f"parts-{number}", parts, first)
            structures.append(structure)
        described.append(_series(uid, members, parts, structure))
    modalities = dict.fromkeys(item["modality"]["coding"][0]["code"] for item in described)
    return _without_empty(
        {
            "resourceType": "ImagingStudy",
            "id": resource_id,
            "contained": structures or None,
            "identifier": _identifiers(first, study_uid),
            "status": "available",
            "modality": [_modality(code) for code in modalities],
            "subject": _subject(first),
            "started": _started(first),
            "description": _text(first, "StudyDescription"),
            "numberOfSeries": len(described),
            "numberOfInstances": len(images),
            "series": described,
        }
    )


def _parts(members: Sequence[Image]) -> list[PartAndSide]:
    """Return each part that the images show, with each of its sides, in the images' order."""
    found: dict[PartAndSide, None] = {}
    for _, note in members:
        if note and note["examined"]:
            part = BY_LABEL[note["examined"]["label"]]
            found[part, stated_side(note, part)] = None
    return list(found)


def _structure(name: str, parts: Sequence[PartAndSide], headers: Dataset) -> dict[str, Any]:
    """Return the BodyStructure (R5) that names the parts of a mixed series."""
    return {
        "resourceType": "BodyStructure",
        "id": name,
        "patient": _subject(headers),
        "includedStructure": [
            _without_empty(
                {
                    "structure": _concept(part.code),
                    "laterality": _concept(CODE_OF_SIDE[side]) if side else None,
                }
            )
            for part, side in parts
        ],
    }


def _site(parts: Sequence[BodyPart], structure: dict[str, Any] | None) -> dict[str, Any] | None:
    if structure:
        text = ", ".join(part.code.meaning for part in parts)
        return {"concept": {"text": text}, "reference": {"reference": f"#{structure['id']}"}}
    return {"concept": _concept(parts[0].code)} if parts else None


def _series(
    uid: str,
    members: Sequence[Image],
    found: Sequence[PartAndSide],
    structure: dict[str, Any] | None,
) -> dict[str, Any]:
    first = members[0][0]
    parts = list(dict.fromkeys(part for part, _ in found))
    sides = {side for _, side in found}
    side = sides.pop() if len(parts) == 1 and len(sides) == 1 else None
    return _without_empty(
        {
            "uid": uid,
            "number": _number(first, "SeriesNumber"),
            "modality": _modality(_text(first, "Modality") or "OT"),
            "description": _text(first, "SeriesDescription"),
            "numberOfInstances": len(members),
            "bodySite": _site(parts, structure),
            "laterality": _concept(CODE_OF_SIDE[side]) if side else None,
            "instance": [_instance(headers) for headers, _ in members],
        }
    )


def _instance(headers: Dataset) -> dict[str, Any]:
    return _without_empty(
        {
            "uid": _uid(headers, "SOPInstanceUID"),
            "sopClass": {
                "system": "urn:ietf:rfc:3986",
                "code": f"urn:oid:{_uid(headers, 'SOPClassUID')}",
            },
            "number": _number(headers, "InstanceNumber"),
        }
    )


def _identifiers(headers: Dataset, study_uid: str) -> list[dict[str, Any]]:
    identifiers: list[dict[str, Any]] = [{"system": DICOM_UID, "value": f"urn:oid:{study_uid}"}]
    accession = _text(headers, "AccessionNumber")
    if accession:
        kind = {"coding": [{"system": IDENTIFIER_TYPES, "code": "ACSN"}]}
        identifiers.append({"type": kind, "value": accession})
    return identifiers


def _subject(headers: Dataset) -> dict[str, Any]:
    """Return the patient by identifier; the server that stores the resource may know more."""
    patient = _text(headers, "PatientID")
    if patient is None:
        return {"type": "Patient", "display": "unknown"}
    return {"type": "Patient", "identifier": {"value": patient}}


def _started(headers: Dataset) -> str | None:
    """Return when the study began, without the time if its UTC offset is unknown (R5 dateTime)."""
    date, time = _text(headers, "StudyDate"), _text(headers, "StudyTime")
    offset = _text(headers, "TimezoneOffsetFromUTC")
    try:
        if date and time and offset:
            moment = datetime.strptime(f"{date}{time[:6]:0<6}{offset}", "%Y%m%d%H%M%S%z")
            return moment.isoformat().replace("+00:00", "Z")
        return datetime.strptime(date, "%Y%m%d").date().isoformat() if date else None
    except ValueError:
        return None


def _modality(code: str) -> dict[str, Any]:
    return {"coding": [{"system": DICOM_CODES, "code": code}]}


def _concept(code: Code) -> dict[str, Any]:
    return {"coding": [{"system": SNOMED_CT, "code": code.value, "display": code.meaning}]}


def _uid(headers: Dataset, keyword: str) -> str:
    uid = _text(headers, keyword)
    if uid is None:
        raise StudyError(f"an instance has no {keyword}")
    return uid


def _text(headers: Dataset, keyword: str) -> str | None:
    """Return a header as one line of text; FHIR allows neither outer white space nor NUL."""
    texts = each_of(headers.get(keyword) or "")
    return " ".join(" ".join(map(str, texts)).replace("\0", " ").split()) or None


def _number(headers: Dataset, keyword: str) -> int | None:
    """Return a header as an unsigned number, None if it is not one: FHIR allows no other."""
    try:
        number = int(_text(headers, keyword) or "")
    except ValueError:
        return None
    return number if 0 <= number < 2**31 else None


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out unknown fields: FHIR has no null."""
    return {name: value for name, value in fields.items() if value is not None}
