"""An archive of a million instances: lists, ``find``, status, and what idling costs.

    python tests/benchmarks/large.py [--instances 1000000]

A real Orthanc whose index, and ours, are filled by this script: every instance stands in both, its
file nowhere. Those of the first pages have their annotation in Orthanc's metadata as well, which
is what ``find`` answers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.latency import resident
from bodypart.annotation import Annotation, Examined
from bodypart.evidence import Guess
from bodypart.labels import LABELS, router_group
from orthanc_server import Server
from phantoms import file_bytes, radiograph
from service.databases.tables import counts, instances, mentions
from service.orthanc_api.resources import Parents
from service.records.rows import mentions_of, row_of

SERIES, STUDY, PATIENT = 2, 4, 8
"""Instances of each."""
PATIENT_TYPE, STUDY_TYPE, SERIES_TYPE, INSTANCE_TYPE = 1, 2, 3, 4
METADATA = 3301
"""The number of our metadata in the shipped configuration."""
AT_ONCE = 5_000
QUICKLY = ("PRAGMA cache_size = -800000", "PRAGMA synchronous = OFF", "PRAGMA temp_store = MEMORY")
"""Nobody needs what a fall of the machine would take."""
READ = "06"
"""Ids below it have an annotation in Orthanc's metadata: a fortieth of all."""
REPEATS = 9
IDLE_SECONDS = 30
LISTS = {
    "work list, what needs a review": "/bodypart/worklist",
    "work list, all": "/bodypart/worklist?show=all",
    "work list, knees": "/bodypart/worklist?show=all&label=knee",
    "sheet, what is open": "/bodypart/sheet",
    "sheet, all, by part": "/bodypart/sheet?show=all&group=answer",
    "sheet, all, newest first": "/bodypart/sheet?show=all&order=new",
    "sheet, a side of a part of a year": (
        "/bodypart/sheet?show=all&label=hand&side=L&from=20250101&to=20251231"
    ),
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "find: knees": {"Examined": "knee"},
    "find: knees, both sources": {"Examined": "knee", "Evidence": "both"},
    "find: upper limbs, any source": {"Examined": "upper_limb", "Evidence": "any"},
    "find: visible patella and knee": {"Visible": ["patella", "knee"]},
    "find: spine group that needs review": {"Group": "spine", "NeedsReview": True},
    "find: studies with a chest": {"Level": "Study", "Examined": "chest"},
}
OTHERS = {"status": "/bodypart/status", "back-fill's progress": "/bodypart/backfill"}


def identifier(kind: int, number: int) -> str:
    """Return an id as Orthanc makes them: a SHA-1 sum, in five groups."""
    text = hashlib.sha1(f"{kind} {number}".encode()).hexdigest()
    return "-".join(text[start : start + 8] for start in range(0, 40, 8))


