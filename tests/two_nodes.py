"""Two real Orthancs on one PostgreSQL, corrected and killed; and checks of what must hold then."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pydicom
import requests

from bodypart.labels import BY_LABEL
from orthanc_server import Server
from phantoms import file_bytes, radiograph
from postgres import PLUGIN, Postgres

LABELS = ("wrist", "hand", "foot", "knee")
OWN_METADATA, OWN_ATTACHMENT = "3400", "3401"
"""Metadata and attachment of an operator, at all levels, which no rewrite may lose."""
_OWN_LABEL = "operators-own"
_LONGEST_REQUEST = 20.0


class TwoNodes:
    """Two Orthancs, one index and one set of records in PostgreSQL, one folder of files.

    Parameters
    ----------
    folder : Path
        Folder for their logs.
    target : str
        The Debian whose Orthancs are started.
    count : int
        Number of nodes, two at most.
    settings
        Further keys of the section ``BodyPart``.
    """

    def __init__(
        self, folder: Path, target: str = "bookworm", *, count: int = 2, **settings: object
    ) -> None:
        self.database = Postgres(target)
        self.servers: list[Server] = []
        for name in ("one", "two")[:count]:
            configuration = {
                "Name": name,
                "DatabaseServerIdentifier": name,
                "Plugins": [str(PLUGIN.with_name("libOrthancPython.so")), str(PLUGIN)],
                "PostgreSQL": self.database.section(),
                "BodyPart": {"Database": self.database.url, "Tags": "in-place", **settings},
            }
            self.servers.append(Server(folder / name, target, configuration=configuration))
        first, *others = self.servers
        (first.storage / "db").mkdir()
        for server in others:
            (server.storage / "db").symlink_to(first.inside / "db")

    def __enter__(self) -> TwoNodes:
        self.database.start()
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the Orthancs and the database, and remove their data."""
        for server in self.servers:
            server.close()
        self.database.stop()

    def settle(self, limit: float = 120.0) -> None:
        """Wait until nothing is left to do on any node, rewrites and roll-ups included."""
        alive = [
            server for server in self.servers if server.process and server.process.poll() is None
        ]

        def is_settled() -> bool:
            # First Orthanc's change log, then the tasks that were made of it.
            unread = [server.status()["queue"]["pending"] for server in alive]
            return not any(unread) and self.open_tasks() == 0

        alive[0].wait_until(is_settled, limit, 0.2)

    def open_tasks(self) -> int:
        """Return how many tasks there are, not counting reconstructions and reports."""
        return self.database.value(
            "SELECT count(*) FROM bodypart.tasks WHERE kind NOT IN ('reconstruct', 'report')"
        )

    def claims_of(self, name: str) -> int:
        """Return how many tasks a node has claimed."""
        return self.database.value(
            f"SELECT count(*) FROM bodypart.tasks WHERE claimed_by LIKE '% {name} %'"
        )

    def make_claims_older(self, seconds: float) -> None:
        """Let the claims of all nodes end earlier, as if time had passed."""
        self.database.value(
            f"WITH older AS (UPDATE bodypart.tasks SET claimed_until = claimed_until - {seconds}"
            " RETURNING 1) SELECT count(*) FROM older"
        )


def upload(nodes: TwoNodes, count: int, *, in_a_series: int = 1) -> list[str]:
    """Send pictures to the nodes in turn, ``in_a_series`` to each series; return their ids."""
    found = []
    for n in range(count):
        number = n // in_a_series
        series = {
            "PatientID": f"P{number // 2}",
            "StudyInstanceUID": f"1.2.826.0.1.3680043.8.498.1.{number // 2}",
            "SeriesInstanceUID": f"1.2.826.0.1.3680043.8.498.2.{number}",
        }
        part = ("hand", "knee")[number % 2]
        headers = {**series, "BodyPartExamined": part.upper()}
        data = file_bytes(radiograph(part, rows=160, columns=128, **headers))
        found.append(nodes.servers[n % len(nodes.servers)].upload(data))
    return found


def answers(server: Server) -> int:
    """Return how many instances a node has annotated since its service started."""
    lines = server.request("GET", "/tools/metrics-prometheus").text.splitlines()
    counts = [line.split()[1] for line in lines if line.startswith("bodypart_annotated ")]
    return int(float(counts[0])) if counts else 0


def put_what_is_not_ours(server: Server, instances: list[str]) -> dict[str, set[str]]:
    """Put metadata, attachments and, from Orthanc 1.12, labels on all levels; return their ids."""
    levels: dict[str, set[str]] = {"instances": set(instances)}
    for instance in instances:
        for level, resource in server.above(instance).items():
            levels.setdefault(level, set()).add(resource)
    for level, resources in levels.items():
        for resource in resources:
            for path in (f"metadata/{OWN_METADATA}", f"attachments/{OWN_ATTACHMENT}"):
                answer = server.request("PUT", f"/{level}/{resource}/{path}", data=resource)
                assert answer.status_code == 200, answer.text
            if has_labels(server):
                server.request("PUT", f"/{level}/{resource}/labels/{_OWN_LABEL}", data="")
    return levels


def has_labels(server: Server) -> bool:
    """Return whether this Orthanc has labels (1.12 and later)."""
    return server.target != "bookworm"


