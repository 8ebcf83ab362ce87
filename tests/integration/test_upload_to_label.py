"""From upload to label on a real Orthanc: the product's main path."""

import json
import subprocess

import pytest
from pydicom.uid import generate_uid

from bodypart.labels import body_part
from phantoms import file_bytes, foreign, radiograph

ANNOTATION_KEYS = {
    "instance", "status", "reason", "examined", "visible", "laterality", "group", "image",
    "header", "agreement", "needs_review", "review", "model", "annotated_at",
}  # fmt: skip


def knee(**headers):
    named = {"BodyPartExamined": "KNEE", "StudyDescription": "Knie re. 2 Eb."}
    return radiograph("knee", **{**named, "PatientID": generate_uid(), **headers})


def test_an_upload_is_annotated_at_all_levels(orthanc):
    instance = orthanc.upload(file_bytes(knee()))
    orthanc.annotation(instance)
    orthanc.wait_until(lambda: orthanc.annotation(instance)["tags"]["state"] != "pending")
    annotation = orthanc.annotation(instance)
    assert annotation["status"] == "done"
    assert set(annotation) >= ANNOTATION_KEYS
    assert annotation["header"]["label"] == "knee"
    assert annotation["laterality"] == {"value": "R", "source": "header"}
    assert annotation["model"] == orthanc.status()["model"]
    assert json.loads(orthanc.metadata("instances", instance, "BodyPart")) == annotation
    code = annotation["examined"]["code"]["value"]
    assert body_part(code).label == annotation["examined"]["label"]
    orthanc.settle()
    for level, resource in [("instances", instance), *orthanc.above(instance).items()]:
        assert orthanc.metadata(level, resource, "BodyPartExamined") == code, level
        rolled = orthanc.get(f"/bodypart/{level}/{resource}")
        assert rolled["examined"]["code"]["value"] == code


def test_c_store_is_annotated_like_rest(orthanc, tmp_path):
    dataset = knee()
    path = tmp_path / "knee.dcm"
    path.write_bytes(file_bytes(dataset))
    subprocess.run(
        ["storescu", "127.0.0.1", str(orthanc.dicom_port), str(path)], check=True, timeout=30
    )
    found = orthanc.request(
        "POST",
        "/tools/find",
        json={"Level": "Instance", "Query": {"SOPInstanceUID": dataset.SOPInstanceUID}},
    ).json()
    assert orthanc.annotation(found[0])["header"]["label"] == "knee"


def test_orthanc_labels_are_set_where_orthanc_has_them(orthanc):
    if orthanc.target == "bookworm":
        pytest.skip("Orthanc 1.10 has no labels")
    instance = orthanc.upload(file_bytes(knee()))
    annotation = orthanc.annotation(instance)
    orthanc.settle()
    orthanc.quieten()  # While its file is rewritten Orthanc knows of no label.
    expected = "bodypart-" + annotation["examined"]["label"].replace("_", "-")
    for level, resource in [("instances", instance), *orthanc.above(instance).items()]:
        assert expected in orthanc.get(f"/{level}/{resource}/labels"), level
    orthanc.request("DELETE", f"/bodypart/instances/{instance}")
    assert orthanc.get(f"/instances/{instance}/labels") == []


def test_the_levels_above_follow_arrivals_corrections_and_deletions(orthanc):
    first = knee()
    second = knee(
        StudyInstanceUID=first.StudyInstanceUID,
        SeriesInstanceUID=first.SeriesInstanceUID,
        PatientID=first.PatientID,
    )
    one, two = (orthanc.upload(file_bytes(dataset)) for dataset in (first, second))
    orthanc.settle()
    study = orthanc.above(one)["studies"]
    assert {c["instance"] for c in orthanc.get(f"/bodypart/studies/{study}")["children"]} == {
        one,
        two,
    }
    for instance in (one, two):
        answer = orthanc.request(
            "PUT", f"/bodypart/instances/{instance}", json={"examined": "hand", "laterality": "L"}
        )
        assert answer.status_code == 200
    assert orthanc.metadata("studies", study, "BodyPartExamined") == body_part("hand").code.value
    orthanc.request("PUT", f"/bodypart/instances/{two}", json={"examined": "foot"})
    rolled = orthanc.get(f"/bodypart/studies/{study}")
    assert {part["label"] for part in rolled["parts"]} == {"hand", "foot"}
    orthanc.request("DELETE", f"/instances/{one}")
    foot = body_part("foot").code.value
    orthanc.wait_until(lambda: orthanc.metadata("studies", study, "BodyPartExamined") == foot)
    rolled = json.loads(orthanc.metadata("studies", study, "BodyPart"))
    assert rolled["parts"] == [{"label": "foot", "instances": 1}]


def test_a_correction_survives_classifying_again(orthanc):
    instance = orthanc.upload(file_bytes(knee()))
    orthanc.annotation(instance)
    corrected = orthanc.request(
        "PUT", f"/bodypart/instances/{instance}", json={"examined": "patella", "comment": "skyline"}
    ).json()
    again = orthanc.request("POST", f"/bodypart/instances/{instance}", json={}).json()
    assert again["examined"] == corrected["examined"]
    assert again["examined"]["source"] == "person"
    assert again["review"] == corrected["review"]
    assert again["review"]["by"] == "anonymous"


def test_forgetting_removes_the_annotation_everywhere(orthanc):
    instance = orthanc.upload(file_bytes(knee()))
    orthanc.annotation(instance)
    above = orthanc.above(instance)
    assert orthanc.request("DELETE", f"/bodypart/studies/{above['studies']}").status_code == 200
    assert orthanc.request("GET", f"/bodypart/instances/{instance}").status_code == 404
    for level, resource in [("instances", instance), *above.items()]:
        assert orthanc.metadata(level, resource, "BodyPart") is None, level
        assert orthanc.metadata(level, resource, "BodyPartExamined") is None, level


@pytest.mark.parametrize("kind", ["SR", "PDF", "PR", "ECG", "RTPLAN"])
def test_objects_without_an_exposure_are_skipped_with_a_reason(orthanc, kind):
    annotation = orthanc.annotation(orthanc.upload(file_bytes(foreign(kind))))
    assert annotation["status"] == "skipped"
    assert annotation["reason"]
    assert annotation["examined"] is None


def test_a_ct_is_annotated_from_its_header_alone(orthanc):
    dataset = foreign("CT")
    dataset.BodyPartExamined = "CHEST"
    annotation = orthanc.annotation(orthanc.upload(file_bytes(dataset)))
    assert annotation["status"] == "done"
    assert annotation["image"] is None
    assert annotation["examined"]["label"] == "chest"
    assert annotation["examined"]["source"] == "header"


def test_a_file_is_classified_without_being_stored(orthanc):
    before = orthanc.get("/statistics")["CountInstances"]
    answer = orthanc.request("POST", "/bodypart/classify", data=file_bytes(knee()))
    assert answer.json()["header"]["label"] == "knee"
    assert orthanc.get("/statistics")["CountInstances"] == before


def test_the_heat_map_is_a_png_of_the_picture(orthanc):
    instance = orthanc.upload(file_bytes(knee()))
    orthanc.annotation(instance)
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/heatmap?label=knee")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    wrong = orthanc.request("GET", f"/bodypart/instances/{instance}/heatmap?label=tail")
    assert wrong.status_code == 400


def test_the_plugin_survives_a_reset_of_orthanc(orthanc):
    orthanc.reset()
    annotation = orthanc.annotation(orthanc.upload(file_bytes(knee())))
    assert annotation["header"]["label"] == "knee"
