"""Two people at one instance: the later one sees what changed, and decides again."""

import pytest
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph


@pytest.fixture
def knee(orthanc):
    """The id of an annotated knee whose file has followed."""
    instance = orthanc.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
    orthanc.annotation(instance)
    return instance


def test_a_revision_is_an_etag_and_stays_while_the_answer_stays(orthanc, knee):
    answer = orthanc.request("GET", f"/bodypart/instances/{knee}")
    assert answer.headers["ETag"] == f'"{answer.json()["revision"]}"'
    orthanc.wait_until(
        lambda: orthanc.get(f"/bodypart/instances/{knee}")["tags"]["state"] != "pending"
    )
    again = orthanc.request("GET", f"/bodypart/instances/{knee}")
    assert again.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/bodypart/instances/{}", {"examined": "hip"}),
        ("POST", "/bodypart/instances/{}", {}),
        ("DELETE", "/bodypart/instances/{}", None),
        ("DELETE", "/bodypart/instances/{}/review", None),
        ("POST", "/bodypart/reviews", {"instances": ["{}"], "examined": "hip"}),
    ],
)
def test_what_is_stale_is_refused_with_what_stands_there(orthanc, knee, method, path, body):
    seen = orthanc.request("GET", f"/bodypart/instances/{knee}").headers["ETag"]
    first = orthanc.request(
        "PUT",
        f"/bodypart/instances/{knee}",
        json={"examined": "femur"},
        headers={"If-Match": seen},
    )
    assert first.status_code == 200
    if body and "instances" in body:
        body = {**body, "instances": [knee]}
    second = orthanc.request(method, path.format(knee), json=body, headers={"If-Match": seen})
    assert second.status_code == 412
    assert second.json()["examined"]["label"] == "femur"
    assert second.headers["ETag"] == first.headers["ETag"]
    assert orthanc.annotation(knee)["examined"]["label"] == "femur"
    fresh = {"If-Match": f"{seen}, {first.headers['ETag']}"}
    third = orthanc.request(method, path.format(knee), json=body, headers=fresh)
    assert third.status_code == 200, third.text


def test_a_word_is_taken_back_and_the_trail_keeps_both(orthanc, knee):
    before = orthanc.get(f"/bodypart/instances/{knee}")
    orthanc.request("PUT", f"/bodypart/instances/{knee}", json={"examined": "patella"})
    answer = orthanc.request("DELETE", f"/bodypart/instances/{knee}/review")
    assert answer.status_code == 200, answer.text
    assert answer.json()["examined"] == before["examined"]
    assert answer.json()["review"] is None
    events = [e["action"] for e in orthanc.get("/bodypart/audit") if e["instance"] == knee]
    assert events == ["corrected", "withdrawn"]
    assert orthanc.request("DELETE", f"/bodypart/instances/{knee}/review").status_code == 404


def test_a_helper_borrows_from_the_back_fill_and_brings_answers(make_server):
    server = make_server({"BodyPart": {"OnUpload": False, "Workers": 1}}).start()
    ids = [
        server.upload(file_bytes(radiograph("hand", PatientID=generate_uid()))) for _ in range(4)
    ]
    assert server.request("POST", "/bodypart/backfill/lease", json={"Count": 9}).json() == []
    read = {}
    for instance in ids:
        data = server.request("GET", f"/instances/{instance}/file").content
        annotation = server.request("POST", "/bodypart/classify", data=data).json()
        file = server.get(f"/instances/{instance}")["FileUuid"]
        assert "status" in annotation, annotation
        annotation = {k: v for k, v in annotation.items() if k not in {"tags", "revision"}}
        read[instance] = {
            "instance": instance,
            "annotation": {**annotation, "instance": instance},
            "file": file,
        }
    server.request("POST", "/bodypart/backfill", json={})
    lent = []
    server.wait_until(
        lambda: (
            lent.extend(
                server.request(
                    "POST", "/bodypart/backfill/lease", json={"Count": 9, "Seconds": 60}
                ).json()
            )
            or server.get("/bodypart/backfill")["state"] == "done"
            or lent
        ),
    )
    answer = server.request(
        "POST", "/bodypart/backfill/results", json={"results": [read[i] for i in lent]}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"taken": len(lent), "dropped": {}}
    again = server.request(
        "POST", "/bodypart/backfill/results", json={"results": [read[i] for i in lent]}
    ).json()
    assert again["taken"] == 0
    assert set(again["dropped"]) == set(lent)
    server.wait_until(lambda: server.get("/bodypart/backfill")["state"] == "done", 60)
    for instance in ids:
        assert server.annotation(instance)["status"] == "done"
