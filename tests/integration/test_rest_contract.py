"""The routes as the contract has them: shapes, errors, the OpenAPI document."""

import itertools
import json
import time

import pytest
import requests
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph

UNKNOWN = "deadbeef-deadbeef-deadbeef-deadbeef-deadbeef"


@pytest.fixture(scope="module")
def knee(orthanc):
    """The id of an annotated knee."""
    dataset = radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid())
    instance = orthanc.upload(file_bytes(dataset))
    orthanc.annotation(instance)
    orthanc.settle()
    return instance


def find(orthanc, **question):
    answer = orthanc.request("POST", "/bodypart/find", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_status_tells_version_model_provider_and_queue(orthanc):
    status = orthanc.status()
    assert {"version", "orthanc", "model", "provider", "queue", "ready"} <= set(status)
    assert set(status["model"]) == {"name", "version", "sha256"}
    assert set(status["queue"]) == {"pending", "failed", "done"}
    assert status["provider"] == "cpu"
    assert status["ready"] is True


def test_labels_lists_all_36_and_what_the_model_knows(orthanc):
    labels = orthanc.get("/bodypart/labels")
    assert len(labels) == 36
    for row in labels:
        assert set(row) == {
            "label", "code", "body_part_examined", "paired", "group", "image_model",
        }  # fmt: skip
    known = {row["label"] for row in labels if row["image_model"]}
    assert "knee" in known
    assert "neck" not in known  # No picture of it was ever trained on.


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/bodypart/instances/{UNKNOWN}", None, 404),
        ("GET", f"/bodypart/studies/{UNKNOWN}", None, 404),
        ("POST", f"/bodypart/series/{UNKNOWN}", "{}", 404),
        ("PUT", f"/bodypart/instances/{UNKNOWN}", '{"examined": "knee"}', 404),
        ("DELETE", f"/bodypart/patients/{UNKNOWN}", None, 404),
        ("GET", f"/bodypart/instances/{UNKNOWN}/heatmap?label=knee", None, 404),
        ("GET", "/bodypart", None, 404),
        ("GET", "/bodypart/", None, 404),
        ("GET", "/bodypart/nothing", None, 404),
        ("POST", "/bodypart/find", "{", 400),
        ("POST", "/bodypart/find", "[]", 400),
        ("POST", "/bodypart/find", '{"Exam": "knee"}', 400),
        ("POST", "/bodypart/find", '{"Examined": "tail"}', 400),
        ("POST", "/bodypart/find", '{"Level": "Frame"}', 400),
        ("POST", "/bodypart/find", '{"Evidence": "rumour"}', 400),
        ("POST", "/bodypart/find", '{"Limit": 0}', 400),
        ("POST", "/bodypart/backfill", '{"x": 1}', 400),
        ("POST", "/bodypart/backfill", '{"OtherModels": "yes"}', 400),
        ("POST", "/bodypart/classify", "", 400),
        ("GET", "/bodypart/ui/../settings.py", None, 404),
        ("GET", f"/bodypart/{'a' * 300}", None, 404),
        ("GET", f"/bodypart/ui/{'a' * 300}", None, 404),
        ("GET", "/bodypart/audit?limit=0", None, 400),
        ("GET", "/bodypart/audit?limit=1e9", None, 400),
        ("GET", "/bodypart/audit?sinse=5", None, 400),
        ("GET", "/bodypart/audit?since=99999999999999999999", None, 400),
        ("GET", f"/bodypart/sheet?after={'[' * 900}", None, 400),
    ],
)
def test_every_error_has_one_shape(orthanc, method, path, body, status):
    answer = orthanc.request(method, path, data=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "details"}


def test_a_wrong_method_is_told_the_right_ones(orthanc):
    answer = orthanc.request("DELETE", "/bodypart/status")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
    answer = orthanc.request("PUT", f"/bodypart/series/{UNKNOWN}", data="{}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE,GET,POST"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "examined"),
        ({"examined": "tail"}, "examined"),
        ({"examined": "knee", "laterality": "X"}, "laterality"),
        ({"examined": "knee", "visible": 3}, "visible"),
        ({"examined": "knee", "colour": 3}, "colour"),
    ],
)
def test_a_wrong_correction_names_the_field(orthanc, knee, body, field):
    answer = orthanc.request("PUT", f"/bodypart/instances/{knee}", json=body)
    assert answer.status_code == 400
    assert field in answer.json()["details"]


