"""A person's word and its history outlive a restart and an overwrite."""

import base64
import json
import time

from PIL import Image
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph
from training.fetch import fetch
from training.manifest import read_manifest


def correct(server, instance, **body):
    answer = server.request("PUT", f"/bodypart/instances/{instance}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_trail_survives_a_restart_and_an_overwrite(make_server):
    server = make_server({"OverwriteInstances": True, "BodyPart": {"Tags": "none"}}).start()
    dataset = radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid())
    instance = server.upload(file_bytes(dataset))
    server.annotation(instance)
    correct(server, instance, examined="patella", comment="first")
    corrected = correct(server, instance, examined="femur", laterality="L")
    server.stop()
    server.start()
    assert server.get(f"/bodypart/instances/{instance}") == corrected

    dataset.ImageComments = "sent again"
    server.upload(file_bytes(dataset))
    server.settle()
    server.wait_until(lambda: server.annotation(instance)["review"] is not None)
    again = server.annotation(instance)
    assert again["examined"]["label"] == "femur"
    assert again["laterality"] == {"value": "L", "source": "person"}
    assert again["review"] == corrected["review"]
    assert [word["comment"] for word in again["review"]["history"]] == ["first"]
    events = server.get("/bodypart/audit")
    assert [(event["old"], event["new"]) for event in events] == [
        ("knee", "patella"),
        ("patella", "femur"),
    ]


def test_two_hundred_corrections_of_one_instance_work(make_server):
    server = make_server({"BodyPart": {"Tags": "none"}}).start()
    instance = server.upload(file_bytes(radiograph("knee")))
    server.annotation(instance)
    for number in range(200):
        correct(server, instance, examined=("knee", "hip")[number % 2])
    assert len(server.get("/bodypart/audit")) == 200
    assert len(server.annotation(instance)["review"]["history"]) == 20


def test_what_was_forgotten_is_annotated_when_it_is_sent_again(make_server):
    server = make_server().start()
    data = file_bytes(radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid()))
    instance = server.upload(data)
    server.annotation(instance)
    server.request("DELETE", f"/bodypart/instances/{instance}")
    server.settle()
    assert server.request("GET", f"/bodypart/instances/{instance}").status_code == 404
    server.upload(data)
    server.wait_until(lambda: server.metadata("instances", instance, "BodyPart"))


def test_what_was_forgotten_stays_so_when_the_index_is_lost(make_server):
    server = make_server({"BodyPart": {"Tags": "none"}}).start()
    instance = server.upload(file_bytes(radiograph("knee")))
    server.annotation(instance)
    server.request("DELETE", f"/bodypart/instances/{instance}")
    server.stop()
    for path in server.storage.glob("db/bodypart-index.sqlite*"):
        path.unlink()
    server.start()
    server.wait_until(lambda: server.get("/bodypart/statistics") is not None)
    time.sleep(1.0)
    assert server.request("GET", f"/bodypart/instances/{instance}").status_code == 404


def test_a_back_fill_that_is_through_does_not_undo_a_delete(make_server):
    server = make_server({"BodyPart": {"Tags": "none"}}).start()
    instance = server.upload(file_bytes(radiograph("knee")))
    server.annotation(instance)
    server.request("POST", "/bodypart/backfill", json={})
    server.settle()
    server.request("DELETE", f"/bodypart/instances/{instance}")
    time.sleep(2.5)
    assert server.request("GET", f"/bodypart/instances/{instance}").status_code == 404
    server.request("POST", "/bodypart/backfill", json={})
    server.wait_until(lambda: server.annotation(instance)["status"] == "done")


