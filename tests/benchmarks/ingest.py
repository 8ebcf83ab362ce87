"""How fast Orthanc takes pictures in: bare, with the plugin, and with tags written in place.

    python tests/benchmarks/ingest.py [--rounds 2]

Uploads radiographs of 8 MB and CT slices of 512 kB by REST (one and four connections) and by
C-STORE, in turn to the Orthancs, another one first each time, each with a disk that has written
what came before: so a drift of the machine hits them alike. Prints the rate relative to the bare
one's of the same round, median of the rounds, of which short studies get more by REST. Beside them
stands an Orthanc with a script whose callbacks do nothing: what it loses, Orthanc's Python takes
for calling them, whatever they do.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from orthanc_server import Server
from phantoms import file_bytes, foreign, radiograph

SHORT = 100
"""Megabytes; what is shorter is sent three times as often by REST."""
FILES = {
    "12 CR of 8 MB": (12, 8),
    "60 CR of 8 MB": (60, 8),
    "60 CT slices of 512 kB": (60, 0.5),
    "400 CT slices of 512 kB": (400, 0.5),
}
"""A study each, and streams that last longer than what is waited for as a burst."""
PLUGINS = ("Gdcm", "DicomWeb")
C_STORE_AT_MOST = 100
"""Files: DCMTK's sender is slow with many small ones, so the streams go by REST alone."""


def pictures(kind: str, count: int) -> list[bytes]:
    """Return files that differ in their UIDs."""
    if "CR" in kind:
        made = (radiograph("hand", rows=2048, columns=2048) for _ in range(count))
    else:
        made = (
            foreign("CT", rows=512, columns=512, BodyPartExamined="CHEST") for _ in range(count)
        )
    return [file_bytes(dataset) for dataset in made]


def by_rest(server: Server, files: list[bytes], connections: int) -> float:
    """Return the seconds that uploads take; each connection is kept open."""
    session = requests.Session()
    os.sync()
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        for answer in pool.map(lambda f: session.post(f"{server.url}/instances", data=f), files):
            answer.raise_for_status()
    return time.perf_counter() - started


def by_c_store(server: Server, files: list[bytes], folder: Path) -> float:
    """Return the seconds that one association takes to send the files."""
    for number, data in enumerate(files):
        (folder / f"{number}.dcm").write_bytes(data)
    os.sync()
    started = time.perf_counter()
    subprocess.run(
        ["storescu", "+sd", "127.0.0.1", str(server.dicom_port), str(folder)], check=True
    )
    seconds = time.perf_counter() - started
    for path in folder.iterdir():
        path.unlink()
    return seconds


def plugin(name: str) -> str:
    """Return where Debian puts a plugin of Orthanc."""
    return f"/usr/share/orthanc/plugins/libOrthanc{name}.so"


class Bare(Server):
    """An Orthanc without the plugin."""

    def start(self, *, wait: bool = True) -> Server:
        """Start it on a configuration of its own."""
        configuration = {
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "StorageDirectory": str(self.storage / "db"),
            "IndexDirectory": str(self.storage / "db"),
            "HttpCompressionEnabled": False,
            "Plugins": [plugin(name) for name in PLUGINS],
            **self.configuration,
        }
        path = self.storage / "bare.json"
        path.write_text(json.dumps(configuration))
        self.process = subprocess.Popen(
            ["Orthanc", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.wait_until(self._answers, 30)
        return self

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/system", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


class Idle(Bare):
    """An Orthanc with a script that has the plugin's callbacks, and does nothing in them."""

    def start(self, *, wait: bool = True) -> Server:
        """Start it on a configuration of its own."""
        script = self.storage / "idle.py"
        script.write_text(
            "import orthanc\n"
            "orthanc.RegisterOnStoredInstanceCallback(lambda dicom, instance: None)\n"
            "orthanc.RegisterOnChangeCallback(lambda change, level, resource: None)\n"
        )
        self.configuration = {
            "Plugins": [plugin(name) for name in (*PLUGINS, "Python")],
            "PythonScript": str(script),
        }
        return super().start(wait=wait)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers = {
            "bare": Bare(folder / "bare").start(),
            "idle": Idle(folder / "idle").start(),
            "plugin": Server(folder / "none", configuration={"BodyPart": {"Tags": "none"}}).start(),
            "in-place": Server(folder / "in-place").start(),
        }
        sent = folder / "sent"
        sent.mkdir()
        try:
            table(servers, rounds, sent)
        finally:
            for server in servers.values():
                server.close()


def table(servers: dict[str, Server], rounds: int, sent: Path) -> None:
    """Measure and print."""
    ways = {
        "REST x1": lambda server, files: by_rest(server, files, 1),
        "REST x4": lambda server, files: by_rest(server, files, 4),
        "C-STORE": lambda server, files: by_c_store(server, files, sent),
    }
    print("The target is 0.95 of the bare Orthanc's rate, with the plugin.\n")
    print("| files | way | bare, MB/s | idle callbacks | with the plugin | with tags in place |")
    print("|---|---|---|---|---|---|")
    for kind, (count, megabytes) in FILES.items():
        for way, send in ways.items():
            if way == "C-STORE" and count >= C_STORE_AT_MOST:
                continue
            rates: dict[str, list[float]] = {name: [] for name in servers}
            order = deque(servers)
            more = 3 if way != "C-STORE" and count * megabytes < SHORT else 1
            for _ in range(rounds * more):
                order.rotate(1)
                for name in order:
                    server = servers[name]
                    seconds = send(server, pictures(kind, count))
                    rates[name].append(count * megabytes / seconds)
                    if name in ("plugin", "in-place"):
                        server.settle(300)
            bare = rates.pop("bare")
            ratios = [
                statistics.median(one / other for one, other in zip(found, bare, strict=True))
                for found in rates.values()
            ]
            shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"| {kind} | {way} | {statistics.median(bare):.0f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