def test_a_change_asked_for_by_another_site_is_refused(orthanc, knee):
    answer = orthanc.request(
        "DELETE", f"/bodypart/instances/{knee}", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403


def test_a_form_is_refused_for_orthanc_hands_on_headers_that_its_sender_wrote(orthanc, knee):
    body = json.dumps({"instances": [knee], "examined": "hand", "comment": "forged"})
    part = ("a.json", body, "application/json", {"Authorization": "Basic Y2hpZWY6eA=="})
    answer = orthanc.request("POST", "/bodypart/reviews", files={"file": part})
    assert answer.status_code == 403
    assert "forged" not in [event["comment"] for event in orthanc.get("/bodypart/audit")]


def test_what_is_no_dicom_file_is_refused_and_a_broken_one_failed(orthanc):
    answer = orthanc.request("POST", "/bodypart/classify", data=b"<html>no</html>")
    assert answer.status_code == 400
    assert answer.json()["details"].startswith("body: not DICOM")
    answer = orthanc.request("POST", "/bodypart/classify", data=bytes(128) + b"DICM")
    assert answer.json()["status"] == "failed"
    assert answer.json()["reason"]
    assert answer.json()["instance"] is None


@pytest.mark.parametrize("brackets", [600, 5_000, 400_000])
def test_a_body_of_brackets_is_refused_and_orthanc_lives(orthanc, knee, brackets):
    for method, path in (("PUT", f"/bodypart/instances/{knee}"), ("POST", "/bodypart/find")):
        answer = orthanc.request(method, path, data="[" * brackets)
        assert answer.status_code == 400
    assert orthanc.status()["ready"]


def test_metadata_that_somebody_else_wrote_are_no_annotation(orthanc):
    """They neither break a search nor keep the instance from being annotated."""
    instance = orthanc.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
    path = f"/instances/{instance}/metadata/BodyPart"
    for text in ("knee", "1", '{"status": "done"}', "[" * 3_000, b"\xff\xfe"):
        # Metadata are written once more when the file has followed.
        orthanc.written(instance)
        assert orthanc.request("PUT", path, data=text).status_code == 200
        assert instance not in [row["id"] for row in find(orthanc, Limit=1000)]
        answer = orthanc.request("POST", f"/bodypart/instances/{instance}", json={})
        assert answer.json()["status"] == "done"


def test_an_id_of_another_level_is_not_found(orthanc, knee):
    above = orthanc.above(knee)
    for level, other in itertools.permutations(above, 2):
        path = f"/bodypart/{level}/{above[other]}"
        assert orthanc.request("GET", path).status_code == 404
        assert orthanc.request("DELETE", path).status_code == 404


def test_a_change_disguised_as_reading_is_refused(orthanc, knee):
    """Orthanc takes the method from the query; a picture's address on any page may hold that."""
    answer = orthanc.request(
        "GET",
        f"/bodypart/instances/{knee}?_method=DELETE",
        headers={"User-Agent": "Mozilla/5.0", "Accept-Language": "de"},
    )
    assert answer.status_code == 403
    answer = orthanc.request(
        "GET",
        f"/bodypart/instances/{knee}?_method=DELETE",
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403
    assert orthanc.request("GET", f"/bodypart/instances/{knee}").status_code == 200


def test_queries_may_be_percent_encoded(orthanc, knee):
    assert orthanc.request("GET", "/bodypart/worklist?source=image%2Bheader").status_code == 200
    answer = orthanc.request("GET", f"/bodypart/instances/{knee}/heatmap?label=%6Bnee")
    assert answer.headers["Content-Type"] == "image/png"
    answer = orthanc.request("GET", f"/bodypart/instances/{knee}/heatmap?label=72696002")
    assert answer.headers["Content-Type"] == "image/png"
    answer = orthanc.request("GET", "/bodypart/worklist?gr%C3%B6%C3%9Fe%2B%25+a=1")
    assert answer.status_code == 400
    # Newer Orthancs call an error text/plain, which requests takes for Latin-1.
    assert "größe+% a" in json.loads(answer.content)["details"]


def test_the_work_list_of_several_studies(orthanc):
    """What Explorer 2 opens for the studies that are ticked: their ids, by commas."""
    data = [file_bytes(radiograph("hand", PatientID=generate_uid())) for _ in range(3)]
    instances = [orthanc.upload(item) for item in data]
    for instance in instances:
        orthanc.annotation(instance)
    studies = [orthanc.above(instance)["studies"] for instance in instances]
    query = f"/bodypart/worklist?show=all&studies={studies[0]},{studies[2]}"
    listed = {item["instance"] for item in orthanc.get(query)["items"]}
    assert listed == {instances[0], instances[2]}
    wrong = orthanc.request("GET", f"{query},x")
    assert wrong.status_code == 400
    assert "studies" in wrong.json()["details"]


def test_the_picture_of_a_deleted_instance_is_not_kept(orthanc):
    instance = orthanc.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
    path = f"/bodypart/instances/{instance}/heatmap?label=knee"
    assert orthanc.request("GET", path).status_code == 200
    orthanc.request("DELETE", f"/instances/{instance}")
    assert orthanc.request("GET", path).status_code == 404


def test_a_header_s_text_never_becomes_a_header_of_the_answer(orthanc):
    broken = "1.2.3\r\nSet-Cookie: a=1"
    dataset = radiograph("knee", PatientID=generate_uid(), SOPClassUID=broken)
    instance = orthanc.upload(file_bytes(dataset))
    orthanc.annotation(instance)
    orthanc.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "hand"})
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/dicom")
    assert "no valid SOP Class" in answer.headers["BodyPart-Refused"]
    assert "Set-Cookie" not in answer.headers