def test_what_was_forgotten_does_not_come_back(make_server):
    server = make_server({"OverwriteInstances": True, "BodyPart": {"Tags": "none"}}).start()
    dataset = radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid())
    instance = server.upload(file_bytes(dataset))
    server.annotation(instance)
    correct(server, instance, examined="patella")
    server.request("DELETE", f"/bodypart/instances/{instance}")
    server.request("POST", f"/bodypart/instances/{instance}", json={})
    assert server.annotation(instance)["review"] is None
    assert [event["action"] for event in server.get("/bodypart/audit")] == [
        "corrected",
        "forgotten",
    ]


def test_the_user_of_orthanc_stands_in_the_trail(make_server):
    users = {
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"ann": "secret", "bob": "b"},
        "BodyPart": {"Tags": "none"},
    }
    server = make_server(users, auth=("ann", "secret")).start()
    instance = server.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
    server.annotation(instance)
    correct(server, instance, examined="knee")
    token = base64.b64encode(b"bob:b").decode()
    server.request(
        "POST",
        "/bodypart/reviews",
        json={"instances": [instance], "examined": "patella"},
        headers={"Authorization": f"Basic {token}"},
        auth=lambda request: request,
    )
    assert server.get(f"/bodypart/instances/{instance}")["review"]["by"] == "bob"
    # Of a form, Orthanc hands on this part with the header that ann wrote into it.
    forged = base64.b64encode(b"bob:guessed").decode()
    part = json.dumps({"instances": [instance], "examined": "ankle"})
    server.request(
        "POST",
        "/bodypart/reviews",
        data=f"--x\r\nAuthorization: Basic {forged}\r\n\r\n{part}\r\n--x--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    events = server.get("/bodypart/audit")
    assert [(event["by"], event["new"]) for event in events] == [
        ("ann", "knee"),
        ("bob", "patella"),
        ("anonymous", "ankle"),
    ]


def test_several_at_once_tell_which_could_not_be_confirmed(orthanc):
    known = orthanc.upload(
        file_bytes(radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid()))
    )
    unknown = orthanc.upload(file_bytes(radiograph("skull", PatientID=generate_uid())))
    gone = "deadbeef-deadbeef-deadbeef-deadbeef-deadbeef"
    for instance in (known, unknown):
        orthanc.annotation(instance)
    answer = orthanc.request(
        "POST", "/bodypart/reviews", json={"instances": [known, unknown, gone]}
    )
    outcome = answer.json()
    tellable = orthanc.get(f"/bodypart/instances/{unknown}")["examined"] is not None
    assert outcome["reviewed"] == 1 + tellable
    assert gone in outcome["failed"]
    for body in (
        {},
        {"instances": []},
        {"instances": ["../system"]},
        {"instances": [known], "x": 1},
    ):
        assert orthanc.request("POST", "/bodypart/reviews", json=body).status_code == 400


def test_the_picture_keeps_its_grey_values(orthanc):
    dataset = radiograph("hand", rows=1000, columns=800, PatientID=generate_uid())
    instance = orthanc.upload(file_bytes(dataset))
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/picture")
    assert answer.headers["Content-Type"] == "image/x-portable-graymap"
    magic, size, top, _ = answer.content.split(b"\n", 3)
    assert (magic, top) == (b"P5", b"65535")
    columns, rows = map(int, size.split())
    assert max(rows, columns) >= 800
    assert abs(columns / rows - 0.8) < 0.01


def test_what_was_confirmed_is_fetched_as_a_training_set(orthanc, tmp_path):
    dataset = radiograph("hand", rows=700, columns=500, PatientID=generate_uid())
    instance = orthanc.upload(file_bytes(dataset))
    orthanc.annotation(instance)
    correct(orthanc, instance, examined="hand")
    fetch(orthanc.url, tmp_path / "own")
    examples = {example.file: example for example in read_manifest(tmp_path / "own/manifest.csv")}
    assert examples[f"{instance}.png"].examined == "hand"
    picture = Image.open(tmp_path / f"own/{instance}.png")
    assert (picture.mode, picture.size) == ("L", (500, 700))
    assert fetch(orthanc.url, tmp_path / "own") == 0
