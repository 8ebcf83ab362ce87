"""No patient data in any log, no byte to the network, no file beside the storage."""

import contextlib
import os
import re
import signal
import stat
import time
from pathlib import Path

from nodes import WebhookReceiver
from phantoms import file_bytes, foreign, radiograph

SECRETS = {
    "PatientName": "Geheim^Vorname",
    "PatientID": "ID-4711-XYZ",
    "PatientBirthDate": "19330707",
    "OtherPatientIDs": "OTHER-8152",
    "PatientBirthName": "Maiden^Kanarie",
    "PatientMotherBirthName": "Mother^Kanarie",
    "PatientAddress": "Kanariengasse 12",
    "PatientTelephoneNumbers": "+43 660 55512",
    "PatientComments": "lives with her canary",
    "Occupation": "Canarykeeper",
    "InstitutionName": "Spital Musterstadt",
    "InstitutionAddress": "Musterstadt 9999",
    "ReferringPhysicianName": "Referrer^Doctor",
    "PerformingPhysicianName": "Performer^Doctor",
    "RequestingPhysician": "Requester^Doctor",
    "OperatorsName": "Operator^Radiographer",
    "StationName": "STATION-5151",
    "DeviceSerialNumber": "SERIAL-61616",
    "AccessionNumber": "ACC998877",
    "StudyID": "STUDY-7171",
    "StudyDescription": "Knie Frau Rohrspatz",
    "SeriesDescription": "Serie Kanarie",
    "ProtocolName": "Protocol Kanarie",
    "ImageComments": "the canary sang",
}
COMMENT = "Kommentar-Rotkehlchen-3434"
READ_FOR_PARTS = ("StudyDescription", "SeriesDescription", "ProtocolName")
ALLOWED = {"bodypart-audit": READ_FOR_PARTS, "bodypart-index": ("StationName",)}
"""Backups of Orthanc's metadata have what an annotation quotes as its evidence; the sheet is
grouped by station."""


def sockets(pid):
    """Return the sockets that a process holds."""
    return [
        link
        for entry in Path(f"/proc/{pid}/fd").iterdir()
        if (link := str(entry.readlink())).startswith("socket:")
    ]


def files_below(place):
    """Return the files in a folder and in its folders, this test run's own ones left out."""
    skipped = {"orthanc-bodypart-targets", ".cache"}
    with contextlib.suppress(OSError):
        for path in place.iterdir():
            if path.is_dir() and not path.is_symlink():
                if not path.name.startswith("pytest-") and path.name not in skipped:
                    yield from (file for file in path.glob("*") if file.is_file())
            elif path.is_file():
                yield path


def changed_since(path, began):
    """Tell whether a file is there and was written since."""
    with contextlib.suppress(OSError):
        return path.lstat().st_mtime > began
    return False


def content(path):
    """Return what a file holds; nothing of what cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def written_files(pid):
    """Return the files that a process holds open for writing."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = str(entry.readlink())
        flags = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text()
        mode = int(re.search(r"flags:\s*(\d+)", flags)[1], 8) & 3
        # A newer Orthanc's lies in a chroot.
        device = stat.S_ISCHR(entry.stat().st_mode)
        if mode and target.startswith("/") and not device:
            found.add(target)
    return found


def secrets_in(data, allowed=()):
    """Return the attributes whose values stand in some bytes, whole or the first part of them."""
    return [
        name
        for name, value in SECRETS.items()
        if name not in allowed and value.partition("^")[0].encode() in data
    ]


def told_to_the_system(pid):
    """Return what every user of the machine can read of a process: its titles, its core limit."""
    place = Path(f"/proc/{pid}")
    titles = [place / "cmdline", place / "comm", *place.glob("task/*/comm"), place / "environ"]
    limits = (place / "limits").read_text()
    return b"\n".join(content(path) for path in titles), re.search(
        r"Max core file size\s+(\d+)\s+(\d+)", limits
    ).groups()


