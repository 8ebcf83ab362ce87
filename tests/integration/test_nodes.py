"""Several Orthancs on one archive: one PostgreSQL holds what all of them know."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from orthanc_server import require
from phantoms import file_bytes, radiograph
from two_nodes import TwoNodes, answers, correct, faults, put_what_is_not_ours, upload


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Two Orthancs of Debian 12 on one PostgreSQL and one storage folder; a test leaves both up."""
    require("bookworm")
    with TwoNodes(tmp_path_factory.mktemp("nodes"), WriteThreshold=0.1) as started:
        yield started


def pictures(name, count):
    """Return files of as many patients."""
    headers = ({"PatientID": f"{name} {number}"} for number in range(count))
    return [file_bytes(radiograph("hand", 160, 128, **header)) for header in headers]


def done(nodes):
    """Return how many instances have an annotation."""
    queue = nodes.servers[0].status()["queue"]
    assert queue["failed"] == queue["pending"] == 0
    return queue["done"]


def test_two_nodes_answer_once_and_know_the_same(nodes):
    """Uploads come in on both at once: one's change may appear in the log behind the other's."""
    one, two = nodes.servers
    data = pictures("once", 32)
    with ThreadPoolExecutor(4) as pool:
        instances = list(pool.map(lambda n: nodes.servers[n % 2].upload(data[n]), range(32)))
    nodes.settle()
    assert done(nodes) == len(instances)
    # One whose index was written at the second try is taken for adopted, and not counted.
    one.wait_until(lambda: answers(one) + answers(two) >= len(instances) - 2, 10)
    time.sleep(1.5)  # Until the numbers are published.
    assert answers(one) + answers(two) <= len(instances)

    one.request("PUT", f"/bodypart/instances/{instances[0]}", json={"examined": "wrist"})
    found = two.request("POST", "/bodypart/find", json={"Examined": "wrist"}).json()
    assert [row["id"] for row in found] == [instances[0]]
    assert [event["new"] for event in two.get("/bodypart/audit")] == ["wrist"]
    # Sent once more to the other node, it keeps the word.
    assert two.upload(data[0]) == instances[0]
    nodes.settle()
    assert two.get(f"/bodypart/instances/{instances[0]}")["examined"]["label"] == "wrist"


def test_a_database_that_crashes_is_waited_for(nodes):
    one, _ = nodes.servers
    nodes.settle()
    before = done(nodes)
    instances = [one.upload(data) for data in pictures("crash", 6)]
    nodes.database.kill()
    time.sleep(3)
    nodes.database.start_again()
    for server in nodes.servers:
        if server.process.poll() is not None:
            server.start()  # Orthanc itself may give up.
    one.wait_until(lambda: one.request("GET", "/bodypart/status").status_code == 200, 60, 0.5)
    nodes.settle()
    assert done(nodes) == before + len(instances)
    answer = one.request("PUT", f"/bodypart/instances/{instances[0]}", json={"examined": "foot"})
    assert answer.status_code == 200


def test_a_node_that_never_returns_leaves_its_work_to_the_other(nodes):
    _, two = nodes.servers
    nodes.settle()
    before = done(nodes)
    two.halt_workers()
    for number, data in enumerate(pictures("dead", 10)):
        nodes.servers[number % 2].upload(data)
    two.wait_until(lambda: nodes.claims_of("two") > 0, 30)
    two.kill()
    nodes.make_claims_older(60)
    nodes.settle()
    assert done(nodes) == before + 10
    two.start()


def test_nothing_is_lost_where_both_correct_and_all_are_killed(tmp_path):
    """On an Orthanc that has labels; `make benchmarks ARGS=cluster` does the same at length."""
    require("sid")
    with TwoNodes(tmp_path, "sid", WriteThreshold=0.1) as nodes:
        instances = upload(nodes, 12, in_a_series=2)
        nodes.settle()
        levels = put_what_is_not_ours(nodes.servers[0], instances)
        taken = correct(nodes, instances, corrections=40, kills=3)
        assert len(taken) == 40
        nodes.settle()
        assert faults(nodes, levels, taken) == {}
