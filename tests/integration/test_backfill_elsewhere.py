"""The back-fill by helpers: the command as it is typed, against a real Orthanc; and a real Ray."""

import json
import os
import signal
import subprocess
import sys

import pytest
from pydicom.uid import generate_uid

from documentation import ROOT
from phantoms import file_bytes, radiograph
from ray_cluster import RAY, RayCluster

OLD_STOCK = {"BodyPart": {"OnUpload": False, "Workers": 1}}
FIELDS = ("examined", "visible", "laterality", "group", "agreement", "needs_review", "model")


def fill(server, count):
    """Store what nobody annotated; return the ids."""
    parts = ("hand", "chest", "knee")
    made = (radiograph(parts[n % 3], PatientID=generate_uid()) for n in range(count))
    return {server.upload(file_bytes(dataset)) for dataset in made}


def command(server, *arguments, environment=None):
    """Type the command; return the process."""
    environment = environment or {**os.environ, "PYTHONPATH": str(ROOT / "plugin")}
    return subprocess.Popen(
        [sys.executable, "-m", "backfill", server.url, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, limit=90):
    _, said = process.communicate(timeout=limit)
    return process.returncode, said


def test_local_workers_annotate_the_old_stock_as_the_service_would(make_server, tmp_path):
    users = {"RegisteredUsers": {"ann": "secret"}, "AuthenticationEnabled": True}
    server = make_server({**OLD_STOCK, **users}, auth=("ann", "secret")).start()
    ids = fill(server, 12)
    status, said = ended(command(server, "--workers", "1"))
    assert status == 1
    assert "401" in said
    file = tmp_path / "credentials"
    file.write_text("ann:secret\n")
    status, said = ended(command(server, "--workers", "1", "--credentials", str(file)))
    assert status == 0, said
    assert "secret" not in said
    assert server.get("/bodypart/backfill")["state"] == "done"
    server.settle()
    for instance in ids:
        found = server.get(f"/bodypart/instances/{instance}")
        data = server.request("GET", f"/instances/{instance}/file").content
        own = server.request("POST", "/bodypart/classify", data=data).json()
        assert {name: found[name] for name in FIELDS} == {name: own[name] for name in FIELDS}
        series = server.above(instance)["series"]
        assert server.get(f"/bodypart/series/{series}")["examined"] == found["examined"]
    status, said = ended(command(server, "--workers", "1", "--credentials", str(file)))
    assert (status, "nothing was left to do" in said) == (0, True), said


def test_another_model_here_is_refused_and_nothing_is_written(make_server, tmp_path):
    server = make_server(OLD_STOCK).start()
    fill(server, 1)
    for name in ("bodypart.onnx", "bodypart.json"):
        (tmp_path / name).write_bytes((ROOT / "models" / name).read_bytes())
    with (tmp_path / "bodypart.onnx").open("ab") as model:
        # Field 2000, which no reader of ONNX knows: the same network, another file.
        model.write(b"\x82\x7d\x01x")
    status, said = ended(command(server, "--model", str(tmp_path / "bodypart.onnx")))
    assert status == 1
    assert "the service's is" in said, said
    assert server.get("/bodypart/backfill/helper")["model"]["version"] in said


@pytest.fixture
def cluster():
    """A Ray cluster of one machine with two processors."""
    if not RAY.exists():
        if os.environ.get("CI"):
            pytest.fail("Ray is not installed: make test-tools")
        pytest.skip("Ray is not installed: make ray-tools")
    made = RayCluster()
    try:
        yield made.start(2)
    finally:
        made.close()


def test_a_ray_cluster_annotates_it_and_a_killed_actor_costs_nothing(make_server, cluster):
    server = make_server(OLD_STOCK).start()
    ids = fill(server, 80)
    process = command(
        server, "--ray", cluster.address, "--workers", "2", environment=cluster.environment
    )
    actors = []
    server.wait_until(lambda: actors.extend(_actors(cluster)) or actors, 60)
    os.kill(actors[0], signal.SIGKILL)
    status, said = ended(process)
    assert status == 0, said
    assert _annotated(server) == ids
    done = server.get("/bodypart/status")["queue"]["done"]
    assert done == len(ids)


def test_ray_tells_nobody_that_it_runs():
    if not RAY.exists():
        pytest.skip("Ray is not installed: make ray-tools")
    alone = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    if alone.returncode:
        pytest.skip("no network namespaces on this machine")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, str(ROOT / "tests/lonely_ray.py")],
        check=True,
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'plugin'}:{ROOT / 'tests'}"},
    )
    heard = json.loads(done.stdout)
    assert heard["ray"] == []
    assert {"usage-stats.ray.io", "port 443 from 198.51.100.7"} <= set(heard["on purpose"])


def _actors(cluster):
    return [pid for node in cluster.nodes for pid in node.processes("ray::Worker")]


def _annotated(server):
    answer = server.request("POST", "/bodypart/find", json={"Level": "Instance", "Limit": 1000})
    return {found["id"] for found in answer.json()}