def test_no_patient_data_in_log_titles_webhooks_records_and_core_dumps(make_server):
    """Twenty-four attributes through every part of it, while the log is as talkative as can be."""
    receiver, server = WebhookReceiver(), make_server()
    out = server.storage / "out"
    out.mkdir()
    folder = f"folder:{server.inside / 'out'}"
    to = [f"webhook:{receiver.url}", "webhook:http://127.0.0.1:9/", folder]
    rules = [{"Name": "all", "If": {"Modality": ["CR"]}, "To": to}]
    section = {"Tags": "in-place", "WriteThreshold": 0.0, "Routes": rules, "RetryDelay": 0.1}
    server.configuration = {"BodyPart": section}
    server.start()
    # Orthanc itself writes paths into a log that is to be talkative; we never do.
    for path in ("", "ui/", "instances/", "memory/"):
        name = SECRETS["PatientName"] * 30
        assert server.request("GET", f"/bodypart/{path}{name}").status_code == 404
    assert "Geheim" not in server.log.read_text()
    assert server.request("PUT", "/tools/log-level", data="trace").status_code == 200
    datasets = [
        radiograph("knee", BodyPartExamined="HAND", **SECRETS),
        foreign("CT", **SECRETS),
        foreign("SR", **SECRETS),
        radiograph("chest", Rows=9999, **SECRETS),  # Fails: the pixels are too few.
    ]
    instances = []
    for dataset in datasets:
        data = file_bytes(dataset)
        instances.append(server.upload(data))
        server.annotation(instances[-1])
        for route in ("classify", "routes/test"):
            server.request("POST", f"/bodypart/{route}", data=data)
            server.request("POST", f"/bodypart/{route}", data=data[: len(data) // 2])
    knee = instances[0]
    server.request(
        "PUT", f"/bodypart/instances/{knee}", json={"examined": "wrist", "comment": COMMENT}
    )
    study = server.above(knee)["studies"]
    for path in ("heatmap", "picture", "thumbnail", "thumbnail?size=64", "alike", "dicom", "sr"):
        server.request("GET", f"/bodypart/instances/{knee}/{path}")
    for path in (f"studies/{study}/fhir", f"studies/{study}/sr", "worklist", "sheet", "deliveries"):
        server.request("GET", f"/bodypart/{path}")
    server.request("GET", "/bodypart/sheet", params={"q": "Geheim Vorname"})
    server.request("GET", "/bodypart/sheet", params={"q": SECRETS["AccessionNumber"]})
    server.request("POST", f"/bodypart/instances/{knee}", json={"examined": "Geheim"})
    server.wait_until(lambda: receiver.received and list(out.rglob("*.dcm")))
    server.settle()

    told = b"".join(body for _, body in receiver.received)
    receiver.close()
    assert b"wrist" in told or b"knee" in told
    assert secrets_in(told) == []
    pids = [*server.services(), *server.workers()]
    assert len(pids) >= 2
    for pid in pids:
        titles, core = told_to_the_system(pid)
        assert secrets_in(titles) == []
        assert core == ("0", "0")
    for pid in server.workers():
        assert sockets(pid) == []
        assert written_files(pid) == set()
        os.kill(pid, signal.SIGABRT)
    os.kill(server.services()[0], signal.SIGABRT)
    server.wait_until(lambda: server.status()["ready"])
    assert not [path for path in server.folder.rglob("core*") if path.is_file()]
    assert not list(Path.cwd().glob("core*"))
    ours = [path for path in server.storage.rglob("bodypart-*") if path.is_file()]
    assert not [path.name for path in ours if path.stat().st_mode & 0o077]
    kept = {path.name: content(path) for path in ours}
    assert {"bodypart-index.sqlite", "bodypart-audit.sqlite", "bodypart-thumbnails.sqlite"} <= set(
        kept
    )
    for name, data in kept.items():
        assert secrets_in(data, ALLOWED.get(name.partition(".")[0], ())) == [], name
    log = server.log.read_text()
    assert re.search(r"^T", log, re.MULTILINE), "the log is not as talkative as it can be"
    assert secrets_in(log.encode()) == []
    assert COMMENT not in log


def test_nothing_is_written_outside_the_storage(make_server, tmp_path):
    server = make_server().start()
    began = time.time()
    server.annotation(server.upload(file_bytes(radiograph("knee", **SECRETS))))
    # The memory in which a decoder gets its pictures is no file.
    inside = (str(server.folder), str(server.storage), "/memfd:")
    for pid in {server.process.pid, *server.services(), *server.workers()}:
        assert {path for path in written_files(pid) if not path.startswith(inside)} == set()
    for place in ("/tmp", "/var/tmp", "/dev/shm", Path.home()):
        new = [path for path in files_below(Path(place)) if changed_since(path, began)]
        assert not [path for path in new if secrets_in(content(path))], place
    assert (server.storage / "db/bodypart-index.sqlite").exists()
    text = b"".join(path.read_bytes() for path in server.storage.glob("db/bodypart-index*"))
    for secret in ("Geheim", "ID-4711-XYZ", "19330707"):
        assert secret.encode() not in text
