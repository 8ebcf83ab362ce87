"""``"Tags": "in-place"``: the stored file says what the annotation says, and nothing is lost."""

import contextlib
import io
import json
import random
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pydicom
import pytest
import requests
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless, generate_uid

from answer_shapes import check
from orthanc_server import KNOWN, free_port, require, running
from phantoms import file_bytes, foreign, radiograph

OWN_METADATA = {"UserMetadata": {"BodyPart": 3301, "BodyPartExamined": 3302, "Ours": 4000}}
OWN_CONTENT = {"UserContentType": {"note": 4001}}
PRODUCT = "orthanc-bodypart"
CONFIGURATION = {
    **OWN_METADATA,
    **OWN_CONTENT,
    "StableAge": 1,
    # A test's words are not to answer for the next one's hands.
    "BodyPart": {"Learn": "off"},
}


@pytest.fixture(scope="module", params=KNOWN)
def server(request, tmp_path_factory):
    """An Orthanc with the shipped configuration, and metadata and attachments of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    with running(folder, request.param, CONFIGURATION) as server:
        server.session.hooks["response"].append(check)
        yield server


def stored_file(server, instance):
    return server.request("GET", f"/instances/{instance}/file").content


def parsed(data):
    return pydicom.dcmread(io.BytesIO(data))


def our_entries(dataset):
    sequence = dataset.get("OriginalAttributesSequence") or []
    return [entry for entry in sequence if entry.ModifyingSystem == PRODUCT]


def hand(**headers):
    return radiograph(
        "hand", **{"BodyPartExamined": "EXTREMITY", "PatientID": generate_uid(), **headers}
    )


def corrected_to(server, instance, label):
    """Correct an instance; return the annotation once the file follows, as a script has to."""
    path = f"/bodypart/instances/{instance}"
    answer = server.request("PUT", path, json={"examined": label})
    assert answer.status_code == 200, answer.text
    annotation = answer.json()
    end = time.monotonic() + 30
    while annotation["tags"]["state"] == "pending":
        assert time.monotonic() < end
        time.sleep(0.05)
        annotation = server.get(path)
    return annotation


@pytest.mark.parametrize(
    "syntax", [None, RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]
)
def test_a_persons_word_reaches_the_stored_file_and_can_be_undone(server, syntax):
    original = file_bytes(hand(**({"syntax": syntax} if syntax else {})))
    instance = server.upload(original)
    server.annotation(instance)
    annotation = corrected_to(server, instance, "wrist")
    dataset = parsed(stored_file(server, instance))
    assert dataset.BodyPartExamined == "WRIST"
    assert dataset.AnatomicRegionSequence[0].CodeValue == "74670003"
    assert dataset.PixelData == parsed(original).PixelData
    assert len(our_entries(dataset)) == 1
    assert server.annotation(instance)["tags"]["changed"]
    assert annotation["review"]["examined"] == "wrist"
    answer = server.request("DELETE", f"/bodypart/instances/{instance}?tags=true")
    assert answer.status_code == 200, answer.text
    assert stored_file(server, instance) == original
    time.sleep(1.5)  # The rewrite is in the change log, too: it must not be annotated anew.
    assert server.request("GET", f"/bodypart/instances/{instance}").status_code == 404
    assert stored_file(server, instance) == original


def test_a_second_word_keeps_the_first_original(server):
    instance = server.upload(file_bytes(hand()))
    server.annotation(instance)
    for label in ("wrist", "forearm", "forearm"):
        corrected_to(server, instance, label)
    dataset = parsed(stored_file(server, instance))
    assert dataset.BodyPartExamined == "FOREARM"
    (entry,) = our_entries(dataset)
    assert entry.ModifiedAttributesSequence[0].BodyPartExamined == "EXTREMITY"


def test_metadata_labels_and_attachments_of_all_levels_survive(server):
    instance = server.upload(file_bytes(hand()))
    # Not amid its first rewrite: what is set then is lost (docs/limits.md).
    server.wait_until(lambda: server.annotation(instance)["tags"]["state"] != "pending")
    resources = [("instances", instance), *server.above(instance).items()]
    for level, resource in resources:
        # Not UTF-8, which Orthanc garbles in JSON.
        kept = f"gewiß {level}".encode("latin-1")
        server.request("PUT", f"/{level}/{resource}/metadata/Ours", data=kept)
        server.request("PUT", f"/{level}/{resource}/attachments/note", data=f"note {level}")
    corrected_to(server, instance, "wrist")
    assert parsed(stored_file(server, instance)).BodyPartExamined == "WRIST"
    for level, resource in resources:
        ours = server.request("GET", f"/{level}/{resource}/metadata/Ours").content
        assert ours == f"gewiß {level}".encode("latin-1")
        note = server.request("GET", f"/{level}/{resource}/attachments/note/data")
        assert note.text == f"note {level}", level
        server.wait_until(
            lambda at=(level, resource): server.metadata(*at, "BodyPartExamined") == "74670003"
        )


@pytest.mark.parametrize("target", KNOWN)
def test_what_orthanc_transcodes_as_it_is_rewritten_loses_nothing(make_server, target):
    """Its metadata, labels and attachments were dropped as those of another picture."""
    require(target)
    server = make_server(CONFIGURATION, target=target).start()
    instance = server.upload(file_bytes(hand()))
    server.wait_until(lambda: server.annotation(instance)["tags"]["state"] != "pending")
    resources = [("instances", instance), *server.above(instance).items()]
    for level, resource in resources:
        server.request("PUT", f"/{level}/{resource}/metadata/Ours", data=level)
        server.request("PUT", f"/{level}/{resource}/attachments/note", data=f"note {level}")
    server.settle()
    server.stop()
    server.configuration["IngestTranscoding"] = JPEGLSLossless
    server.start()
    corrected_to(server, instance, "wrist")
    dataset = parsed(stored_file(server, instance))
    assert dataset.file_meta.TransferSyntaxUID == JPEGLSLossless
    assert dataset.BodyPartExamined == "WRIST"
    for level, resource in resources:
        assert server.metadata(level, resource, "Ours") == level
        note = server.request("GET", f"/{level}/{resource}/attachments/note/data")
        assert note.text == f"note {level}", level


def two_hands(server):
    """Upload two films of one series; return their instances."""
    first = hand()
    above = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
    second = hand(**{name: first[name].value for name in above})
    return [server.upload(file_bytes(dataset)) for dataset in (first, second)]


def test_the_series_tells_the_new_part_once_it_is_stable(server):
    instances = two_hands(server)
    for instance in instances:
        server.annotation(instance)
        corrected_to(server, instance, "wrist")
    series = server.above(instances[0])["series"]
    server.wait_until(
        lambda: server.get(f"/series/{series}")["MainDicomTags"]["BodyPartExamined"] == "WRIST", 20
    )
    assert server.metadata("series", series, "BodyPartExamined") == "74670003"


def test_a_series_of_several_parts_keeps_its_own_body_part_examined(server):
    one, two = two_hands(server)
    server.annotation(one), server.annotation(two)
    corrected_to(server, one, "wrist")
    corrected_to(server, two, "forearm")
    server.wait_until(
        lambda: parsed(stored_file(server, one)).BodyPartExamined == "EXTREMITY"
    )  # Its file follows what was said of the other one.
    for instance, code in ((one, "74670003"), (two, "14975008")):
        dataset = parsed(stored_file(server, instance))
        assert dataset.BodyPartExamined == "EXTREMITY"
        assert dataset.AnatomicRegionSequence[0].CodeValue == code


def test_what_no_one_is_sure_of_stays_byte_for_byte(server):
    for data in (file_bytes(foreign("CT", BodyPartExamined="CHEST")), file_bytes(foreign("SR"))):
        instance = server.upload(data)
        server.annotation(instance)
        assert stored_file(server, instance) == data


def test_another_node_receives_the_corrected_file(server, tmp_path):
    """What Orthanc sends on by C-STORE carries the corrected tags."""
    port = free_port()
    receiver = subprocess.Popen(["storescp", "-od", str(tmp_path), str(port)])
    try:
        instance = server.upload(file_bytes(hand()))
        server.annotation(instance)
        corrected_to(server, instance, "wrist")
        modality = {"AET": "STORESCP", "Host": "127.0.0.1", "Port": port}
        server.request("PUT", "/modalities/receiver", json=modality)
        sent = server.request("POST", "/modalities/receiver/store", data=instance)
        assert sent.status_code == 200, sent.text
        (received,) = tmp_path.glob("[!s]*.*")
        assert pydicom.dcmread(received).BodyPartExamined == "WRIST"
    finally:
        receiver.terminate()
        receiver.wait()


def test_kills_leave_whole_instances_with_one_entry_each(make_server):
    """Orthanc is killed again and again while it rewrites; the next start finishes the work."""
    server = make_server(
        {**OWN_METADATA, "BodyPart": {"WriteThreshold": 0.0, "ReviewThreshold": 0.0}}
    ).start()
    chance = random.Random(11)
    originals = {}
    for _ in range(4):
        for _ in range(12):
            data = file_bytes(hand(rows=160, columns=128, BodyPartExamined="EXTREMITY"))
            originals[server.upload(data)] = data
        time.sleep(chance.uniform(0.0, 0.5))
        server.kill()
        server.start()
    server.settle(120)
    for instance, original in originals.items():
        annotation = server.annotation(instance)
        assert annotation["status"] == "done"
        server.wait_until(lambda i=instance: server.annotation(i)["tags"]["state"] != "pending")
        annotation = server.annotation(instance)
        dataset = parsed(stored_file(server, instance))
        assert dataset.PixelData == parsed(original).PixelData
        wanted = 1 if annotation["tags"]["changed"] else 0
        assert len(our_entries(dataset)) == wanted
        if annotation["examined"]:
            code = annotation["examined"]["code"]["value"]
            assert server.metadata("instances", instance, "BodyPartExamined") == code
    assert not list(server.storage.glob("db/bodypart-rewrites/*.json"))


def test_what_a_kill_cut_short_is_finished_also_where_files_follow_no_more(make_server):
    """As after the overwrite: what it wiped lies in the backup, and the operator turned it off."""
    server = make_server({**OWN_METADATA, "BodyPart": {"Tags": "none"}}).start()
    instance = server.upload(file_bytes(hand()))
    server.annotation(instance)
    stands = server.get(f"/instances/{instance}/attachments/dicom/info")["UncompressedMD5"]
    server.stop()
    wiped = {"level": "instances", "id": instance, "metadata": {"Ours": "kept"}, "labels": []}
    record = json.dumps({"annotation": None, "levels": [wiped], "protected": None})
    with contextlib.closing(sqlite3.connect(server.storage / "db/bodypart-audit.sqlite")) as file:
        file.execute("INSERT INTO overwrites VALUES (?, '', ?, ?)", (instance, stands, record))
        file.commit()
    server.start()
    server.wait_until(lambda: server.metadata("instances", instance, "Ours") == "kept")


@pytest.mark.parametrize("key", ["OverwriteInstances", "HttpServerEnabled"])
def test_in_place_refuses_to_start_without_what_it_needs(make_server, key):
    server = make_server({key: False}).start(wait=False)
    assert server.process.wait(20) != 0
    assert f'needs "{key}": true' in server.log.read_text()


def test_what_is_deleted_during_its_rewrite_stays_deleted(server):
    """Deleted between the last look at a file and its storing, in which a large one takes long."""
    original = file_bytes(hand(rows=4000, columns=4000))
    records = f"file:{server.storage / 'db/bodypart-audit.sqlite'}?mode=ro"
    overwrite = "SELECT 1 FROM overwrites WHERE instance = ?"
    for delay in (0.01, 0.04, 0.1):
        instance = server.upload(original)
        server.annotation(instance)
        path = f"/bodypart/instances/{instance}"
        with (
            ThreadPoolExecutor(1) as pool,
            contextlib.closing(sqlite3.connect(records, uri=True)) as backups,
        ):
            pool.submit(requests.put, server.url + path, json={"examined": "foot"})
            end = time.monotonic() + 30
            while not backups.execute(overwrite, (instance,)).fetchone():
                assert time.monotonic() < end
                time.sleep(0.002)
            time.sleep(delay)
            assert server.request("DELETE", f"/instances/{instance}").status_code == 200
        server.settle()
        assert server.request("GET", f"/instances/{instance}").status_code == 404, delay
