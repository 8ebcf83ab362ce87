"""Kill all that takes part in a back-fill, again and again: what is lost, what is done twice?

    python tests/benchmarks/kills.py [--instances 300] [--times 3]

A driver leads Ray actors on two nodes while actors, one node's raylet, the driver, Orthanc and the
service are killed with SIGKILL in turn. The driver alone is typed again; the node joins again, as
its system service would have it. Then the same with Orthanc away for a minute, and with instances
deleted and corrected that are lent just then.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests
from pydicom.uid import generate_uid

from orthanc_server import Server
from phantoms import file_bytes, radiograph
from ray_cluster import Node, RayCluster

_LIMIT = 600.0
_BETWEEN = 3.0
_TOUCHED = 5
"""Instances that are deleted each time, and as many that are corrected."""
OLD_STOCK = {"BodyPart": {"OnUpload": False, "Tags": "none"}}
"""A rewritten file gets its metadata back, which the change log tells like a second annotation."""


class Scene:
    """An Orthanc with old stock, a cluster of a head and a node, and a driver."""

    def __init__(self, folder: Path, instances: int) -> None:
        self.server = Server(folder, configuration=OLD_STOCK).start()
        self.ids = {
            self.server.upload(
                file_bytes(radiograph("hand", rows=1500, columns=1500, PatientID=generate_uid()))
            )
            for _ in range(instances)
        }
        # The driver's own machine lends no processor, the other two one each.
        self.cluster = RayCluster().start(0, 1, 1)
        self.reviewed: set[str] = set()
        self.typed = 0
        self.said = folder / "driver.log"
        self.drive()

    def drive(self) -> None:
        """Type the command."""
        self.typed += 1
        command = [sys.executable, "-m", "backfill", self.server.url]
        self.driver = subprocess.Popen(
            [*command, "--ray", self.cluster.address, "--workers", "2"],
            env=self.cluster.environment,
            stdout=self.said.open("ab"),
            stderr=subprocess.STDOUT,
        )

    def state(self) -> str:
        """Return the state of the back-fill, empty while Orthanc is away."""
        try:
            answer = self.server.request("GET", "/bodypart/backfill")
        except requests.ConnectionError:
            return ""
        return str(answer.json()["state"]) if answer.status_code == 200 else ""

    def kill_actor(self) -> None:
        """Kill the process of one worker; Ray starts another."""
        actors = [pid for node in self.cluster.nodes for pid in node.processes("ray::Worker")]
        for pid in actors[:1]:
            os.kill(pid, signal.SIGKILL)

    def kill_raylet(self) -> None:
        """Kill what stands for a machine, and have the machine join again."""
        node: Node = self.cluster.nodes.pop()
        node.kill_raylet()
        self.cluster.add(1)

    def kill_driver(self) -> None:
        """Kill the command, and type it again."""
        self.driver.kill()
        self.driver.wait()
        self.drive()

    def kill_orthanc(self) -> None:
        """Kill Orthanc, and with it the service, and start it."""
        self.server.kill()
        self.server.start(wait=False)

    def kill_service(self) -> None:
        """Kill the service; Orthanc's side starts it again."""
        for pid in self.server.services():
            os.kill(pid, signal.SIGKILL)

    def orthanc_away(self) -> None:
        """Have Orthanc away for a minute."""
        self.server.kill()
        time.sleep(60)
        self.server.start(wait=False)

    def delete_and_review(self) -> None:
        """Delete some that nobody has annotated yet, and correct others; most of them are lent."""
        waiting = [
            one
            for one in sorted(self.ids - self.reviewed)
            if self.server.get(f"/bodypart/instances/{one}")["status"] == "pending"
        ]
        deleted, reviewed = waiting[-_TOUCHED:], waiting[-2 * _TOUCHED : -_TOUCHED]
        for instance in deleted:
            assert self.server.request("DELETE", f"/instances/{instance}").status_code == 200
        for instance in reviewed:
            path = f"/bodypart/instances/{instance}"
            assert self.server.request("PUT", path, json={"examined": "foot"}).status_code == 200
        self.ids -= set(deleted)
        self.reviewed |= set(reviewed)

    def wait(self) -> float:
        """Wait until all is annotated; return the seconds it took."""
        begun = time.monotonic()
        while self.state() != "done":
            if time.monotonic() - begun > _LIMIT:
                break
            time.sleep(0.5)
        self.driver.wait(60)
        return time.monotonic() - begun

    def lost_and_twice(self) -> tuple[int, int]:
        """Return how many have no annotation, or the wrong one, and how many were annotated twice.

        Wrong is that of a deleted instance, and one that is not the person's.
        """
        self.server.wait_until(lambda: self.server.status()["ready"], 90)
        self.server.settle(120)
        answer = self.server.request(
            "POST", "/bodypart/find", json={"Level": "Instance", "Limit": 10_000}
        )
        notes = {found["id"]: found["annotation"] for found in answer.json()}
        kept = {one for one in self.reviewed if notes[one]["examined"]["label"] == "foot"}
        lost = (self.ids - set(notes)) | (set(notes) - self.ids) | (self.reviewed - kept)
        written: Counter[str] = Counter()
        since = 0
        while page := self.server.get(f"/changes?since={since}&limit=1000")["Changes"]:
            since = page[-1]["Seq"]
            written.update(c["ID"] for c in page if c["ChangeType"] == "UpdatedMetadata")
        # An annotation is two values: the code, and the whole. What is corrected before anything
        # looked at it is written with the word, and again with what the picture shows.
        twice = sum(written[instance] > 2 for instance in self.ids - self.reviewed)
        return len(lost), twice

    def close(self) -> None:
        """End everything."""
        if self.driver.poll() is None:
            self.driver.kill()
            self.driver.wait()
        self.cluster.close()
        self.server.close()


KILLED: dict[str, Callable[[Scene], None]] = {
    "actor": Scene.kill_actor,
    "raylet": Scene.kill_raylet,
    "driver": Scene.kill_driver,
    "Orthanc": Scene.kill_orthanc,
    "service": Scene.kill_service,
    "Orthanc, away for a minute": Scene.orthanc_away,
    f"nothing; {_TOUCHED} deleted, {_TOUCHED} corrected while lent": Scene.delete_and_review,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=300)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", choices=tuple(KILLED))
    given = parser.parse_args()
    print("| killed | times | instances | lost or wrong | annotated twice | typed again |")
    print("|---|---|---|---|---|---|")
    for name in [given.only] if given.only else KILLED:
        times = 1 if "minute" in name else given.times
        with tempfile.TemporaryDirectory() as folder:
            scene, done = Scene(Path(folder) / "server", given.instances), 0
            try:
                for _ in range(times):
                    time.sleep(_BETWEEN)
                    if scene.state() == "done":
                        break  # Too few instances for so many times.
                    KILLED[name](scene)
                    done += 1
                scene.wait()
                lost, twice = scene.lost_and_twice()
            finally:
                scene.close()
        print(
            f"| {name} | {done} | {given.instances} | {lost} | {twice} | {scene.typed - 1} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
