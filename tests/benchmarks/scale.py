"""What a back-fill costs: the service's part, a worker's, looking through; Ray against local.

    python tests/benchmarks/scale.py [--answers 2000] [--pictures 640] [--rounds 1] [--only PART]

Prints tables, and writes into `tests/benchmarks/scale.json` what `tests/cost.py` computes from.
Parts: service, worker, listing, reading.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3
from pydicom.uid import generate_uid

from benchmarks.large import processor_seconds
from bodypart.annotation import Annotation, Examined
from bodypart.model import BodyPartModel
from bodypart.model.side_marker import MarkerReader
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from orthanc_server import ROOT, Server
from phantoms import file_bytes, foreign, radiograph
from quick_decoder import STILL, at_once
from ray_cluster import RAY, RayCluster

MEASURED = Path(__file__).with_suffix(".json")
_WORKERS = 2
_BATCH = 32
_ITS_OWN = 2
"""Pictures that the service's one decoder, which never answers, keeps: that one and the next."""
_ALL_READ = 2 * _WORKERS * _BATCH
"""Pictures after which each worker has brought a batch. What comes before is a start: of Python, of
networks and, with Ray, of its actors; it is told apart, as it does not grow with the archive."""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--pictures", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=("service", "worker", "listing", "reading"))
    given = parser.parse_args()
    found: dict[str, float] = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        if given.only in (None, "service"):
            found |= service(Path(folder) / "service", given.answers)
        if given.only in (None, "worker"):
            found |= worker(given.pictures)
        if given.only in (None, "reading"):
            found |= reading(Path(folder) / "reading", given.pictures, given.rounds)
        if given.only in (None, "listing"):
            found |= listing(Path(folder) / "listing", given.answers)
    MEASURED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def service(folder: Path, count: int) -> dict[str, float]:
    """Measure leases and results of decoders that answer at once, roll-ups included."""
    server = _without_decoders(folder, count)
    try:
        before = _processor_seconds(server)
        begun = time.perf_counter()
        server.request("POST", "/bodypart/backfill", json={})
        answer_all(server, count)
        written = time.perf_counter() - begun
        server.wait_until(lambda: waiting(server, "roll-up") == 0, 600, 0.2)
        whole = time.perf_counter() - begun
        spent = {n: s - before[n] for n, s in _processor_seconds(server).items()}
        size = _bytes_of_records(server)
    finally:
        server.close()
    print("| decoders that answer at once, one Orthanc | a second; target 200 |\n|---|---|")
    print(f"| instances lent, answered, written | {count / written:.0f} |")
    print(f"| the same, until series, studies and patients follow | {count / whole:.0f} |\n")
    print("| processor time of an instance | ms |\n|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {seconds / count * 1e3:.1f} |")
    print(f"\nRecords: {size / count / 1e3:.1f} kB an instance.\n", flush=True)
    return {
        "answers_a_second": count / whole,
        "orthanc_ms": spent["Orthanc"] / count * 1e3,
        "service_ms": spent["service"] / count * 1e3,
        "record_bytes": size / count,
    }


def answer_all(server: Server, count: int) -> None:
    """Lease and answer until nothing is left, with two connections."""
    pool = urllib3.PoolManager(maxsize=4)
    taken = [0]

    def post(path: str, body: dict[str, Any]) -> Any:
        text = json.dumps(body)
        answer = pool.request("POST", server.url + path, body=text)
        assert answer.status == 200, answer.data[:300]
        return json.loads(answer.data)

    def work(_: int) -> None:
        while taken[0] < count - _ITS_OWN:
            lent = post("/bodypart/backfill/lease", {"Count": _BATCH, "Seconds": 600})
            results = [_answer(server, pool, instance) for instance in lent]
            if results:
                answer = post("/bodypart/backfill/results", {"results": results})
                taken[0] += len(results)
                assert not answer["dropped"], answer
            else:
                time.sleep(0.05)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, range(2)))


