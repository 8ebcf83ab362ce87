"""The service at work: an old stock read, corrections written, both beside each other's callers.

    python tests/benchmarks/work.py [--pictures 1000] [--quick 1500] [--corrections 160]

The old stock is radiographs of 8 MB whose headers are wrong, so that in place each is rewritten;
each is of a patient of its own. And studies of two small films, with decoders that answer at once:
what is left is the service's and Orthanc's part. There are as many decoders as cores.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydicom.uid import generate_uid

from benchmarks.large import processor_seconds
from benchmarks.scale import waiting
from orthanc_server import Server
from phantoms import file_bytes, radiograph
from quick_decoder import at_once

CLIENTS = 8
CROWD = 64
REWRITTEN = {"WriteThreshold": 0.0, "ReviewThreshold": 0.0}


def filled(
    folder: Path,
    tags: str,
    files: Callable[[int], bytes],
    count: int,
    orthanc: dict[str, object] | None = None,
    **settings: object,
) -> Server:
    """Start an Orthanc, with further keys of its own, that holds an old stock not looked at yet."""
    workers = os.cpu_count() or 1
    settings = {
        "Tags": tags, "OnUpload": False, "Workers": workers, **REWRITTEN, **settings,
    }  # fmt: skip
    server = Server(folder, configuration={**(orthanc or {}), "BodyPart": settings}).start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: server.upload(files(number)), range(count)))
    return server


def film_of_two(number: int) -> bytes:
    """Return a small film; one with an even number and the next are of one series."""
    keywords = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
    uids = {k: generate_uid(entropy_srcs=[k, str(number // 2)]) for k in keywords}
    return file_bytes(radiograph("hand", rows=160, columns=128, **uids))


def backfilled(server: Server, count: int) -> tuple[float, float]:
    """Return instances a second, files included, and Orthanc's processor time of one in ms."""
    assert server.process
    used, began = processor_seconds(server.process.pid), time.perf_counter()
    server.request("POST", "/bodypart/backfill", json={})
    server.wait_until(lambda: server.get("/bodypart/backfill")["state"] == "done", 900, 0.25)
    server.settle(900)
    server.wait_until(lambda: waiting(server, "rewrite") == 0, 900, 0.1)
    seconds = time.perf_counter() - began
    return count / seconds, 1000 * (processor_seconds(server.process.pid) - used) / count


def corrections(server: Server, count: int) -> None:
    """Print how long corrections take, from a few clients and from a crowd."""
    ids = server.get("/instances")
    parts = itertools.cycle(("foot", "knee", "elbow"))

    def correct(work: tuple[str, str]) -> tuple[float, int]:
        instance, part = work
        began = time.perf_counter()
        answer = server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": part})
        return time.perf_counter() - began, answer.status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = list(
            pool.map(
                correct, zip(itertools.islice(itertools.cycle(ids), count), parts, strict=False)
            )
        )
    assert {status for _, status in done} == {200}
    seconds = sorted(taken for taken, _ in done)
    server.settle(600)
    with ThreadPoolExecutor(CROWD + 1) as pool:
        crowd = [pool.submit(correct, work) for work in zip(ids[:CROWD], parts, strict=False)]
        system = []
        while not all(one.done() for one in crowd):
            began = time.perf_counter()
            server.get("/system")
            system.append(time.perf_counter() - began)
            time.sleep(0.02)
        statuses = [one.result()[1] for one in crowd]
    assert set(statuses) <= {200, 503}
    print("\n| corrections in place | ms | target |")
    print("|---|---|---|")
    print(f"| {CLIENTS} clients, median | {1000 * statistics.median(seconds):.0f} | – |")
    print(f"| {CLIENTS} clients, 95 % | {1000 * seconds[int(0.95 * count)]:.0f} | 150 |")
    print(f"| `/system` beside {CROWD} at once, longest | {1000 * max(system):.0f} | 1000 |")
    print(
        f"\nOf {CROWD} at once {statuses.count(200)} were answered, the others sent away with 503."
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--quick", type=int, default=1500)
    parser.add_argument("--corrections", type=int, default=160)
    given = parser.parse_args()

    def picture(_: int) -> bytes:
        return file_bytes(
            radiograph(
                "hand",
                rows=2048,
                columns=2048,
                BodyPartExamined="EXTREMITY",
                PatientID=generate_uid(),
            )
        )

    stock = {
        "CR of 8 MB, tags none": ("none", picture, given.pictures, "55"),
        "CR of 8 MB, tags in place": ("in-place", picture, given.pictures, "40"),
        "the same, `StoreMD5ForAttachments` false": ("in-place", picture, given.pictures, "–"),
        "decoders that answer at once, tags none": ("none", film_of_two, given.quick, "180"),
    }
    print("| back-fill | a second | target | Orthanc's processor time of one, ms; target 7 |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, (tags, files, count, target) in stock.items():
            place = Path(folder) / name.replace(" ", "-")
            quick = {"Python": at_once(place)} if "at once" in name else {}
            orthanc = {"StoreMD5ForAttachments": False} if "MD5" in name else {}
            server = filled(place, tags, files, count, orthanc, **quick)
            try:
                rate, processor = backfilled(server, count)
                print(f"| {name} | {rate:.0f} | {target} | {processor:.1f} |", flush=True)
            finally:
                server.close()
        server = filled(Path(folder) / "corrections", "in-place", picture, CROWD)
        try:
            backfilled(server, CROWD)
            corrections(server, given.corrections)
        finally:
            server.close()


if __name__ == "__main__":
    main()
