import json
import threading
from pathlib import Path

import pytest

from routed import DELIVERY
from service.deliveries import senders
from service.deliveries.delivery import Delivery
from service.deliveries.senders import (
    FolderSender,
    JobGoneError,
    JobSender,
    SendError,
    StoppedError,
    failure_of,
)
from service.errors import ArchiveError, NotFoundError

STARTED = {"ID": "job 1"}
SUCCESS = {"State": "Success", "Content": {"InstancesCount": 1, "FailedInstancesCount": 0}}


class Client:
    """Orthanc, answering in turn."""

    def __init__(self, *jobs, started=STARTED):
        self.jobs, self.started, self.posted = list(jobs), started, []

    def post(self, path, body):
        self.posted.append((path, json.loads(body)))
        if isinstance(self.started, Exception):
            raise self.started
        return self.started

    def get_json(self, _):
        job = self.jobs.pop(0)
        if isinstance(job, Exception):
            raise job
        return job


class Outbox:
    def __init__(self):
        self.jobs, self.extended = [], 0

    def note_job(self, _, job):
        self.jobs.append(job)

    def extend(self, _):
        self.extended += 1


def send(client, kind="modality", delivery=DELIVERY, stopping=None, box=None):
    box = box or Outbox()
    sender = JobSender.of(kind, "A B", client, box, stopping or threading.Event())
    sender.send(delivery, {})
    return box


@pytest.mark.parametrize(
    ("kind", "path", "asynchronous"),
    [
        ("modality", "/modalities/A%20B/store", {"Asynchronous": True}),
        ("peer", "/peers/A%20B/store", {"Asynchronous": True}),
        ("dicomweb", "/dicom-web/servers/A%20B/stow", {"Synchronous": False}),
    ],
)
def test_orthanc_sends_in_a_job_that_is_watched_and_never_permissive(kind, path, asynchronous):
    client = Client({"State": "Pending"}, {"State": "Running"}, SUCCESS)
    assert send(client, kind).jobs == ["job 1"]
    assert client.posted == [(path, {"Resources": ["instance"], **asynchronous})]


def test_a_job_that_carries_it_already_is_looked_after(tmp_path):
    client = Client(SUCCESS)
    values = {name: getattr(DELIVERY, name) for name in Delivery.__slots__}
    send(client, delivery=Delivery(**{**values, "job": "job 0"}))
    assert client.posted == []


@pytest.mark.parametrize(
    "job",
    [
        {"State": "Failure", "ErrorDescription": "Error in the network protocol"},
        {"State": "Success", "Content": {"InstancesCount": 6, "FailedInstancesCount": 5}},
    ],
)
def test_success_with_a_failed_instance_is_no_delivery(job):
    with pytest.raises(SendError):
        send(Client(job))


def test_a_job_that_is_gone_tells_nothing():
    with pytest.raises(JobGoneError):
        send(Client({"State": "Running"}, NotFoundError("job")))


def test_a_job_that_does_not_end_is_kept_from_other_nodes_and_then_cancelled(monkeypatch):
    """Otherwise it might arrive later, beside the next try."""
    monkeypatch.setattr(senders, "_EXTEND_EVERY", 0.0)
    monkeypatch.setattr(senders, "_LONGEST_JOB", 0.1)
    client, box = Client(*[{"State": "Running"}] * 100), Outbox()
    with pytest.raises(SendError, match="did not end"):
        send(client, box=box)
    assert box.extended
    assert client.posted[-1] == ("/jobs/job 1/cancel", {})


def test_an_orthanc_that_is_busy_is_asked_again():
    send(Client(ArchiveError("busy"), SUCCESS))


@pytest.mark.parametrize("started", [NotFoundError("x"), ArchiveError("down"), None, {"ID": 5}, []])
def test_a_job_that_does_not_start_is_no_delivery(started):
    with pytest.raises(SendError):
        send(Client(started=started))


def test_a_service_that_stops_leaves_the_job_alone():
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(StoppedError):
        send(Client({"State": "Running"}), stopping=stopping)


def test_the_reason_of_a_failure_is_the_most_telling_one():
    stow = {
        "State": "Failure",
        "ErrorDescription": "Error encountered within the plugin engine",
        "Content": {"FunctionErrorDescription": "Error in the network protocol"},
    }
    assert failure_of(stow) == "Error in the network protocol"
    assert failure_of({"State": "Failure"}) == "the job failed"
    assert failure_of(SUCCESS) is None
    assert failure_of({"State": "Success"}) is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    FolderSender(tmp_path, lambda _: b"dicom").send(DELIVERY, {})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [
        ("instance.dcm", b"dicom")
    ]
    FolderSender(tmp_path, lambda _: b"corrected").send(DELIVERY, {})
    assert (tmp_path / "instance.dcm").read_bytes() == b"corrected"


def test_a_link_that_waits_in_the_folder_is_not_followed(tmp_path):
    """Whoever else may write there knew the name, and had any file of ours overwritten."""
    out, other = tmp_path / "out", tmp_path / "bodypart-audit.sqlite"
    out.mkdir()
    other.write_bytes(b"people's words")
    (out / f".{DELIVERY.instance}.{DELIVERY.number}.part").symlink_to(other)
    (out / f"{DELIVERY.instance}.dcm").symlink_to(other)
    FolderSender(out, lambda _: b"dicom").send(DELIVERY, {})
    assert other.read_bytes() == b"people's words"
    assert (out / f"{DELIVERY.instance}.dcm").read_bytes() == b"dicom"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    with pytest.raises(SendError, match="the folder cannot be written to"):
        FolderSender(tmp_path / "absent", lambda _: b"dicom").send(DELIVERY, {})
    (tmp_path / "file").write_bytes(b"in its place")
    with pytest.raises(SendError, match="the folder cannot be written to: Not a directory"):
        FolderSender(tmp_path / "file", lambda _: b"dicom").send(DELIVERY, {})


def test_a_disk_that_is_full_leaves_no_part_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SendError, match="No space left on device"):
        FolderSender(tmp_path, lambda _: b"dicom").send(DELIVERY, {})
    assert list(tmp_path.iterdir()) == []
