"""Kills in numbers: nothing lost, nothing twice, everything whole: make attack NAME=kills.

Sends images into an Orthanc that writes tags in place for every answer, while Orthanc and its
decoders are killed in turn at random moments. Then every tag and the hash of the pixels of every
stored file is compared with what was sent, and metadata with index. Ends with an error if anything
is missing, double or damaged.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pydicom
import requests
from pydicom.dataset import Dataset

from orthanc_server import Server
from phantoms import file_bytes, radiograph
from tried import Attack, record

PRODUCT = "orthanc-bodypart"
OURS = {
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "OriginalAttributesSequence",
    "ContributingEquipmentSequence",
    "Laterality",
    "ImageLaterality",
}
"""What a rewrite may add or change; all else must be what was sent."""
CONFIGURATION = {"BodyPart": {"Tags": "in-place", "WriteThreshold": 0.0, "ReviewThreshold": 0.0}}
BETWEEN = 0.03
"""Seconds between two uploads, so that they last as long as the kills."""
LONGEST_SETTLING = 900.0


def pictures(count: int) -> list[bytes]:
    """Return radiographs whose headers say less than the pictures, so that each is rewritten."""
    return [
        file_bytes(radiograph("hand", 160, 128, seed=n, BodyPartExamined="EXTREMITY"))
        for n in range(count)
    ]


def send(server: Server, files: list[bytes], up: threading.Event) -> dict[str, bytes]:
    """Upload each file until Orthanc took it; return them by instance."""
    sent = {}
    for data in files:
        while True:
            up.wait()
            with contextlib.suppress(requests.RequestException, AssertionError, KeyError):
                sent[server.upload(data)] = data
                break
            time.sleep(0.05)
        time.sleep(BETWEEN)
    return sent


def kill_in_turn(server: Server, count: int, up: threading.Event) -> None:
    """Kill Orthanc, then its decoders, then its service, at random moments, and so on."""
    chance = random.Random(3)
    for number in range(count):
        time.sleep(chance.uniform(0.3, 1.5))
        if number % 3 == 0:
            up.clear()
            server.kill()
            server.start()
            up.set()
        else:
            for pid in server.workers() if number % 3 == 1 else server.services():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def damage(original: bytes, stored: bytes, annotation: dict[str, Any]) -> str | None:
    """Return what a stored file lacks, or has that it must not have; None if it is whole."""
    before, after = (pydicom.dcmread(io.BytesIO(data)) for data in (original, stored))
    if pixels(before) != pixels(after):
        return "the pixels differ"
    if before.file_meta != after.file_meta:
        return "the file meta information differs"
    for tag in {*before.keys(), *after.keys()}:
        if pydicom.datadict.keyword_for_tag(tag) not in OURS and before.get(tag) != after.get(tag):
            return f"{tag} differs"
    entries = [
        entry
        for entry in after.get("OriginalAttributesSequence") or []
        if entry.ModifyingSystem == PRODUCT
    ]
    if len(entries) != bool(annotation["tags"]["changed"]):
        return f"{len(entries)} entries of ours, changed: {annotation['tags']['changed']}"
    if (stored != original) != (annotation["tags"]["state"] == "written"):
        return f"tags are {annotation['tags']['state']}, the file says otherwise"
    return None


def pixels(dataset: Dataset) -> str:
    """Return the hash of the pixel data."""
    return hashlib.sha256(dataset.PixelData).hexdigest()


def left_open(server: Server) -> int:
    """Return how many backups of an overwrite still wait to be given back."""
    with sqlite3.connect(server.storage / "db/bodypart-audit.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM overwrites").fetchone()[0])


def kills(folder: Path, images: int, count: int) -> bool:
    """Kill while images come in, check every instance, keep the figures."""
    server = Server(folder, configuration=CONFIGURATION).start()
    up, sent = threading.Event(), {}
    up.set()
    sender = threading.Thread(target=lambda: sent.update(send(server, pictures(images), up)))
    sender.start()
    kill_in_turn(server, count, up)
    sender.join()
    server.wait_until(lambda: server.status()["ready"], 60)
    server.settle(LONGEST_SETTLING)
    broken = []
    rewritten = 0
    for instance, original in sent.items():
        annotation = server.annotation(instance)
        stored = server.request("GET", f"/instances/{instance}/file").content
        why = damage(original, stored, annotation)
        if annotation["status"] != "done":
            why = f"{annotation['status']}: {annotation['reason']}"
        if not server.metadata("instances", instance, "BodyPart"):
            why = "Orthanc has no metadata of it"
        if why:
            broken.append(f"{instance}: {why}")
        rewritten += stored != original
    stored_there = len(server.get("/instances"))
    if not len(sent) == images == stored_there:
        broken.append(f"{images} images, {len(sent)} sent, {stored_there} there")
    if left := left_open(server):
        broken.append(f"{left} overwrites left open")
    server.close()
    for line in broken:
        print(line, file=sys.stderr)
    attack = Attack(
        "kill -9 of Orthanc, service and decoders in turn while images come in and are rewritten: "
        "every tag, the hash of the pixels, metadata, backups",
        f'make attack NAME=kills ARGS="--images {images} --kills {count}"',
        f"{count} kills, {images:,} images",
        len(broken),
        f"{rewritten:,} rewritten, one entry each",
    )
    record("kills", attack)
    return not broken


def main() -> None:
    """Kill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(not kills(Path(folder), arguments.images, arguments.kills))


if __name__ == "__main__":
    main()
