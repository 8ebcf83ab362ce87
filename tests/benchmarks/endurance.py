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
import tempfile
import threading
import time
from pathlib import Path

import pydicom
import requests
from pydicom.uid import JPEG2000Lossless, RLELossless, generate_uid

from mutations import FATAL_TO_ORTHANC, mutations
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
    originals = [
        file_bytes(radiograph("knee", rows=160, columns=128)),
        file_bytes(radiograph("chest", rows=160, columns=128, syntax=JPEG2000Lossless)),
        file_bytes(radiograph("hand", rows=160, columns=128, syntax=RLELossless)),
    ]
    sent = 0
    crashes: list[str] = []
    for name, data in mutations(originals, count):
        if not any(kind in name for kind in FATAL_TO_ORTHANC):
            with contextlib.suppress(requests.ConnectionError):
                server.request("POST", "/instances", data=_with_own_uid(data, originals))
            sent += 1
            if server.process and server.process.poll() is not None:
                crashes.append(name)
                server.start()
    server.settle(900)
    statuses: dict[str, int] = {}
    for instance in server.get("/instances"):
        annotation = server.annotation(instance)
        assert annotation["status"] == "done" or annotation["reason"]
        statuses[annotation["status"]] = statuses.get(annotation["status"], 0) + 1
    server.close()
    print("| mutated files sent | crashes of Orthanc | stored | done | skipped | failed |")
    print("|---|---|---|---|---|---|")
    ends = " | ".join(str(statuses.get(name, 0)) for name in ("done", "skipped", "failed"))
    print(f"| {sent} | {len(crashes)} | {sum(statuses.values())} | {ends} |")
    for name in crashes:
        print(f"\nOrthanc crashed on mutation {name}.")


def _with_own_uid(data: bytes, originals: list[bytes]) -> bytes:
    """Give a mutated file a SOP Instance UID of its own, so that none overwrites another."""
    for original in originals:
        uid = str(pydicom.dcmread(io.BytesIO(original)).SOPInstanceUID)
        fresh = str(generate_uid())[: len(uid)].ljust(len(uid), "1")
        data = data.replace(uid.encode(), fresh.encode())
    return data


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
