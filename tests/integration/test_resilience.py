"""What must survive: kills of Orthanc and of the decoder, hostile files, a back-fill cut short."""

import contextlib
import json
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from pydicom.uid import generate_uid

from mutations import sent_to_orthanc
from phantoms import file_bytes, radiograph


def pictures(count):
    """Return small radiographs of one patient, each of its own study."""
    kinds = ("knee", "hand", "chest")
    return [
        file_bytes(radiograph(kinds[n % 3], rows=160, columns=128, PatientID="kill"))
        for n in range(count)
    ]


def annotated(server, instances):
    """Return the annotations of the instances, straight from Orthanc's metadata."""
    texts = [server.metadata("instances", instance, "BodyPart") for instance in instances]
    return [json.loads(text) for text in texts if text]


def answer(annotation):
    """Return an annotation without what tells how far its file has followed."""
    return {name: annotation[name] for name in annotation.keys() - {"tags", "file"}}


def test_kills_of_orthanc_and_decoders_lose_nothing_and_repeat_nothing(make_server):
    """Every picture is annotated after kills at random moments; a finished one stays as it is."""
    server = make_server().start()
    chance = random.Random(5)
    stored, first_seen = [], {}
    for round_number, files in enumerate([pictures(25) for _ in range(4)]):
        stored += [server.upload(data) for data in files]
        time.sleep(chance.uniform(0, 0.4))
        if round_number % 2:
            for pid in server.workers():
                os.kill(pid, signal.SIGKILL)
        else:
            server.kill()
            server.start()
        for annotation in annotated(server, stored):
            first_seen.setdefault(annotation["instance"], answer(annotation))
    server.settle()
    final = {annotation["instance"]: answer(annotation) for annotation in annotated(server, stored)}
    assert set(final) == set(stored)
    assert {annotation["status"] for annotation in final.values()} == {"done"}
    assert {instance: final[instance] for instance in first_seen} == first_seen
    for instance in stored[::20]:
        for level, resource in server.above(instance).items():
            assert server.metadata(level, resource, "BodyPart"), level


def test_an_instance_that_hangs_the_decoder_twice_is_quarantined(make_server):
    """The time limit kills the decoder; the second time the instance is given up, with a reason."""
    server = make_server({"BodyPart": {"TimeLimit": 0.5, "RetryDelay": 0.1}}).start()
    instance = server.upload(file_bytes(radiograph("knee")))
    server.annotation(instance)
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)  # From now on every request of this worker hangs.
    stop = threading.Event()

    def freeze_new_workers():
        while not stop.wait(0.02):
            for pid in server.workers():
                with contextlib.suppress(ProcessLookupError):
                    if server.status()["ready"]:
                        os.kill(pid, signal.SIGSTOP)

    freezer = threading.Thread(target=freeze_new_workers)
    freezer.start()
    try:
        victim = server.upload(file_bytes(radiograph("hand")))
        annotation = server.annotation(victim, 60)
    finally:
        stop.set()
        freezer.join()
    assert annotation["status"] == "failed"
    assert "quarantined" in annotation["reason"]
    assert server.upload(file_bytes(radiograph("chest")))  # A store never fails.


def test_orthanc_stops_in_time_with_a_backlog(make_server):
    server = make_server().start()
    for data in pictures(40):
        server.upload(data)
    assert server.status()["queue"]["pending"] > 0
    assert server.stop() < 10
    assert server.process.returncode == 0


def test_the_second_start_is_quick_and_leaves_no_process_behind(make_server):
    server = make_server().start()
    server.stop()
    started = time.monotonic()
    server.start(wait=False)
    server.wait_until(server._answers)
    assert time.monotonic() - started < 3
    server.wait_until(lambda: server.status()["ready"])
    pids = server.workers()
    assert pids
    server.kill()
    server.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 10)


def test_a_container_that_gets_a_new_identifier_loses_nothing(make_server):
    """Orthanc makes it of the network's address: by default each new container has another one."""
    server = make_server({"DatabaseServerIdentifier": "old"}).start()
    server.halt_workers()
    for number in range(20):
        server.upload(file_bytes(radiograph("knee", 160, 128, PatientID=f"P{number}")))
    server.wait_until(lambda: server.status()["queue"]["pending"] == 20)
    server.kill()
    server.configuration["DatabaseServerIdentifier"] = "new"
    server.start()
    # A file that was rewritten counts until its entry in the change log is read.
    done = {"pending": 0, "failed": 0, "done": 20}
    server.wait_until(lambda: server.status()["queue"] == done, 60)


