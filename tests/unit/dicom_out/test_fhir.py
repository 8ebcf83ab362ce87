"""FHIR R5 ImagingStudy, checked against the official structure."""

import json

import pytest

from bodypart.annotation import Laterality
from bodypart.dicom_out.fhir import StudyError, imaging_study
from unit.dicom_out.annotations import annotation, side
from unit.dicom_out.radiographs import radiograph, read

fhir = pytest.importorskip("fhir.resources.imagingstudy")


pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


def image(series="2", number=1, **attributes):
    uids = {"SeriesInstanceUID": f"2.25.{series}", "SOPInstanceUID": f"2.25.{series}0{number}"}
    return read(radiograph(**{**uids, **attributes}))


def study(*images) -> dict:
    """Return the resource after a journey through JSON and the official structure."""
    resource = imaging_study(images, resource_id="27f7126f-4f66fb14")
    checked = fhir.ImagingStudy.model_validate_json(json.dumps(resource))
    assert json.loads(checked.model_dump_json()) == resource
    return resource


def test_a_study_with_one_series():
    resource = study((image(), annotation("knee", laterality=side("L"))))
    assert resource["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:2.25.1"}
    assert (resource["numberOfSeries"], resource["numberOfInstances"]) == (1, 1)
    assert resource["subject"]["identifier"]["value"] == "P1"
    (series,) = resource["series"]
    assert series["bodySite"]["concept"]["coding"] == [
        {"system": "http://snomed.info/sct", "code": "72696002", "display": "Knee"}
    ]
    assert series["laterality"]["coding"][0]["code"] == "7771000"
    assert series["modality"]["coding"][0]["code"] == "CR"
    assert series["instance"][0]["sopClass"]["code"] == "urn:oid:1.2.840.10008.5.1.4.1.1.1"


def test_every_series_has_its_own_site():
    resource = study((image("2"), annotation("knee")), (image("3"), annotation("chest")))
    codes = [item["bodySite"]["concept"]["coding"][0]["code"] for item in resource["series"]]
    assert codes == ["72696002", "816094009"]
    assert resource["numberOfSeries"] == 2


def test_a_mixed_series_names_all_its_parts():
    """A series has room for one site; the structure that it refers to has room for several."""
    resource = study(
        (image(number=1), annotation("knee", laterality=side("L"))),
        (image(number=2), annotation("chest")),
        (image(number=3), annotation("knee", laterality=side("R"))),
        (image("3"), annotation("chest")),
    )
    mixed, plain = resource["series"]
    assert mixed["bodySite"]["concept"] == {"text": "Knee, Chest"}
    assert "laterality" not in mixed
    assert plain["bodySite"]["concept"]["coding"][0]["code"] == "816094009"
    (structure,) = resource["contained"]
    assert mixed["bodySite"]["reference"]["reference"] == f"#{structure['id']}"
    assert structure["patient"] == resource["subject"]
    named = [
        (one["structure"]["coding"][0]["display"], one.get("laterality", {}).get("coding"))
        for one in structure["includedStructure"]
    ]
    assert [part for part, _ in named] == ["Knee", "Chest", "Knee"]
    assert [side[0]["code"] if side else None for _, side in named] == ["7771000", None, "24028007"]


def test_the_side_that_a_marker_tells_is_left_out():
    marker = annotation("knee", laterality=Laterality("L", "marker"))
    assert "laterality" not in study((image(), marker))["series"][0]


def test_sides_that_differ_leave_the_laterality_out():
    resource = study(
        (image(number=1), annotation("knee", laterality=side("L"))),
        (image(number=2), annotation("knee", laterality=side("R"))),
    )
    assert "bodySite" in resource["series"][0]
    assert "laterality" not in resource["series"][0]


@pytest.mark.parametrize("note", [None, annotation(None, status="failed", reason="truncated")])
def test_an_instance_without_an_answer_is_still_listed(note):
    (series,) = study((image(), note))["series"]
    assert "bodySite" not in series
    assert len(series["instance"]) == 1


@pytest.mark.parametrize(
    ("attributes", "started"),
    [
        ({}, "2026-11-01"),
        ({"TimezoneOffsetFromUTC": "+0100"}, "2026-11-01T10:15:00+01:00"),
        ({"TimezoneOffsetFromUTC": "+0100", "StudyTime": "10"}, "2026-11-01T10:00:00+01:00"),
        ({"StudyDate": "01.11.2026"}, None),
        ({"StudyDate": None, "PatientID": "", "Modality": "", "SeriesNumber": -1}, None),
    ],
)
def test_headers_that_are_missing_or_wrong_stay_valid(attributes, started):
    assert study((image(**attributes), annotation())).get("started") == started


@pytest.mark.parametrize(
    "images",
    [
        [],
        [(image(StudyInstanceUID="2.25.7"), None), (image(), None)],
        [(image(SeriesInstanceUID=None), None)],
    ],
)
def test_what_is_no_study_is_named(images):
    with pytest.raises(StudyError):
        imaging_study(images)


@pytest.mark.shared
def test_no_text_holds_a_nul():
    """It would be taken for a decoder's in a stranger's hands."""
    resource = study((image(StudyDescription="KNEE\0AP", PatientID="1\x002"), None))
    assert resource["description"] == "KNEE AP"
    assert resource["subject"]["identifier"]["value"] == "1 2"


def test_real_images_are_valid(shared, subtests):
    for path in sorted((shared / "dicom").glob("*.dcm")):
        with subtests.test(path.name):
            study((read(path.read_bytes()), annotation()))
