"""No patient data in any log, no byte to the network, no file beside the storage."""

import contextlib
import re
import time
from pathlib import Path

from phantoms import file_bytes, foreign, radiograph

SECRETS = {
    "PatientName": "Geheim^Vorname",
    "PatientID": "ID-4711-XYZ",
    "PatientBirthDate": "19330707",
    "InstitutionName": "Spital Musterstadt",
    "AccessionNumber": "ACC998877",
    "StudyDescription": "Knie Frau Geheim",
}


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
        if mode and target.startswith("/") and not target.startswith("/dev/"):
            found.add(target)
    return found


def test_no_patient_data_in_the_log_no_socket_and_no_file_in_the_worker(make_server):
    server = make_server().start()
    assert server.request("PUT", "/tools/log-level", data="trace").status_code == 200
    datasets = [
        radiograph("knee", **SECRETS),
        foreign("CT", **SECRETS),
        foreign("SR", **SECRETS),
        radiograph("chest", Rows=9999, **SECRETS),  # Fails: the pixels are too few.
    ]
    for dataset in datasets:
        data = file_bytes(dataset)
        server.annotation(server.upload(data))
        server.request("POST", "/bodypart/classify", data=data)
        server.request("POST", "/bodypart/classify", data=data[: len(data) // 2])
    pids = server.workers()
    assert pids
    for pid in pids:
        assert sockets(pid) == []
        assert written_files(pid) == set()
    log = server.log.read_text()
    assert re.search(r"^T", log, re.MULTILINE), "the log is not as talkative as it can be"
    for secret in SECRETS.values():
        assert secret not in log, secret


def test_nothing_is_written_outside_the_storage(make_server, tmp_path):
    server = make_server().start()
    began = time.time()
    server.annotation(server.upload(file_bytes(radiograph("knee", **SECRETS))))
    pids = {server.process.pid, *server.workers()}
    for pid in pids:
        outside = {path for path in written_files(pid) if not path.startswith(str(server.folder))}
        assert not outside
    for place in ("/tmp", "/var/tmp", "/dev/shm", Path.home()):
        new = [path for path in files_below(Path(place)) if changed_since(path, began)]
        assert not [path for path in new if b"Geheim" in content(path)], place
    assert (server.storage / "db/bodypart-index.sqlite").exists()
    text = b"".join(path.read_bytes() for path in server.storage.glob("db/bodypart-index*"))
    for secret in ("Geheim", "ID-4711-XYZ", "19330707"):
        assert secret.encode() not in text
