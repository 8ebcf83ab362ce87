"""A great many small instances in one go: make attack NAME=flood.

    make attack NAME=flood ARGS="--instances 100000"

Uploads them as quickly as Orthanc takes them, while memory, file handles and threads of Orthanc,
service and decoders are counted. Ends with an error if an instance has no answer, if any of these
grows once the caches are warm, or if the log has a megabyte.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from orthanc_server import KNOWN, Server
from phantoms import DRAWINGS, file_bytes, radiograph
from quick_decoder import at_once
from tried import Attack, record

SIDE = 48
"""Pixels of a picture."""
UPLOADS_AT_ONCE = 3
BETWEEN_LOOKS = 5.0
"""Seconds."""
WARM = 0.25
"""Share of the instances after whose answers the caches are taken to be warm."""
MOST_GROWTH = 0.15
"""Share of its memory that a process may gain from then on."""
MOST_MORE = 8
"""File handles and threads that come and go with requests."""
LONGEST_LOG = 1_000_000
CONFIGURATION = {"MaximumStorageCacheSize": 16}
"""Megabytes; Orthanc's own cache of files, usually 128, takes long to be full of small ones."""
PATIENT, STUDY, SERIES, INSTANCE = "P1000000", "1.2.1.1000000", "1.2.2.1000000", "1.2.3.1000000"


@dataclass
class Look:
    """One process at one moment."""

    megabytes: float
    handles: int
    threads: int


@dataclass
class Watch:
    """What was seen of the processes, by kind; ``answered`` is how many instances had an answer."""

    server: Server
    looks: dict[str, list[tuple[int, Look]]] = field(default_factory=lambda: defaultdict(list))
    answered: int = 0

    def look(self) -> None:
        """Look at each process once."""
        queue = self.server.status()["queue"]
        self.answered = queue["done"] + queue["failed"]
        assert self.server.process
        kinds = {
            "Orthanc": [self.server.process.pid],
            "service": self.server.services(),
            "decoder": self.server.workers(),
        }
        for kind, pids in kinds.items():
            for pid in pids:
                with suppress(OSError):
                    self.looks[kind].append((self.answered, look_at(pid)))

    def growth(self, kind: str, count: int, value: str) -> tuple[float, float]:
        """Return the largest value of the second quarter, and that of the last one."""
        seen = [(answered / count, getattr(look, value)) for answered, look in self.looks[kind]]
        early = [number for share, number in seen if WARM <= share < 2 * WARM]
        late = [number for share, number in seen if share >= 1 - WARM]
        return max(early), max(late)


def look_at(pid: int) -> Look:
    """Return what a process holds."""
    place = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line
    )
    return Look(
        megabytes=int(status["VmRSS"].split()[0]) / 1024,
        handles=len(list((place / "fd").iterdir())),
        threads=int(status["Threads"]),
    )


def files(count: int) -> Iterator[bytes]:
    """Yield small radiographs, two a series, four a patient."""
    parts = [
        file_bytes(
            radiograph(
                *(part, SIDE, SIDE),
                seed=seed,
                PatientID=PATIENT,
                StudyInstanceUID=STUDY,
                SeriesInstanceUID=SERIES,
                SOPInstanceUID=INSTANCE,
            )
        )
        for part in DRAWINGS
        for seed in range(20)
    ]
    for number, data in enumerate(itertools.islice(itertools.cycle(parts), count)):
        renamed = data
        for uid, one in ((PATIENT, 4), (STUDY, 4), (SERIES, 2), (INSTANCE, 1)):
            renamed = renamed.replace(uid.encode(), f"{uid[:-6]}{number // one:06d}".encode())
        yield renamed