def _answer(server: Server, pool: urllib3.PoolManager, instance: str) -> dict[str, Any]:
    told = json.loads(pool.request("GET", f"{server.url}/instances/{instance}").data)
    top = {"top": [{"label": "hand", "probability": 0.9}], "rejected": False, "reason": None}
    annotation = Annotation(
        instance, "done", examined=Examined("hand", 0.9, "image"), image=top, group="others"
    )
    return {"instance": instance, "annotation": annotation.to_json(), "file": told["FileUuid"]}


def worker(count: int) -> dict[str, float]:
    """Measure what a decoder takes of a processor for a picture; its way there comes on top.

    Two processors that are threads of one core, as those of rented machines often are, take longer
    side by side than each takes alone.
    """
    alone, processors = _decoding(count), os.cpu_count() or 1
    with ProcessPoolExecutor(processors, multiprocessing.get_context("spawn")) as pool:
        beside = statistics.mean(pool.map(_decoding, [count] * processors))
    print("| a decoder, raw CR of 8 MB, already in memory | processor time of a picture, ms |")
    print("|---|---|")
    print(f"| alone | {alone * 1e3:.1f} |")
    print(f"| on all {processors} processors at once | {beside * 1e3:.1f} |\n", flush=True)
    return {"reading_ms": alone * 1e3}


def _decoding(count: int) -> float:
    """Return the processor seconds of a picture."""
    data = file_bytes(radiograph("hand", rows=2048, columns=2048))
    model = BodyPartModel.load(ROOT / "models/bodypart.onnx", "cpu", 1)
    pipeline = Pipeline(model, Settings(), MarkerReader.load())
    annotation, _ = pipeline.annotate(data)
    # What is rejected as a whole takes four times as long, as it is looked at once more.
    assert annotation.image and not annotation.image["rejected"]
    before = time.process_time()
    for _ in range(count):
        pipeline.annotate(data)
    return (time.process_time() - before) / count


