"""No patient data in any log, no byte to the network, no file beside the storage."""

import re
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
    server = make_server({"Verbose": True}).start()
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
    ours = [line for line in server.log.read_text().splitlines() if "bodypart" in line.lower()]
    for secret in SECRETS.values():
        assert not [line for line in ours if secret in line], secret


def test_nothing_is_written_outside_the_storage(make_server, tmp_path):
    server = make_server().start()
    before = {path for path in Path("/tmp").iterdir() if "pytest" not in path.name}
    server.annotation(server.upload(file_bytes(radiograph("knee", **SECRETS))))
    after = {path for path in Path("/tmp").iterdir() if "pytest" not in path.name}
    assert not [path for path in after - before if "bodypart" in path.name or "ort" in path.name]
    assert (server.storage / "db/bodypart-index.sqlite").exists()
    text = b"".join(path.read_bytes() for path in server.storage.glob("db/bodypart-index*"))
    for secret in ("Geheim", "ID-4711-XYZ", "19330707"):
        assert secret.encode() not in text