def upload(server: Server, watch: Watch, limits: argparse.Namespace) -> int:
    """Upload until all are there or the time is up; return how many are."""
    end = time.monotonic() + 60 * limits.minutes
    sent = 0
    session = threading.local()

    def send(data: bytes) -> bool:
        if time.monotonic() > end:
            return False
        if not hasattr(session, "kept"):
            session.kept = requests.Session()
        answer = session.kept.post(f"{server.url}/instances", data=data, timeout=120)
        answer.raise_for_status()
        assert answer.json()["Status"] == "Success"
        return True

    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        source = files(limits.instances)
        while some := list(itertools.islice(source, 200)):
            sent += sum(pool.map(send, some))
            while sent - watch.answered > limits.waiting and time.monotonic() < end:
                time.sleep(0.2)
    return sent


def flood(folder: Path, limits: argparse.Namespace) -> bool:
    """Send them, wait for all answers, keep the figures; tell whether all held."""
    # Who answers at once cannot write tags.
    quick = {"BodyPart": {"Python": at_once(folder / "quick"), "Tags": "none"}}
    server = Server(
        folder / "orthanc", limits.on, {**CONFIGURATION, **(quick if limits.at_once else {})}
    ).start()
    watch = Watch(server)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        uploads = pool.submit(upload, server, watch, limits)
        while not uploads.done():
            time.sleep(BETWEEN_LOOKS)
            watch.look()
            say(watch, began)
        sent = uploads.result()
    uploaded = time.monotonic() - began
    while server.status()["queue"]["pending"]:
        time.sleep(BETWEEN_LOOKS)
        watch.look()
        say(watch, began)
    seconds = time.monotonic() - began
    queue = server.status()["queue"]
    stored = server.get("/statistics")["CountInstances"]
    log = server.log.stat().st_size
    server.close()
    broken = []
    if queue["done"] != sent or stored != sent:
        broken.append(f"{queue} of {sent} instances")
    remarks = []
    for kind in watch.looks:
        early, late = watch.growth(kind, sent, "megabytes")
        remarks.append(f"{kind} {early:.0f} to {late:.0f} MB")
        if late > early * (1 + MOST_GROWTH):
            broken.append(f"{kind}: {early:.0f} MB became {late:.0f} MB")
        for value in ("handles", "threads"):
            early, late = watch.growth(kind, sent, value)
            remarks.append(f"{early:.0f} to {late:.0f} {value}")
            if late > early + MOST_MORE:
                broken.append(f"{kind}: {early} {value} became {late}")
    if log > LONGEST_LOG:
        broken.append(f"the log has {log} bytes")
    remarks.append(f"log {log:,} bytes")
    for line in broken:
        print(line, file=sys.stderr)
    by = ", decoders that answer at once" if limits.at_once else ""
    record(
        f"flood-{limits.on}{'-at-once' if limits.at_once else ''}",
        Attack(
            f"small instances in one go on Debian {limits.on}{by}: each answered; memory, file "
            "handles and threads between the second quarter and the last one",
            f'make attack NAME=flood ARGS="{" ".join(sys.argv[1:])}"',
            f"{sent:,} instances in {seconds / 60:.0f} minutes, uploaded in {uploaded / 60:.0f}",
            len(broken),
            "; ".join(remarks),
        ),
    )
    return not broken


def say(watch: Watch, began: float) -> None:
    """Print how it stands."""
    last = {
        kind: max(look.megabytes for _, look in seen[-2:]) for kind, seen in watch.looks.items()
    }
    print(f"{time.monotonic() - began:.0f} s: {watch.answered} answered, MB {last}", flush=True)


def main() -> None:
    """Flood an Orthanc."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=1e6, help="no more uploads after them")
    parser.add_argument("--waiting", type=int, default=10**9, help="most that wait for an answer")
    parser.add_argument("--at-once", action="store_true", help="decoders that answer at once")
    parser.add_argument("--on", choices=KNOWN, default=KNOWN[0], help="whose Orthanc")
    with tempfile.TemporaryDirectory() as folder:
        held = flood(Path(folder), parser.parse_args())
    sys.exit(not held)


if __name__ == "__main__":
    main()
