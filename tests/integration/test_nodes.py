"""Several Orthancs on one archive: one PostgreSQL holds what all of them know."""

import io
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pydicom
import pytest

from bodypart.labels import BY_LABEL
from orthanc_server import Server
from phantoms import file_bytes, radiograph
from postgres import PLUGIN, Postgres

LABELS = ("wrist", "hand", "foot", "knee")


@pytest.fixture
def nodes(tmp_path):
    """Two Orthancs on one PostgreSQL and one storage folder."""
    database = Postgres().start()
    storage = tmp_path / "storage"
    storage.mkdir()
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "db").symlink_to(storage)
        configuration = {
            "Name": name,
            "DatabaseServerIdentifier": name,
            "Plugins": [str(PLUGIN.with_name("libOrthancPython.so")), str(PLUGIN)],
            "PostgreSQL": database.section(),
            "BodyPart": {"Database": database.url, "Tags": "in-place", "WriteThreshold": 0.1},
        }
        made.append(Server(folder, configuration=configuration))
    try:
        yield [server.start() for server in made]
    finally:
        for server in made:
            server.close()
        database.stop()


def upload(nodes, count):
    pictures = (
        file_bytes(radiograph(("hand", "knee")[n % 2], rows=160, columns=128, PatientID=f"P{n}"))
        for n in range(count)
    )
    return [nodes[n % 2].upload(data) for n, data in enumerate(pictures)]


def settled(server, instance):
    """Return the annotation of an instance whose file has followed it."""
    found = {}

    def is_settled():
        found.update(server.get(f"/bodypart/instances/{instance}"))
        return "pending" not in (found["status"], found["tags"]["state"])

    server.wait_until(is_settled, 60)
    return found


def answers(server):
    """Return how many instances a node has annotated since its start."""
    lines = server.request("GET", "/tools/metrics-prometheus").text.splitlines()
    counts = [line.split()[1] for line in lines if line.startswith("bodypart_annotated ")]
    return int(float(counts[0])) if counts else 0


def correct_at_random(server, instances, seed, count=12):
    chance = random.Random(seed)
    for _ in range(count):
        path = f"/bodypart/instances/{chance.choice(instances)}"
        answer = server.request("PUT", path, json={"examined": chance.choice(LABELS)})
        assert answer.status_code == 200, answer.text


def assert_one_truth(nodes, instances):
    """Metadata, file and index say one thing of each instance, on both nodes."""
    one, two = nodes
    for instance in instances:
        annotation = settled(one, instance)
        assert settled(two, instance) == annotation
        file = one.request("GET", f"/instances/{instance}/file").content
        if annotation["tags"]["state"] == "written":
            part = BY_LABEL[annotation["examined"]["label"]].body_part_examined
            assert pydicom.dcmread(io.BytesIO(file)).BodyPartExamined == part
    events = {}
    for event in two.get("/bodypart/audit"):
        events[event["instance"]] = event["new"]
    for instance, label in events.items():
        assert one.get(f"/bodypart/instances/{instance}")["examined"]["label"] == label


def test_two_nodes_answer_once_and_know_the_same(nodes):
    one, two = nodes
    instances = upload(nodes, 24)
    for server in nodes:
        server.settle(120)
    time.sleep(1.5)  # Until the numbers are published.
    # One whose index was written at the second try is taken for adopted, and not counted.
    assert len(instances) - 2 <= answers(one) + answers(two) <= len(instances)

    one.request("PUT", f"/bodypart/instances/{instances[0]}", json={"examined": "wrist"})
    found = two.request("POST", "/bodypart/find", json={"Examined": "wrist"}).json()
    assert instances[0] in [row["id"] for row in found]
    assert [event["new"] for event in two.get("/bodypart/audit")] == ["wrist"]

    with ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(correct_at_random, server, instances[:8], seed)
            for seed, server in enumerate((one, two, one, two))
        ]
        for future in futures:
            future.result()
    assert_one_truth(nodes, instances)


def test_a_node_that_is_killed_leaves_its_work_to_the_other(nodes):
    one, two = nodes
    instances = upload(nodes, 16)
    time.sleep(0.3)
    one.kill()
    two.wait_until(lambda: two.status()["queue"]["done"] >= 1, 60)
    one.start()
    for server in nodes:
        server.settle(120)
    assert_one_truth(nodes, instances)
    assert two.status()["queue"]["done"] == len(instances)
