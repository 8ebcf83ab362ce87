"""The result as a structured report: TID 1500 with one measurement group per image (PS3.16).

It leaves the images unchanged, and is the only standard object here with a place for the visible
parts, the probability and the model.
"""

from __future__ import annotations

import re
import warnings
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid4, uuid5

from highdicom import sr
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue
from pydicom.sr.codedict import codes
from pydicom.uid import UID
from pydicom.valuerep import DA, DT, TM, validate_value

from bodypart.dicom_out.codes import PRODUCT
from bodypart.dicom_out.policy import stated_side
from bodypart.labels import BY_LABEL, Code
from bodypart.laterality import CODE_OF_SIDE
from bodypart.sop_class import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bodypart.record import AnnotationRecord, ExaminedRecord

SERIES_NUMBER = 9800
"""High enough not to collide with the modality's own series."""

SERIES_DESCRIPTION = "Body part recognition"

_UIDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_COPIED = (
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "ReferringPhysicianName",
)
_COPIED_IF_THERE = ("IssuerOfPatientID", "StudyDescription")
_OFFSET = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")


class ReportError(ValueError):
    """No report can be made of these images; the text says why."""


class NothingToReportError(ReportError):
    """These images have nothing that a report may say; an earlier report is out of date."""


def structured_report(
    images: Sequence[tuple[Dataset, AnnotationRecord]],
    *,
    version: str,
    now: datetime,
    previous: Dataset | None = None,
    uid: str | None = None,
) -> bytes:
    """Return the report of a study as a DICOM file (Enhanced SR).

    Parameters
    ----------
    images : sequence of (Dataset, dict)
        Headers and annotation (as JSON) of the images of one study. Those without an answer
        are left out, and so are those whose UIDs a valid report cannot refer to.
    version : str
        Version of this software.
    now : datetime
        Time of the report, in this machine's zone. It is written in the zone of the images, if they
        tell it: the times that a report inherits from them have to be in the same one.
    previous : Dataset, optional
        The report that this one replaces: the new one goes into its series, and names it in
        Predecessor Documents Sequence.
    uid : str, optional
        SOP Instance UID of the report; by default a new one.

    Raises
    ------
    NothingToReportError
        If no image is left.
    ReportError
        If they belong to several studies.
    """
    observed = [(headers, note) for headers, note in images if _has_answer(note)]
    if not observed:
        raise NothingToReportError(
            "no image has an answer from its picture or from a person, "
            "and a header alone is not reported"
        )
    answered = [(headers, note) for headers, note in observed if _has_uids(headers)]
    if not answered:
        raise NothingToReportError("no image with an answer has valid UIDs")
    evidence = [_evidence(headers) for headers, _ in answered]
    if len({str(item.StudyInstanceUID) for item in evidence}) > 1:
        raise ReportError("the images belong to several studies")
    offset = _offset_of(answered[0][0])
    if offset:
        now = now.astimezone(datetime.strptime(offset, "%z").tzinfo)
    plain = all(kind_of(headers) == "radiograph" for headers, _ in answered)
    content = sr.MeasurementReport(
        observation_context=_observers([note for _, note in answered]),
        procedure_reported=codes.SCT.PlainRadiography if plain else codes.SCT.ImagingProcedure,
        title=codes.DCM.ImagingMeasurementReport,
        imaging_measurements=[
            _group(at, headers, note) for at, (headers, note) in enumerate(answered, start=1)
        ],
    )
    with warnings.catch_warnings():
        # The warnings quote the patient's name.
        warnings.simplefilter("ignore")
        report = sr.EnhancedSR(
            evidence=evidence,
            content=content[0],
            series_instance_uid=previous.SeriesInstanceUID if previous else _new_uid(),
            series_number=SERIES_NUMBER,
            sop_instance_uid=uid or _new_uid(),
            instance_number=int(previous.InstanceNumber) + 1 if previous else 1,
            manufacturer=PRODUCT,
            manufacturer_model_name=PRODUCT,
            software_versions=version,
            series_description=SERIES_DESCRIPTION,
            is_complete=True,
            previous_versions=[previous] if previous else None,
            specific_character_set="ISO_IR 192",
            content_date=now.date(),
            content_time=now.time(),
        )
    report.InstanceCreationDate, report.InstanceCreationTime = DA(now.date()), TM(now.time())
    report.ContributingEquipmentSequence[0].ContributionDateTime = DT(now)
    if offset:
        report.TimezoneOffsetFromUTC = offset
    buffer = BytesIO()
    report.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _has_answer(note: AnnotationRecord) -> bool:
    """Return whether picture or person tell something: a header alone is no observation."""
    return note["status"] == "done" and bool(_observed(note) or note["visible"])


def _observed(note: AnnotationRecord) -> ExaminedRecord | None:
    """Return the examined part if it rests on more than the header."""
    examined = note["examined"]
    return examined if examined and examined["source"] != "header" else None


def _has_uids(headers: Dataset) -> bool:
    """Return whether a report can refer to an image: valid UIDs, a standard SOP Class."""
    uids = {keyword: UID(str(headers.get(keyword) or "")) for keyword in _UIDS}
    return all(uid.is_valid for uid in uids.values()) and not uids["SOPClassUID"].is_private


