"""A decoder in the hands of the file that it reads, at work in a real Orthanc.

The file names the trick in its Patient Comments; the decoder is the product's but for what it
answers then.
"""

import time

import pytest

from orthanc_server import checkout_in
from phantoms import file_bytes, radiograph

TAKEN_OVER = """#!{python}
import os, re, struct, sys
sys.path[:1] = [{plugin!r}]
import decoder.__main__ as product
from decoder.wire import ON_THE_SHELF, Frame

honest, read, opened = product.write_frame, product.read_frame, product.shelf.opened
trick = ""
pictures = b""

def keep(descriptor):
    global pictures
    pictures = opened(descriptor)
    return pictures

def read_frame(stream):
    global trick
    frame = read(stream)
    file = frame.payload or pictures[:frame.header.get(ON_THE_SHELF, 0)]
    found = re.search(rb"TRICK ([a-z0-9]+) ?([0-9a-f-]*)", file)
    trick = found[1].decode() if found else ""
    read_frame.victim = found[2].decode() if found else ""
    return frame

def write_frame(stream, frame):
    header, payload = dict(frame.header), frame.payload
    if trick.startswith("deep"):
        levels = int(trick[4:])
        text = b'{{"annotation":' + b"[" * levels + b"]" * levels + b"}}"
        stream.write(struct.pack(">QIQ", frame.number, len(text), 0) + text)
        stream.flush()
        return
    if trick == "huge":
        stream.write(struct.pack(">QIQ", frame.number, 2, 2**36) + b"{{}}")
        stream.flush()
        return
    if trick == "other" and "annotation" in header:
        header["annotation"] = {{**header["annotation"], "instance": read_frame.victim}}
    if trick == "person" and "annotation" in header:
        header["annotation"] = {{**header["annotation"], "review": {{"by": "doctor"}}}}
    if trick == "nowhere" and "annotation" in header:
        header["annotation"] = {{**header["annotation"], "parts": [{{"label": "x"}}], "visible": [
            {{"label": "nowhere", "code": {{}}, "probability": 1.0}}]}}
    if trick == "surrogate" and "annotation" in header:
        text = b'{{"annotation":"\\\\ud800"}}'
        stream.write(struct.pack(">QIQ", frame.number, len(text), 0) + text)
        stream.flush()
        return
    if trick == "pixels" and payload and "changed" in header:
        payload = payload[:-2000] + bytes(1000) + payload[-1000:]
    if trick == "patient" and payload and "changed" in header:
        payload = payload.replace(b"GOODPATIENT", b"EVILPATIENT")
    if trick == "empty":
        header, payload = {{}}, b""
    honest(stream, Frame(header, payload, frame.number))

product.read_frame, product.write_frame, product.shelf.opened = read_frame, write_frame, keep
product.main()
"""


@pytest.fixture
def server(make_server):
    section = {"Tags": "in-place", "RetryDelay": 0.1, "TimeLimit": 10}
    made = make_server({"BodyPart": section})
    checkout = checkout_in(made.target)
    text = TAKEN_OVER.format(python=checkout / ".venv/bin/python", plugin=f"{checkout}/plugin")
    section["Python"] = made.program(text)
    return made.start()


def picture(trick="", **headers):
    comments = f"TRICK {trick}" if trick else ""
    described = {"StudyDescription": "Knie", "PatientComments": comments}
    return file_bytes(radiograph("knee", 200, 160, **{**described, **headers}))


def classified(server, data):
    """Classify a file; wait while the decoder that died before is replaced."""
    end = time.monotonic() + 30
    while True:
        answer = server.request("POST", "/bodypart/classify", data=data)
        if answer.status_code == 200 or time.monotonic() > end:
            return answer
        time.sleep(0.1)


def test_no_answer_ends_orthanc_or_reaches_another_instance(server):
    victim = server.upload(picture(PatientID="VICTIM"))
    before = server.written(victim)
    assert before["status"] == "done"
    for trick in (
        "deep700",
        "deep100000",
        "huge",
        "person",
        "nowhere",
        "surrogate",
        "empty",
        f"other {victim}",
    ):
        taken = server.upload(picture(trick, PatientID=trick[:12]))
        annotation = server.annotation(taken, 60)
        assert (trick, annotation["status"]) == (trick, "failed")
        assert "cannot be trusted" in annotation["reason"]
        assert annotation["review"] is None
        assert classified(server, picture()).json()["status"] == "done"
    after = server.get(f"/bodypart/instances/{victim}")
    assert {**after, "tags": before["tags"]} == before
    assert server.process.poll() is None


@pytest.mark.parametrize("trick", ["pixels", "patient"])
def test_a_rewritten_file_with_other_pixels_or_another_patient_is_not_stored(server, trick):
    original = picture(trick, PatientID="GOODPATIENT")
    instance = server.upload(original)
    server.annotation(instance)
    answer = server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "wrist"})
    assert answer.status_code == 200
    time.sleep(3)
    stored = server.request("GET", f"/instances/{instance}/file").content
    assert stored == original
    assert len(server.get("/instances")) == 1
    # The person's word stands, the file does not follow.
    annotation = server.get(f"/bodypart/instances/{instance}")
    assert annotation["examined"]["label"] == "wrist"
    assert annotation["tags"]["state"] != "written"
    assert server.process.poll() is None