def annotations(count: int) -> Iterator[tuple[Annotation, Parents]]:
    """Yield instances of all parts, dates and states as they come."""
    chance = random.Random(1)
    for number in range(count):
        part = chance.choice(LABELS)
        review = chance.random() < 0.05
        probability = round(chance.uniform(0.3, 1.0), 4)
        guesses = tuple(Guess(label, 0.9) for label in part.visible)
        annotation = Annotation(
            identifier(INSTANCE_TYPE, number),
            "done",
            examined=Examined(part.label, probability, "image+header"),
            visible=guesses,
            group=router_group(part.label, child=False),
            image={"top": [guesses[0].to_json()], "rejected": False},
            header={"label": part.label, "labels": [part.label], "evidence": []},
            agreement="conflict" if review else "agree",
            needs_review=review,
        )
        day = f"20{chance.randint(10, 26)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        parents = Parents(
            identifier(SERIES_TYPE, number // SERIES),
            identifier(STUDY_TYPE, number // STUDY),
            identifier(PATIENT_TYPE, number // PATIENT),
            "DX",
            day,
        )
        yield annotation, parents


def fill(storage: Path, count: int) -> None:
    """Fill both indexes while Orthanc is stopped."""
    ours = sa.create_engine(f"sqlite:///{storage / 'bodypart-index.sqlite'}")
    with sqlite3.connect(storage / "index") as theirs, ours.begin() as connection:
        for pragma in QUICKLY:
            theirs.execute(pragma)
            connection.execute(sa.text(pragma))
        (last,) = theirs.execute("SELECT COALESCE(MAX(internalId), 0) FROM Resources").fetchone()
        rows: list[dict[str, Any]] = []
        named: list[dict[str, str]] = []
        for number, (annotation, parents) in enumerate(annotations(count)):
            note = annotation.to_json()
            theirs.executemany(
                "INSERT INTO Resources VALUES (?, ?, ?, ?)",
                resources(last + 1, number, annotation.instance, parents),
            )
            if annotation.instance < READ:
                theirs.execute(
                    "INSERT INTO Metadata VALUES (?, ?, ?)",
                    (last + 1 + 4 * number + 3, METADATA, json.dumps(note)),
                )
            rows.append(row_of(note, parents))
            named += [
                {"label": label, "source": source, "instance": annotation.instance}
                for label, source in dict.fromkeys(mentions_of(note))
            ]
            if len(rows) == AT_ONCE or number == count - 1:
                connection.execute(sa.insert(instances), rows)
                connection.execute(sa.insert(mentions), named)
                rows, named = [], []
        done = sa.update(counts).where(counts.c.name == "done")
        connection.execute(done.values(number=counts.c.number + count))


def resources(
    base: int, number: int, instance: str, parents: Parents
) -> Iterator[tuple[int, int, str, int | None]]:
    """Yield rows of Orthanc's: an instance, and the parents that it is the first of."""
    place = base + 4 * number
    series, study, patient = (base + number // n * n * 4 for n in (SERIES, STUDY, PATIENT))
    if place == patient:
        yield place, PATIENT_TYPE, parents.patient, None
    if place == study:
        yield place + 1, STUDY_TYPE, parents.study, patient
    if place == series:
        yield place + 2, SERIES_TYPE, parents.series, study + 1
    yield place + 3, INSTANCE_TYPE, instance, series + 2


def measured(server: Server, what: str, target: str, **request: Any) -> None:
    """Ask several times and print a line."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        answer = server.request(**request)
        seconds.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.text
    median, longest = statistics.median(seconds) * 1000, max(seconds) * 1000
    print(f"| {what} | {median:.0f} | {longest:.0f} | {target} |", flush=True)


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has had."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def idle(server: Server, count: int) -> None:
    """Print what sweeps over an archive that does not change cost."""
    assert server.process
    (service,) = server.services()
    before = [processor_seconds(pid) for pid in (server.process.pid, service)]
    time.sleep(IDLE_SECONDS)
    orthanc, own = (
        100 * (processor_seconds(pid) - earlier) / IDLE_SECONDS
        for pid, earlier in zip((server.process.pid, service), before, strict=True)
    )
    print(f"\n| idle, {count:,} instances | % of a core, target 1 | resident, MB |")
    print("|---|---|---|")
    print(f"| Orthanc | {orthanc:.2f} | {resident(server.process.pid):.0f} |")
    print(f"| the service | {own:.2f} | {resident(service):.0f} |")


def main() -> None:
    """Fill an archive and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=1_000_000)
    count = parser.parse_args().instances
    with tempfile.TemporaryDirectory() as folder:
        configuration = {"BodyPart": {"Tags": "none"}}
        server = Server(Path(folder) / "orthanc", configuration=configuration).start()
        try:
            server.annotation(server.upload(file_bytes(radiograph("hand"))))
            server.stop()
            fill(server.storage / "db", count)
            server.start()
            print(f"| {count:,} instances, first page | median ms | longest ms | target |")
            print("|---|---|---|---|")
            for what, path in LISTS.items():
                measured(server, what, "300", method="GET", path=path)
            for what, body in QUESTIONS.items():
                measured(server, what, "200", method="POST", path="/bodypart/find", json=body)
            for what, path in OTHERS.items():
                measured(server, what, "50", method="GET", path=path)
            measured(server, "statistics", "–", method="GET", path="/bodypart/statistics")
            idle(server, count)
        finally:
            server.close()


if __name__ == "__main__":
    main()