def reading(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Measure images a second once all read: local workers and Ray's on the same processors.

    Answers come in batches of 32: with a few hundred pictures the last batch says more than Ray.
    """
    if count < 2 * _ALL_READ:
        raise SystemExit(f"--pictures: at least {2 * _ALL_READ}")
    server = Server(folder, configuration={"BodyPart": {"Tags": "none", "OnUpload": False}})
    cluster = RayCluster() if RAY.exists() else None
    runs: dict[str, list[tuple[float, float]]] = {"local": [], "Ray": []}
    spent = dict.fromkeys(("Orthanc", "service", "its decoder", "helper"), 0.0)
    try:
        server.start()
        if cluster:
            cluster.start(_WORKERS)
        for _ in range(count):
            server.upload(
                file_bytes(radiograph("hand", rows=2048, columns=2048, PatientID=generate_uid()))
            )
        for _ in range(rounds):
            runs["local"].append(_run(server, count, spent, []))
            if cluster:
                ray = ["--ray", cluster.address]
                runs["Ray"].append(_run(server, count, None, ray, cluster.environment))
    finally:
        server.close()
        if cluster:
            cluster.close()
    local, begun = (statistics.median(found) for found in zip(*runs["local"], strict=True))
    processor = sum(spent.values()) / (rounds * count)
    print(
        f"| raw CR of 8 MB, {_WORKERS} workers, {os.cpu_count()} processors "
        f"| a second, once all read | seconds until the first {_ALL_READ} |\n|---|---|---|"
    )
    print(f"| local | {local:.1f} | {begun:.0f} |")
    if cluster:
        ray_rate, begun = (statistics.median(found) for found in zip(*runs["Ray"], strict=True))
        print(f"| Ray, {_WORKERS} actors | {ray_rate:.1f} | {begun:.0f} |")
        print(f"| Ray / local, target 0.95 | {ray_rate / local:.2f} | |")
    print("\n| processor time of a picture | ms |\n|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {seconds / (rounds * count) * 1e3:.1f} |")
    print(
        f"| pictures a second a processor, all in; target 60 | {1 / processor:.0f} |\n", flush=True
    )
    return {"raw_local": local}


def _run(
    server: Server,
    count: int,
    spent: dict[str, float] | None,
    more: list[str],
    environment: dict[str, str] | None = None,
) -> tuple[float, float]:
    """Annotate everything with the command; return the rate once all read, and seconds before."""
    _forget_all(server)
    before = _processor_seconds(server)
    environment = environment or {**os.environ, "PYTHONPATH": str(ROOT / "plugin")}
    command = [sys.executable, "-m", "backfill", server.url, "--workers", str(_WORKERS), *more]
    usage = os.times()
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    seen: list[tuple[float, int]] = []
    while process.poll() is None:
        done = server.get("/bodypart/status")["queue"]["done"]
        if not seen or done != seen[-1][1]:
            seen.append((time.perf_counter(), done))
        time.sleep(0.2)
    assert process.stderr
    assert process.wait() == 0, process.stderr.read()
    after = os.times()
    if spent is not None:
        for name, seconds in _processor_seconds(server).items():
            spent[name] += seconds - before[name]
        spent["helper"] += (
            after.children_user
            + after.children_system
            - usage.children_user
            - usage.children_system
        )
    (first_at, first), (last_at, last) = next(s for s in seen if s[1] >= _ALL_READ), seen[-1]
    return (last - first) / (last_at - first_at), first_at - started


def _forget_all(server: Server) -> None:
    for instance in server.get("/instances"):
        server.request("DELETE", f"/bodypart/instances/{instance}")


def listing(folder: Path, count: int) -> dict[str, float]:
    """Measure how fast the service hears of old stock: ids, parents, what metadata hold."""
    server = _without_decoders(folder, count)
    try:
        begun = time.perf_counter()
        server.request("POST", "/bodypart/backfill", json={})
        server.wait_until(lambda: _known(server) == count, 600, 0.05)
        rate = count / (time.perf_counter() - begun)
    finally:
        server.close()
    print(
        f"| looking through old stock | a second |\n|---|---|\n| instances | {rate:.0f} |\n",
        flush=True,
    )
    return {"listed_a_second": rate}


def _database(server: Server, name: str) -> sqlite3.Connection:
    path = server.storage / "db" / f"bodypart-{name}.sqlite"
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _known(server: Server) -> int:
    with _database(server, "index") as database:
        return int(database.execute("SELECT count(*) FROM instances").fetchone()[0])


def waiting(server: Server, kind: str) -> int:
    """Return how many tasks of a kind are left; to ask the service takes its time for them."""
    with _database(server, "index") as database:
        question = "SELECT count(*) FROM tasks WHERE kind = ?"
        return int(database.execute(question, (kind,)).fetchone()[0])


def _bytes_of_records(server: Server) -> int:
    return sum(f.stat().st_size for f in (server.storage / "db").glob("bodypart-*.sqlite"))


def _without_decoders(folder: Path, count: int) -> Server:
    """Return an Orthanc with old stock whose own decoder holds one of it: others do the rest.

    Files do not follow: a rewrite would wait for that decoder, and hold the lock that it shares
    with every 256th instance.
    """
    still = at_once(folder, STILL)
    section = {
        "OnUpload": False, "Workers": 1, "TimeLimit": 3600, "Python": still, "Tags": "none",
    }  # fmt: skip
    server = Server(folder, configuration={"BodyPart": section}).start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(server.upload, (file_bytes(foreign("SR")) for _ in range(count))))
    return server


def _processor_seconds(server: Server) -> dict[str, float]:
    assert server.process
    pids = {
        "Orthanc": [server.process.pid],
        "service": server.services(),
        "its decoder": server.workers(),
    }
    return {name: sum(map(processor_seconds, found)) for name, found in pids.items()}


if __name__ == "__main__":
    main()
