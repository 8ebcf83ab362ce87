"""Kills and hostile files in numbers: nothing lost, nothing twice, everything whole.

    python tests/benchmarks/endurance.py [--images 1000] [--kills 20] [--mutations 2000]

Sends images into an Orthanc that writes tags in place for every answer, while Orthanc and its
worker are killed in turn at random moments; then looks at every instance. Then sends mutated
files, and waits until each that Orthanc took has a status. Ends with an error if anything is
missing, double or damaged.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pydicom
import requests

from benchmarks.ingest import Bare
from mutations import FATAL_TO_ORTHANC, sent_to_orthanc
from orthanc_server import Server
from phantoms import file_bytes, radiograph

PRODUCT = "orthanc-bodypart"
_BETWEEN = 0.03
"""Seconds between two uploads, so that they last as long as the kills."""


def kills(folder: Path, images: int, count: int) -> None:
    """Kill Orthanc and worker in turn while images come in; check every instance."""
    chance = random.Random(3)
    configuration = {"BodyPart": {"WriteThreshold": 0.0, "ReviewThreshold": 0.0}}
    server = Server(folder / "kills", configuration=configuration).start()
    originals: dict[str, bytes] = {}
    done = threading.Event()
    up = threading.Event()
    up.set()

    def send() -> None:
        for _ in range(images):
            data = file_bytes(
                radiograph("hand", rows=160, columns=128, BodyPartExamined="EXTREMITY")
            )
            while True:
                up.wait()
                with contextlib.suppress(requests.RequestException, AssertionError, KeyError):
                    originals[server.upload(data)] = data
                    break
                time.sleep(0.05)
            time.sleep(_BETWEEN)
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    killed = 0
    while killed < count and not done.is_set():
        time.sleep(chance.uniform(0.3, 1.5))
        if killed % 2:
            for pid in server.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            up.clear()
            server.kill()
            server.start()
            up.set()
        killed += 1
    sender.join()
    server.settle(600)
    whole = rewritten = 0
    for instance, original in originals.items():
        annotation = server.annotation(instance)
        file = server.request("GET", f"/instances/{instance}/file").content
        dataset = pydicom.dcmread(io.BytesIO(file))
        ours = [
            entry
            for entry in dataset.get("OriginalAttributesSequence") or []
            if entry.ModifyingSystem == PRODUCT
        ]
        assert annotation["status"] == "done", annotation["reason"]
        assert dataset.PixelData == pydicom.dcmread(io.BytesIO(original)).PixelData
        assert len(ours) == bool(annotation["tags"]["changed"]), instance
        assert server.metadata("instances", instance, "BodyPart")
        whole += 1
        rewritten += len(ours)
    assert whole == images == len(server.get("/instances"))
    left = len(list(server.storage.glob("db/bodypart-rewrites/*.json")))
    server.close()
    print(
        "| images | kills | annotated and whole | rewritten, one entry each | rewrites left open |"
    )
    print("|---|---|---|---|---|")
    print(f"| {images} | {killed} | {whole} | {rewritten} | {left} |\n")
    assert left == 0


def hostile(folder: Path, count: int) -> None:
    """Send mutated files; every one that Orthanc takes must end with a status."""
    server = Server(folder / "hostile", configuration={"BodyPart": {"RetryDelay": 0.1}}).start()
    sent: list[tuple[str, bytes]] = []
    crashes: list[str] = []
    for name, data in sent_to_orthanc(count):
        sent.append((name, data))
        try:
            server.request("POST", "/instances", data=data)
        except requests.ConnectionError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert server.process
                server.process.wait(3)
                crashes.append(_without_the_plugin(folder / f"bare{len(sent)}", sent[-3:]))
                server.start()
    server.settle(900)
    statuses: dict[str, int] = {}
    for instance in server.get("/instances"):
        annotation = server.annotation(instance)
        assert annotation["status"] == "done" or annotation["reason"]
        statuses[annotation["status"]] = statuses.get(annotation["status"], 0) + 1
    server.close()
    print("| mutations | sent | crashes of Orthanc | stored | done | skipped | failed |")
    print("|---|---|---|---|---|---|---|")
    ends = " | ".join(str(statuses.get(name, 0)) for name in ("done", "skipped", "failed"))
    print(f"| {count} | {len(sent)} | {len(crashes)} | {sum(statuses.values())} | {ends} |")
    print(f"\nNot sent, because a bare Orthanc ends or stalls: {', '.join(FATAL_TO_ORTHANC)}.")
    for crash in crashes:
        print(crash)


def _without_the_plugin(folder: Path, last: list[tuple[str, bytes]]) -> str:
    """Send what came before a crash to an Orthanc without the plugin; say what ends that."""
    server = Bare(folder).start()
    assert server.process
    try:
        for name, data in last:
            with contextlib.suppress(requests.ConnectionError):
                server.request("POST", "/instances", data=data)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.process.wait(2)
                return f"The crash: mutation {name}, which ends an Orthanc without the plugin, too."
    finally:
        server.close()
    return f"The crash: mutation {last[-1][0]}, at which an Orthanc without the plugin survives."


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--mutations", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kills(Path(folder), arguments.images, arguments.kills)
        hostile(Path(folder), arguments.mutations)


if __name__ == "__main__":
    main()