def test_back_fill_annotates_old_stock_resumes_and_cancels(make_server):
    server = make_server({"BodyPart": {"OnUpload": False}}).start()
    stored = [server.upload(data) for data in pictures(30)]
    time.sleep(1.5)
    assert annotated(server, stored) == []
    progress = server.request("POST", "/bodypart/backfill", json={}).json()
    assert progress["state"] == "running"
    assert progress["total"] == 30
    server.wait_until(lambda: server.get("/bodypart/backfill")["done"] >= 3)
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    assert server.get("/bodypart/backfill")["done"] < 30
    server.kill()
    server.start()
    server.wait_until(lambda: server.get("/bodypart/backfill")["state"] == "done", 60)
    # The metadata of one whose file is just following are away for a moment.
    server.wait_until(lambda: len(annotated(server, stored)) == 30)
    more = [server.upload(data) for data in pictures(30)]
    server.request("POST", "/bodypart/backfill", json={})
    cancelled = server.request("DELETE", "/bodypart/backfill").json()
    assert cancelled["state"] == "cancelled"
    time.sleep(1)
    assert len(annotated(server, more)) < 30


def test_the_sweep_finds_what_the_change_log_does_not_tell(make_server):
    """An operator who empties the change log loses no annotation."""
    server = make_server({"BodyPart": {"SweepInterval": 1.0}}).start()
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    stored = [server.upload(data) for data in pictures(5)]
    server.request("DELETE", "/changes")
    server.kill()
    server.start()
    server.wait_until(lambda: len(annotated(server, stored)) == 5, 30)


def test_answers_stay_quick_while_the_decoder_is_busy(make_server):
    server = make_server().start()
    server.annotation(server.upload(file_bytes(radiograph("knee"))))
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    server.upload(file_bytes(radiograph("hand")))
    started = time.monotonic()
    for _ in range(10):
        server.status()
        server.request("POST", "/bodypart/find", json={"Examined": "knee"})
    assert time.monotonic() - started < 2


def test_readers_cannot_use_up_the_threads_that_a_rewrite_needs(make_server):
    """The plugin stores through Orthanc's own HTTP server; readers must never wait for that."""
    configuration = {"HttpThreadsCount": 4, "BodyPart": {"WriteThreshold": 0.0}}
    server = make_server(configuration).start()
    stop = threading.Event()

    def ask_for_what_is_not_there():
        while not stop.is_set():
            answer = requests.get(f"{server.url}/bodypart/instances/{'0' * 8}", timeout=20)
            assert answer.status_code == 404

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(ask_for_what_is_not_there) for _ in range(8)]
        try:
            stored = [server.upload(data) for data in pictures(8)]
            server.wait_until(lambda: len(annotated(server, stored)) == len(stored), 60)
        finally:
            stop.set()
        for reader in readers:
            reader.result()


def test_hostile_files_end_done_skipped_or_failed(make_server):
    """Whatever Orthanc takes in gets a status, and Orthanc answers throughout."""
    server = make_server({"BodyPart": {"RetryDelay": 0.1, "TimeLimit": 10}}).start()
    stored = set()

    def upload(data):
        answer = server.request("POST", "/instances", data=data)
        if answer.status_code == 200 and isinstance(answer.json(), dict):
            stored.add(answer.json()["ID"])

    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(upload, (data for _, data in sent_to_orthanc(150)))
        )  # Raises what an upload raised.
    assert len(stored) > 50
    server.settle(240)
    for instance in stored:
        annotation = server.annotation(instance)
        assert annotation["status"] in {"done", "skipped", "failed"}
        assert annotation["status"] == "done" or annotation["reason"]


def test_a_store_never_fails_where_the_service_cannot_start(make_server):
    server = make_server()
    broken = server.program("#!/bin/sh\necho 'no such module' >&2\nexit 1\n")
    server.configuration["BodyPart"] = {"Python": broken}
    server.start(wait=False)
    server.wait_until(server._answers)
    instance = server.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
    status = server.status()
    assert not status["ready"]
    server.wait_until(lambda: "no such module" in server.status()["reason"])
    answer = server.request("POST", f"/bodypart/instances/{instance}", json={})
    assert answer.status_code == 503
    assert set(answer.json()) == {"error", "details"}
    assert server.get(f"/bodypart/instances/{instance}")["status"] == "pending"


def test_the_bodies_of_requests_do_not_stay_in_the_memory_of_orthanc(make_server):
    """The Python plugin of Debian 12 kept each of them whole, for as long as Orthanc ran."""
    server = make_server().start()

    def send(count):
        for _ in range(count):
            answer = server.request("POST", "/bodypart/classify", data=bytes(20_000_000))
            assert answer.status_code == 400

    def megabytes():
        lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1000

    send(3)
    before = megabytes()
    send(10)
    assert megabytes() - before < 100
