"""What was said of a picture goes with its copies, and what we wrote is no header of them."""

import io

import pydicom
import pytest
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph


def hand():
    return file_bytes(radiograph("hand", BodyPartExamined="EXTREMITY", PatientID=generate_uid()))


def said_wrist(server, data):
    instance = server.upload(data)
    server.annotation(instance)
    word = {"examined": "wrist", "laterality": "R"}
    answer = server.request("PUT", f"/bodypart/instances/{instance}", json=word)
    assert answer.status_code == 200, answer.text
    server.settle()
    return instance


def copy_of(server, instance, how):
    study = server.above(instance)["studies"]
    order = {"Replace": {"StudyDescription": "mended"}} if how == "modify" else {}
    answer = server.request("POST", f"/studies/{study}/{how}", json=order)
    assert answer.status_code == 200, answer.text
    (copy,) = server.get(f"/studies/{answer.json()['ID']}/instances")
    return copy["ID"]


def assert_said_by_a_person(annotation):
    assert annotation["examined"]["label"] == "wrist"
    assert annotation["examined"]["source"] == "person"
    assert annotation["laterality"] == {"value": "R", "source": "person"}
    assert annotation["review"]["carried"]


@pytest.mark.parametrize("how", ["modify", "anonymize"])
def test_a_persons_word_goes_with_a_copy_of_its_picture(orthanc, how):
    instance = said_wrist(orthanc, hand())
    assert_said_by_a_person(orthanc.annotation(copy_of(orthanc, instance, how)))


def test_a_persons_word_reaches_another_orthanc_with_the_file(orthanc, make_server):
    instance = said_wrist(orthanc, hand())
    file = orthanc.request("GET", f"/instances/{instance}/file").content
    other = make_server(target=orthanc.target).start()
    assert_said_by_a_person(other.annotation(other.upload(file)))


def test_what_we_wrote_is_no_second_source_in_an_anonymised_copy(orthanc):
    instance = said_wrist(orthanc, hand())
    copy = copy_of(orthanc, instance, "anonymize")
    file = orthanc.request("GET", f"/instances/{copy}/file").content
    dataset = pydicom.dcmread(io.BytesIO(file))
    assert dataset.BodyPartExamined == "WRIST"
    assert orthanc.annotation(copy)["header"]["labels"] == []


@pytest.mark.parametrize("patient", ["same", "other"])
def test_what_is_modified_in_its_place_is_rewritten_again(orthanc, patient):
    """Its file stayed as it was, whatever people said: Orthanc links it to what it was before."""
    instance = said_wrist(orthanc, hand())
    uids = [f"{level}InstanceUID" for level in ("Study", "Series", "SOP")]
    tags = {"same": {"StudyDescription": "mended"}, "other": {"PatientID": generate_uid()}}
    order = {"Replace": tags[patient], "Keep": uids, "Force": True, "KeepSource": patient == "same"}
    level = "studies" if patient == "same" else "patients"
    path = f"/{level}/{orthanc.above(instance)[level]}"
    answer = orthanc.request("POST", f"{path}/modify", json=order)
    assert answer.status_code == 200, answer.text
    (found,) = orthanc.get(f"{answer.json()['Path']}/instances")
    orthanc.settle()
    word = {"examined": "forearm"}
    orthanc.request("PUT", f"/bodypart/instances/{found['ID']}", json=word)
    assert orthanc.written(found["ID"])["examined"]["label"] == "forearm"
    file = orthanc.request("GET", f"/instances/{found['ID']}/file").content
    assert pydicom.dcmread(io.BytesIO(file)).BodyPartExamined == "FOREARM"


def test_another_picture_under_the_same_uids_is_asked_again(orthanc):
    first = radiograph("hand", BodyPartExamined="EXTREMITY", PatientID=generate_uid())
    instance = said_wrist(orthanc, file_bytes(first))
    first.PixelData = radiograph("chest").PixelData
    orthanc.upload(file_bytes(first))
    orthanc.settle()
    annotation = orthanc.annotation(instance)
    assert annotation["needs_review"]
    assert (annotation["examined"] or {}).get("source") != "person"