def test_classifying_asynchronously_answers_at_once(orthanc, knee):
    answer = orthanc.request("POST", f"/bodypart/instances/{knee}", json={"Asynchronous": True})
    assert answer.json()["status"] == "pending"
    orthanc.settle()
    assert orthanc.annotation(knee)["status"] == "done"


def test_find_by_label_code_region_group_and_evidence(orthanc, knee):
    orthanc.request("PUT", f"/bodypart/instances/{knee}", json={"examined": "knee"})
    above = orthanc.above(knee)
    for examined in ("knee", "72696002", "lower_limb", "Lower limb"):
        assert knee in [row["id"] for row in find(orthanc, Examined=examined)], examined
    assert knee not in [row["id"] for row in find(orthanc, Examined="upper_limb")]
    for evidence in ("header", "any", "final"):
        assert knee in [row["id"] for row in find(orthanc, Examined="knee", Evidence=evidence)]
    image = orthanc.get(f"/bodypart/instances/{knee}")["image"]
    seen = not image["rejected"] and image["top"][0]["label"] == "knee"
    for evidence in ("image", "both"):
        ids = [row["id"] for row in find(orthanc, Examined="knee", Evidence=evidence)]
        assert (knee in ids) == seen
    assert knee in [row["id"] for row in find(orthanc, Visible=["knee"])]
    assert knee in [row["id"] for row in find(orthanc, Group="others")]
    assert knee not in [row["id"] for row in find(orthanc, Group="spine")]
    assert knee not in [row["id"] for row in find(orthanc, Examined="knee", NeedsReview=True)]
    studies = find(orthanc, Level="Study", Examined="knee")
    assert above["studies"] in [row["id"] for row in studies]
    assert all(row["annotation"]["level"] == "studies" for row in studies)


def test_find_pages_through_without_repeating(orthanc, knee):
    for _ in range(3):
        orthanc.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
    orthanc.settle()

    def whole_and_paged():
        everything = [row["id"] for row in find(orthanc, Limit=1000)]
        pages = [find(orthanc, Since=number, Limit=1) for number in range(len(everything))]
        return everything, [row["id"] for page in pages for row in page]

    # What was deleted a moment ago still has a place until the index hears of it.
    orthanc.wait_until(lambda: len(set(map(tuple, whole_and_paged()))) == 1)
    everything, paged = whole_and_paged()
    assert paged == everything
    assert len(set(paged)) == len(paged) >= 4


def test_the_openapi_document_lists_the_routes_of_the_contract(orthanc):
    document = orthanc.get("/bodypart/openapi.json")
    assert document["openapi"].startswith("3.1")
    for path in (
        "/bodypart/status",
        "/bodypart/labels",
        "/bodypart/{level}/{id}",
        "/bodypart/instances/{id}",
        "/bodypart/instances/{id}/heatmap",
        "/bodypart/find",
        "/bodypart/classify",
        "/bodypart/instances/{id}/dicom",
        "/bodypart/instances/{id}/sr",
        "/bodypart/backfill",
        "/bodypart/openapi.json",
        "/bodypart/ui/{file}",
    ):
        assert path in document["paths"], path
    names = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert len(names) == len(set(names))
    json.dumps(document)


def test_what_a_version_of_the_model_read_is_read_again(orthanc):
    # Of its own: what a person spoke of is not read again.
    knee = orthanc.upload(file_bytes(radiograph("knee")))
    before, version = orthanc.annotation(knee), orthanc.status()["model"]["version"]
    time.sleep(1.1)  # `annotated_at` counts seconds.
    for question, again in (({"OtherModels": True}, False), ({"ModelVersion": version}, True)):
        answer = orthanc.request("POST", "/bodypart/backfill", json=question)
        assert bool(answer.json()["again"]) is again
    orthanc.wait_until(lambda: orthanc.annotation(knee)["annotated_at"] > before["annotated_at"])
    assert orthanc.annotation(knee)["examined"] == before["examined"]


def test_metrics_are_published_through_orthanc(orthanc, knee):
    text = orthanc.request("GET", "/tools/metrics-prometheus").text
    for name in ("annotated", "queue", "seconds_decode", "seconds_classify", "seconds_fetch"):
        assert f"bodypart_{name} " in text, name


def test_an_error_has_one_content_type(orthanc):
    """From 1.12.7 on it is Orthanc's own, which nobody can change; another would be a second."""
    for path in ("instances/unknown", "worklist?limit=none", "nothing"):
        answer = requests.get(f"{orthanc.url}/bodypart/{path}", timeout=30, stream=True)
        assert answer.status_code >= 400
        assert len(answer.raw.headers.getlist("Content-Type")) == 1
        assert set(answer.json()) >= {"error", "details"}
