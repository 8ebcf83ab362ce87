"""Corrected files, structured reports and FHIR through the routes of a real Orthanc."""

import io
import subprocess

import highdicom as hd
import pydicom
import pytest
from pydicom.uid import generate_uid

from orthanc_server import KNOWN, running
from phantoms import file_bytes, foreign, radiograph


@pytest.fixture(scope="module", params=KNOWN)
def orthanc(request, tmp_path_factory):
    """An Orthanc that never touches what it stores."""
    folder = tmp_path_factory.mktemp(f"exports-{request.param}")
    untouched = {"BodyPart": {"Tags": "none"}, "OverwriteInstances": False}
    with running(folder, request.param, untouched) as server:
        yield server


@pytest.fixture(scope="module")
def wrist(orthanc):
    """A wrist with a wrong header, put right by a person; its data set and id."""
    dataset = radiograph(
        "hand",
        BodyPartExamined="EXTREMITY",
        StudyDescription="Handgelenk",
        ImageLaterality="L",
        PatientID=generate_uid(),
    )
    instance = orthanc.upload(file_bytes(dataset))
    orthanc.annotation(instance)
    orthanc.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "wrist"})
    return dataset, instance


def test_the_corrected_file_differs_in_the_tags_alone(orthanc, wrist):
    original, instance = wrist
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/dicom")
    assert answer.headers["Content-Type"].startswith("application/dicom")
    corrected = pydicom.dcmread(io.BytesIO(answer.content))
    assert corrected.BodyPartExamined == "WRIST"
    region = corrected.AnatomicRegionSequence[0]
    assert (region.CodeValue, region.CodingSchemeDesignator) == ("74670003", "SCT")
    assert region.AnatomicRegionModifierSequence[0].CodeMeaning == "Left"
    old = corrected.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert old.BodyPartExamined == "EXTREMITY"
    assert corrected.PixelData == original.PixelData
    assert corrected.SOPInstanceUID == original.SOPInstanceUID
    stored = orthanc.request("GET", f"/instances/{instance}/file").content
    assert stored == file_bytes(original)


def test_what_is_not_sure_is_not_written(orthanc):
    data = file_bytes(foreign("CT", PatientID=generate_uid()))
    instance = orthanc.upload(data)
    orthanc.annotation(instance)
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/dicom")
    assert answer.content == data
    assert answer.headers["BodyPart-Changed"] == ""


def test_the_report_is_valid_and_names_site_side_and_algorithm(orthanc, wrist, tmp_path):
    original, instance = wrist
    for path in (f"instances/{instance}", f"studies/{orthanc.above(instance)['studies']}"):
        answer = orthanc.request("GET", f"/bodypart/{path}/sr")
        assert answer.status_code == 200, answer.text
        file = tmp_path / "sr.dcm"
        file.write_bytes(answer.content)
        checked = subprocess.run(["dciodvfy", file], check=False, capture_output=True, text=True)
        complaints = checked.stderr
        assert "Error" not in complaints, complaints
        report = hd.sr.srread(file)
        assert report.StudyInstanceUID == original.StudyInstanceUID
        assert "Wrist joint" in str(report)


def test_a_report_without_an_answer_is_refused(orthanc):
    instance = orthanc.upload(file_bytes(foreign("PDF", PatientID=generate_uid())))
    orthanc.annotation(instance)
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/sr")
    assert answer.status_code == 409
    assert set(answer.json()) == {"error", "details"}


def test_fhir_gives_the_body_site(orthanc, wrist):
    _, instance = wrist
    study = orthanc.above(instance)["studies"]
    answer = orthanc.request("GET", f"/bodypart/studies/{study}/fhir")
    assert answer.headers["Content-Type"] == "application/fhir+json"
    resource = answer.json()
    assert resource["resourceType"] == "ImagingStudy"
    coding = resource["series"][0]["bodySite"]["concept"]["coding"][0]
    assert coding["code"] == "74670003"
    assert coding["system"] == "http://snomed.info/sct"


def test_a_settled_study_holds_one_report_that_names_its_predecessor(make_server):
    server = make_server({"BodyPart": {"StructuredReport": True}, "StableAge": 1}).start()
    instance = server.upload(file_bytes(radiograph("hand", BodyPartExamined="HAND")))
    server.annotation(instance)
    server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "wrist"})
    study = server.above(instance)["studies"]

    def reports():
        return [
            i["ID"]
            for series in server.get(f"/studies/{study}/series")
            if series["MainDicomTags"].get("Modality") == "SR"
            for i in server.get(f"/series/{series['ID']}/instances")
        ]

    server.wait_until(lambda: len(reports()) == 1, 20)
    (first,) = reports()
    server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "forearm"})
    other = radiograph("hand", BodyPartExamined="HAND")
    original = pydicom.dcmread(
        io.BytesIO(server.request("GET", f"/instances/{instance}/file").content)
    )
    for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(other, keyword, getattr(original, keyword))
    server.upload(file_bytes(other))

    def report(instance):
        file = server.request("GET", f"/instances/{instance}/file")
        return pydicom.dcmread(io.BytesIO(file.content)) if file.status_code == 200 else None

    # One of what stood there before the last word may come in between.
    server.wait_until(lambda: any("Forearm" in str(report(found)) for found in reports()), 30)
    server.wait_until(lambda: len(reports()) == 1)
    (last,) = reports()
    assert last != first
    assert report(last).PredecessorDocumentsSequence


def test_the_manifest_holds_what_people_said_and_no_guesses(orthanc, wrist):
    _, instance = wrist
    other = orthanc.upload(file_bytes(radiograph("hand", BodyPartExamined="HAND")))
    orthanc.annotation(other)
    said = {"examined": "hand", "visible": ["hand", "thumb"]}
    orthanc.request("PUT", f"/bodypart/instances/{other}", json=said)
    rows = {row["file"]: row for row in orthanc.get("/bodypart/manifest")}
    assert rows[f"{instance}.png"]["visible"] == "wrist"
    assert rows[f"{other}.png"]["visible"] == "hand;thumb"


def test_the_audit_export_leads_back_to_study_and_instance(orthanc, wrist):
    dataset, instance = wrist
    row = next(row for row in orthanc.get("/bodypart/audit") if row["instance"] == instance)
    assert row["study_date"] == dataset.StudyDate
    assert row["study_uid"] == dataset.StudyInstanceUID
    assert row["series_uid"] == dataset.SeriesInstanceUID
    assert row["instance_uid"] == dataset.SOPInstanceUID


def test_several_words_are_taken_back_at_once(orthanc):
    ids = [orthanc.upload(file_bytes(radiograph("hand", seed=seed))) for seed in (11, 12)]
    for instance in ids:
        orthanc.annotation(instance)
    said = orthanc.request(
        "POST", "/bodypart/reviews", json={"instances": ids, "examined": "foot"}
    ).json()
    assert said["reviewed"] == 2
    stale = {**said["revisions"], ids[1]: "0" * 16}
    answer = orthanc.request(
        "POST", "/bodypart/reviews/undo", json={"instances": ids, "revisions": stale}
    ).json()
    assert answer["undone"] == 1
    assert list(answer["failed"]) == [ids[1]]
    assert orthanc.get(f"/bodypart/instances/{ids[0]}")["review"] is None
    assert orthanc.get(f"/bodypart/instances/{ids[1]}")["review"]["examined"] == "foot"
