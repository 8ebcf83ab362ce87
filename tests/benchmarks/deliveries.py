"""Deliveries under kills.

    python tests/benchmarks/deliveries.py [--instances 250] [--kills 20]

Each instance goes to a second Orthanc by C-STORE, by STOW-RS and as a peer, and to storescp. All
start down; storescp then refuses, before it takes pictures. Meanwhile Orthanc and the service are
killed in turn. What arrived is counted at the receivers.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pydicom

from nodes import BareOrthanc, storescp
from orthanc_server import Server, free_port
from phantoms import file_bytes, foreign

LIMIT = 1200.0
COUNTING = """
function ReceivedInstanceFilter(dicom, origin)
    print("RECEIVED " .. dicom.SOPInstanceUID .. " " .. origin.RequestOrigin)
    return true
end
"""
"""Has the receiver write down what it is sent, also what it has already."""
ORIGIN = {
    "modality:RECEIVER": "DicomProtocol",
    "peer:RECEIVER": "RestApi",
    "dicomweb:RECEIVER": "Plugins",
    "modality:STORESCP": "storescp",
}
TO = tuple(ORIGIN)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=250)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        under_kills(Path(folder), given.instances, given.kills)


def under_kills(folder: Path, instances: int, kills: int) -> None:
    """Deliver while Orthanc and the service are killed in turn."""
    port = free_port()
    script = folder / "received.lua"
    script.write_text(COUNTING)
    receiver = BareOrthanc(folder / "receiver", "RECEIVER", {"LuaScripts": [str(script)]})
    server = Server(folder / "server", configuration=configuration(receiver, port))
    received = folder / "received"
    try:
        server.start()
        for _ in range(instances):
            server.upload(file_bytes(foreign("SR")))
        server.settle(600)
        receiver.start()
        for number in range(kills):
            # While the first half lasts, storescp takes associations and refuses pictures.
            options = ("--refuse",) if number < kills / 2 else ()
            with storescp(received if not options else folder / "refused", port, *options):
                time.sleep(2)
                kill(server, orthanc=number % 2 == 0)
        with storescp(received, port):
            end = time.monotonic() + LIMIT
            while unfinished(server) and time.monotonic() < end:
                time.sleep(1)
        report(server, receiver, received, instances)
    finally:
        receiver.kill()
        server.close()


def configuration(receiver: BareOrthanc, port: int) -> dict[str, Any]:
    """Return that of the Orthanc that sends."""
    return {
        "StableAge": 1,
        "DicomModalities": {
            "RECEIVER": receiver.modality,
            "STORESCP": ["STORESCP", "127.0.0.1", port],
        },
        "OrthancPeers": {"RECEIVER": [receiver.url]},
        "DicomWeb": {"Servers": {"RECEIVER": [f"{receiver.url}/dicom-web/"]}},
        "BodyPart": {
            "Tags": "none",
            "RouteRetryDelay": 0.5,
            "RouteRetryCeiling": 3.0,
            "RouteRetries": 10_000,
            "Routes": [{"Name": "all", "If": {}, "To": list(TO), "Urgent": True}],
        },
    }


def kill(server: Server, *, orthanc: bool) -> None:
    """Kill Orthanc, or the service alone, and wait until all is there again."""
    if orthanc:
        server.kill()
        server.start()
        return
    before = server.services()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    server.wait_until(lambda: server.services() not in (before, []), 90)
    server.wait_until(lambda: answers(server), 90)


def answers(server: Server) -> bool:
    """Tell whether the service answers."""
    return server.request("GET", "/bodypart/status").status_code == 200


def unfinished(server: Server) -> bool:
    """Tell whether anything waits or is being sent."""
    path = "/bodypart/deliveries?state=waiting,sending&limit=1"
    answer = server.request("GET", path)
    return answer.status_code != 200 or bool(answer.json()["deliveries"])


def report(server: Server, receiver: BareOrthanc, received: Path, instances: int) -> None:
    """Print what the outbox says against what the receivers took."""
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        page = server.get(f"/bodypart/deliveries?limit=1000{after}")
        rows += page["deliveries"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    taken = Counter(re.findall(r"RECEIVED (\S+) (\S+)", (receiver.folder / "log").read_text()))
    for path in received.iterdir():
        uid = pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
        taken[uid, "storescp"] += 1
    wanted = instances * len(TO)
    delivered = {
        (uid_of(server, row["instance"]), ORIGIN[row["destination"]])
        for row in rows
        if row["state"] == "delivered"
    }
    twice = sum(number - 1 for number in taken.values())
    print("| deliveries | delivered | lost | sent twice | falsely delivered |")
    print("|---|---|---|---|---|")
    print(
        f"| {wanted} | {len(delivered)} | {wanted - len(taken)} "
        f"| {twice} ({twice / wanted:.1%}) | {len(delivered - set(taken))} |"
    )
    others = Counter(row["state"] for row in rows if row["state"] != "delivered")
    if others:
        print(f"\nNot delivered at the end: {dict(others)}")


def uid_of(server: Server, instance: str) -> str:
    """Return the SOP Instance UID of an instance."""
    return str(server.get(f"/instances/{instance}")["MainDicomTags"]["SOPInstanceUID"])


if __name__ == "__main__":
    main()
