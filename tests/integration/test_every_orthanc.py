"""What differed between Orthancs of 1.10, 1.12 and 1.13, on each of them."""

import signal
import socket
import time

import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from orthanc_server import KNOWN, running
from phantoms import file_bytes, radiograph

STABLE_AGE = 10
"""Seconds, as orthanc-config/start.py has it."""


@pytest.fixture(params=KNOWN)
def server(request, tmp_path):
    """An Orthanc of one's own, of each version."""
    with running(tmp_path / "orthanc", request.param) as server:
        yield server


def upload_knee(server):
    dataset = radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid())
    instance = server.upload(file_bytes(dataset))
    # What comes of a rewrite amid the stop is what 7.1 frees twice, too (docs/limits.md).
    return server.written(instance)


def upload_knee_of_old(server):
    return server.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))


def test_it_ends_with_0_after_work_and_after_a_reset(server):
    """A callback that nobody else held ended 1.12 and 1.13 by SIGSEGV at both."""
    assert upload_knee(server)["status"] == "done"
    server.stop()
    assert server.process.returncode == 0
    server.start()
    server.reset()
    assert server.process.poll() is None
    assert upload_knee(server)["status"] == "done"
    server.process.send_signal(signal.SIGINT)
    server.process.wait(30)
    assert server.process.returncode == 0


@pytest.mark.parametrize("target", KNOWN)
def test_an_old_stock_is_read_whether_orthanc_compressed_it_or_not(target, tmp_path):
    section = {"OnUpload": False, "Tags": "none"}
    configuration = {"StorageCompression": True, "BodyPart": section}
    with running(tmp_path / "orthanc", target, configuration) as server:
        found = [upload_knee_of_old(server)]
        server.stop()
        server.configuration["StorageCompression"] = False
        server.start()
        found.append(upload_knee_of_old(server))
        server.request("POST", "/bodypart/backfill", json={})
        server.wait_until(lambda: server.get("/bodypart/backfill")["state"] == "done", 60)
        for instance, compressed in zip(found, "10", strict=True):
            stored = f"/instances/{instance}/attachments/dicom/is-compressed"
            assert server.request("GET", stored).text == compressed
            assert server.annotation(instance)["image"]["top"][0]["label"] == "knee"


@pytest.mark.parametrize("target", KNOWN)
def test_what_is_transcoded_as_it_comes_in_does_not_end_orthanc(target, tmp_path):
    """Debian's GDCM plugin ended it at the first file: its CharLS is another one than GDCM's."""
    coder = {"IngestTranscoding": JPEGLSLossless}
    with running(tmp_path / "orthanc", target, coder) as server:
        for syntax in (None, RLELossless, JPEGLosslessSV1):
            coded = {"syntax": syntax} if syntax else {}
            dataset = radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid(), **coded)
            instance = server.written(server.upload(file_bytes(dataset)))["instance"]
            assert server.metadata("instances", instance, "TransferSyntax") == JPEGLSLossless
        for syntax in (ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless) * 5:
            body = {"Transcode": syntax, "Keep": ["SOPInstanceUID"], "Force": True}
            answer = server.request("POST", f"/instances/{instance}/modify", json=body)
            assert answer.status_code == 200
        assert server.process.poll() is None


@pytest.mark.parametrize("server", ["sid"], indirect=True)
def test_it_ends_with_0_when_a_series_is_just_about_to_settle(server):
    """orthanc-python 7.1 frees a change twice that comes after its end has begun."""
    began = time.monotonic()
    upload_knee(server)
    time.sleep(max(0.0, began + STABLE_AGE - 1.2 - time.monotonic()))
    server.stop()
    assert server.process.returncode == 0


@pytest.mark.parametrize("server", ["sid"], indirect=True)
def test_it_ends_with_0_amid_rewrites(server):
    """The service stops at the first sign of the end, before 7.1 frees twice what changes."""
    statuses = []
    for _ in range(3):
        done = server.status()["queue"]["done"]
        for _ in range(12):
            dataset = radiograph("hand", 160, 128, BodyPartExamined="ARM", PatientID=generate_uid())
            server.upload(file_bytes(dataset))
        server.wait_until(lambda done=done: server.status()["queue"]["done"] > done)
        server.stop()
        statuses.append(server.process.returncode)
        server.start()
    # The sign comes a tenth of a second before: a machine that is held up longer may miss it.
    assert statuses.count(0) >= 2, statuses
    server.settle()


@pytest.mark.parametrize("server", ["trixie", "sid"], indirect=True)
def test_labels_are_taken_away_where_they_are_wanted_no_more(server):
    """They stayed for good, and told what was no more said."""
    instance = upload_knee(server)["instance"]
    places = [f"/{at}/{of}/labels" for at, of in server.above(instance).items()]
    places.append(f"/instances/{instance}/labels")
    server.wait_until(lambda: all("bodypart-knee" in server.get(place) for place in places))
    server.request("PUT", f"{places[-1]}/teaching")
    server.stop()
    server.configuration = {"BodyPart": {"Labels": False}}
    server.start()
    server.wait_until(lambda: [server.get(place) for place in places] == [[], [], [], ["teaching"]])
    server.wait_until(lambda: server.get("/tools/labels") == ["teaching"])


@pytest.mark.parametrize("server", ["trixie", "sid"], indirect=True)
def test_a_client_that_reads_slowly_holds_no_upload(server):
    """The store hook needs Python's lock, which an answer on its way holds without AllowThreads.

    Orthanc 1.10 has no such setting (docs/limits.md).
    """
    chest = file_bytes(radiograph("chest", 2_500, 2_500, PatientID=generate_uid()))
    instance = server.upload(chest)
    server.annotation(instance)
    with socket.socket() as slow:
        # Before it connects, lest the kernel takes in what nobody reads.
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.http_port))
        slow.sendall(f"GET /bodypart/instances/{instance}/dicom HTTP/1.1\r\n\r\n".encode())
        assert slow.recv(9) == b"HTTP/1.1 "
        began = time.monotonic()
        server.upload(file_bytes(radiograph("knee", 100, 100, PatientID=generate_uid())))
        assert time.monotonic() - began < 15, "Orthanc gives a client that stalls up after 30 s"
