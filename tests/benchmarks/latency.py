"""From upload to annotation, and what it costs in memory.

    python tests/benchmarks/latency.py [--images 5000]

Uploads raw 3000 x 2500 radiographs (15 MB) one at a time to an idle Orthanc and waits for each to
be stored and annotated; then a stream of small ones, watching the memory of Orthanc, service and
decoder.
Orthanc's cache of files is off there, and its threads share one arena of memory: how the cache
fills and frees 128 MB, and which of five arenas of a few MB are used, would hide what is added.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.ingest import Bare
from orthanc_server import Server
from phantoms import file_bytes, radiograph

SINGLE_UPLOADS = 100
FIRST_UPLOADS = 5
"""Not counted: what a decoder takes from the system once, it takes for these."""
STEADY = {"MaximumStorageCacheSize": 0, "MallocArenaMax": 1}
TARGETS = {"none": 120, "in-place": 200}


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def uploads(server: Server) -> tuple[list[float], list[float]]:
    """Return seconds from the start of each upload to Orthanc's answer, and to its metadata."""
    stored, annotated = [], []
    for _ in range(FIRST_UPLOADS + SINGLE_UPLOADS):
        data = file_bytes(radiograph("hand", rows=3000, columns=2500, BodyPartExamined="HAND"))
        started = time.perf_counter()
        instance = server.upload(data)
        stored.append(time.perf_counter() - started)
        while server.metadata("instances", instance, "BodyPart") is None:
            time.sleep(0.002)
        annotated.append(time.perf_counter() - started)
    return stored[FIRST_UPLOADS:], annotated[FIRST_UPLOADS:]


def median_and_p95(seconds: list[float]) -> str:
    """Return two cells, in milliseconds."""
    p95 = sorted(seconds)[int(0.95 * len(seconds))]
    return f"{statistics.median(seconds) * 1000:.0f} | {p95 * 1000:.0f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as name:
        print("| Tags | stored, median ms | p95 | annotated, median ms | p95 | target |")
        print("|---|---|---|---|---|---|")
        for tags, target in TARGETS.items():
            server = Server(Path(name) / tags, configuration={"BodyPart": {"Tags": tags}}).start()
            try:
                stored, annotated = map(median_and_p95, uploads(server))
            finally:
                server.close()
            print(f"| {tags} | {stored} | {annotated} | {target} |")
        print()
        memory(Path(name), images)


def memory(folder: Path, images: int) -> None:
    """Stream images into a bare Orthanc and into one with the plugin, and print their memory."""
    small = [radiograph("hand", rows=480, columns=400) for _ in range(20)]
    bare = Bare(folder / "bare", configuration=STEADY).start()
    configuration = {**STEADY, "BodyPart": {"Tags": "none"}}
    full = Server(folder / "full", configuration=configuration).start()
    lines = []
    try:
        for count in (images // 10, images):
            while json.loads(full.request("GET", "/statistics").text)["CountInstances"] < count:
                for dataset in small:
                    fresh = radiograph("hand", rows=480, columns=400)
                    fresh.PixelData = dataset.PixelData
                    for server in (bare, full):
                        server.upload(file_bytes(fresh))
            full.settle(600)
            assert bare.process and full.process
            plugin = resident(full.process.pid) - resident(bare.process.pid)
            service = max(resident(pid) for pid in full.services())
            worker = max(resident(pid) for pid in full.workers())
            lines.append((count, plugin, service, worker))
    finally:
        bare.close()
        full.close()
    print("| MB after images | added to Orthanc, `MallocArenaMax` 1 | the service | a decoder |")
    print("|---|---|---|---|")
    for count, plugin, service, worker in lines:
        print(f"| {count} | {plugin:.0f} | {service:.0f} | {worker:.0f} |")
    print("| target | 15 | 150 | 350 |")


if __name__ == "__main__":
    main()