def correct(
    nodes: TwoNodes, instances: list[str], corrections: int, kills: int, seed: int = 1
) -> dict[str, str]:
    """Correct instances on both nodes while nodes are killed; return the words that were accepted.

    Parameters
    ----------
    nodes : TwoNodes
        The nodes; Orthanc and service of each are killed in turn, at random moments.
    instances : list of str
        Each correction is of one of them, chosen at random.
    corrections, kills : int
        How many; a correction without an answer is sent again, to the other node.
    seed : int
        Seed of all random choices.

    Returns
    -------
    dict of str
        For each correction that was answered with 200, its comment and its instance.
    """
    taken: dict[str, str] = {}
    over = threading.Event()

    def speak(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        instance = chance.choice(instances)
        word = {"examined": chance.choice(LABELS), "comment": f"word {number}"}
        for attempt in range(200):
            server = nodes.servers[(number + attempt) % 2]
            with contextlib.suppress(requests.RequestException):
                url = f"{server.url}/bodypart/instances/{instance}"
                answer = requests.put(url, json=word, timeout=_LONGEST_REQUEST)
                if answer.status_code == 200:
                    taken[word["comment"]] = instance
                    return
                assert answer.status_code in (404, 500, 503), answer.text
            time.sleep(0.2)
        raise AssertionError(f"{word} was not taken in by either node")

    def kill() -> None:
        chance = random.Random(seed)
        for number in range(kills):
            time.sleep(chance.uniform(0.3, 1.5))
            server = nodes.servers[number // 2 % 2]
            if number % 2:
                for pid in server.services():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            else:
                server.kill()
                time.sleep(chance.uniform(0.1, 1.0))
                server.start()
        over.set()

    with ThreadPoolExecutor(5) as pool:
        killer = pool.submit(kill)
        spoken = [pool.submit(speak, number) for number in range(corrections)]
        for future in spoken:
            future.result()
        killer.result()
    return taken


def faults(nodes: TwoNodes, levels: dict[str, set[str]], taken: dict[str, str]) -> Counter[str]:
    """Return the number of faults of each kind; it must be empty.

    Checks the answers of Orthanc and plugin on both nodes: metadata, DICOM tag, index, labels and
    attachments of each instance and the levels above, and whether each word is in the audit trail.
    """
    one, two = nodes.servers
    found: Counter[str] = Counter()
    trail = two.get("/bodypart/audit?limit=10000")
    said = {event["comment"] for event in trail}
    found["word"] += sum(comment not in said for comment in taken)
    last = {event["instance"]: event["new"] for event in trail}
    by_label = {
        label: {
            row["id"]
            for row in one.request("POST", "/bodypart/find", json={"Examined": label}).json()
        }
        for label in LABELS
    }
    for instance in levels["instances"]:
        annotation = one.get(f"/bodypart/instances/{instance}")
        label = (annotation["examined"] or {}).get("label")
        found["word"] += instance in last and label != last[instance]
        found["metadata"] += two.get(f"/bodypart/instances/{instance}") != annotation
        found["tag"] += not _file_follows(one, instance, annotation)
        indexed = [name for name, ids in by_label.items() if instance in ids]
        found["index"] += indexed != [name for name in LABELS if name == label]
    for level, resources in levels.items():
        for resource in resources:
            found += _faults_of(two, level, resource)
    return +found


def _file_follows(server: Server, instance: str, annotation: dict[str, Any]) -> bool:
    tags = annotation["tags"]
    file = server.request("GET", f"/instances/{instance}/file").content
    stands = pydicom.dcmread(io.BytesIO(file)).get("BodyPartExamined")
    if tags.get("mixed_series"):
        # The file keeps its own value, and the annotation says that the series is mixed.
        return tags["state"] in ("written", "none", "refused")
    if annotation["examined"] is None:
        return tags["state"] == "none"
    part = BY_LABEL[annotation["examined"]["label"]].body_part_examined
    return tags["state"] in ("written", "none") and stands == part


def _faults_of(server: Server, level: str, resource: str) -> Counter[str]:
    found: Counter[str] = Counter()
    note = server.get(f"/bodypart/{level}/{resource}")
    kept = json.loads(server.metadata(level, resource, "BodyPart") or "{}")
    code = (note["examined"] or {}).get("code", {}).get("value")
    same = kept.get("examined") == note["examined"] and kept.get("parts") == note.get("parts")
    found["metadata"] += not same
    found["metadata"] += server.metadata(level, resource, "BodyPartExamined") != code
    found["metadata"] += server.metadata(level, resource, OWN_METADATA) != resource
    path = f"/{level}/{resource}/attachments/{OWN_ATTACHMENT}/data"
    found["attachment"] += server.request("GET", path).text != resource
    if has_labels(server):
        parts = {part["label"] for part in note.get("parts", ())}
        parts |= {note["examined"]["label"]} if note["examined"] else set()
        wanted = {f"bodypart-{part.replace('_', '-')}" for part in parts} | {_OWN_LABEL}
        wanted |= {"bodypart-review"} if note["needs_review"] else set()
        found["label"] += set(server.get(f"/{level}/{resource}/labels")) != wanted
    return found