def _evidence(headers: Dataset) -> Dataset:
    """Return the identifying headers of an image, clean enough for a valid report.

    A report inherits the attributes of patient and study. Identifying ones are kept as they are, so
    that the report belongs to the study of its images; others become empty if they break their VR.
    """
    kept = Dataset()
    for keyword in (*_UIDS, "PatientID", "AccessionNumber"):
        setattr(kept, keyword, headers.get(keyword) or "")
    name = headers.get("PatientName") or ""
    kept.PatientName = name[0] if isinstance(name, MultiValue) else name
    for keyword in _COPIED:
        value = headers.get(keyword)
        setattr(kept, keyword, value if value and _is_valid(keyword, value) else None)
    for keyword in _COPIED_IF_THERE:
        value = headers.get(keyword)
        if value and _is_valid(keyword, value):
            setattr(kept, keyword, value)
    return kept


def _offset_of(headers: Dataset) -> str | None:
    """Return the zone of an image's times (PS3.3 C.12.1.1.8), None if it does not tell."""
    offset = str(headers.get("TimezoneOffsetFromUTC") or "").strip()
    return offset if _OFFSET.fullmatch(offset) else None


def _is_valid(keyword: str, value: object) -> bool:
    vr = dictionary_VR(keyword)
    if keyword == "PatientSex" and value not in ("M", "F", "O"):
        return False
    if vr in ("DA", "TM") and "-" in str(value):
        return False  # a range, allowed only in queries (PS3.5 table 6.2-1, note)
    try:
        validate_value(vr, str(value), config.RAISE)
        if vr == "DA":
            date.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str) or keyword == "ReferringPhysicianName"


def _observers(notes: Sequence[AnnotationRecord]) -> sr.ObservationContext:
    """Return the device that observed, and the person who reviewed last, if any did."""
    model = next((note["model"] for note in notes if note["model"]), None)
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=_derived_uid(f"{PRODUCT} {model['sha256'] if model else ''}"),
            name=PRODUCT,
            manufacturer_name=PRODUCT,
            model_name=f"{model['name']} {model['version']}" if model else PRODUCT,
        ),
    )
    reviews = [note["review"] for note in notes if note["review"]]
    person = None
    if reviews:
        last = max(reviews, key=lambda review: review["at"])
        name = "".join(sign for sign in last["by"] if sign.isprintable() and sign not in "\\^=")
        person = sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
                name=f"{name[:60]}^", login_name=name[:60]
            ),
        )
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _group(
    number: int, headers: Dataset, note: AnnotationRecord
) -> sr.MeasurementsAndQualitativeEvaluations:
    """Return the measurement group (TID 1501) of one image."""
    examined, model = _observed(note), note["model"]
    sites, certainty = None, None
    if examined:
        part = BY_LABEL[examined["label"]]
        side = stated_side(note, part)
        sites = [
            sr.FindingSite(
                anatomic_location=_coded(part.code),
                laterality=_coded(CODE_OF_SIDE[side]) if side else None,
            )
        ]
    by_person = examined is not None and examined["source"] == "person"
    if examined and not by_person:
        certainty = [
            sr.Measurement(
                name=codes.DCM.CertaintyOfFinding,
                value=round(100 * examined["probability"], 1),
                unit=codes.UCUM.Percent,
            )
        ]
    algorithm = None
    if model and not by_person:
        algorithm = sr.AlgorithmIdentification(
            name=model["name"],
            version=model["version"],
            family=codes.DCM.ArtificialIntelligence,
            parameters=[f"sha256={model['sha256']}", f"agreement={note['agreement']}"],
        )
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=_derived_uid(f"{PRODUCT} {headers.SOPInstanceUID}"), identifier=f"Image {number}"
        ),
        algorithm_id=algorithm,
        finding_sites=sites,
        measurements=certainty,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(
                name=codes.DCM.TargetRegion, value=_coded(BY_LABEL[seen["label"]].code)
            )
            for seen in note["visible"]
        ],
        source_images=[
            sr.SourceImageForMeasurementGroup(
                headers.SOPClassUID, headers.SOPInstanceUID, _frames(headers, note)
            )
        ],
    )


def _frames(headers: Dataset, note: AnnotationRecord) -> list[int] | None:
    """Return the frame that was read, counted from 1; None for a single-frame image."""
    try:
        count = int(headers.get("NumberOfFrames") or 1)
    except (TypeError, ValueError):
        count = 1
    if count == 1 or not note["image"]:
        return None
    frame = note["image"].get("frame")
    return None if frame is None else [frame + 1]


def _coded(code: Code) -> sr.CodedConcept:
    return sr.CodedConcept(code.value, code.scheme, code.meaning)


def _new_uid() -> str:
    """Return a UID under the UUID root (PS3.5 section B.2)."""
    return f"2.25.{uuid4().int}"


def _derived_uid(text: str) -> str:
    """Return a UID that is always the same for a text."""
    return f"2.25.{uuid5(NAMESPACE_OID, text).int}"
