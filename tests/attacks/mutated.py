"""Mutated files through a real Orthanc, until each has settled: make attack NAME=mutated.

Half of them are changed byte by byte and by bombs (`mutations`), half element by element
(`element_mutations`), of every transfer syntax. Ends with an error if Orthanc ends and a bare one
survives the same files, or if an instance never gets a status.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import requests

from benchmarks.ingest import Bare
from element_mutations import element_mutations
from fuzzing.targets import files
from mutations import FATAL_TO_ORTHANC, mutations
from orthanc_server import Server
from tried import Attack, record

SUSPECTS = 3
"""How many of the last files may have ended Orthanc."""
LARGEST = 205_000
"""Bytes; deflated bombs from 200 MB on have more, and keep Orthanc itself busy for long."""
LONGEST_ANSWER = 600.0
"""Seconds; Orthanc itself inflates bombs."""
LONGEST_SETTLING = 3600.0

Named = tuple[str, bytes]


def mutated(count: int) -> Iterator[Named]:
    """Yield as many files as asked for; none that is known to end a bare Orthanc."""
    seeds = list(files())
    by_element = element_mutations(seeds, count)
    by_byte = (
        (name, data)
        for name, data in mutations(seeds, 2 * count)
        if not any(fatal in name for fatal in FATAL_TO_ORTHANC) and len(data) < LARGEST
    )
    for _ in range(count // 2):
        yield next(by_element)
        yield next(by_byte)


def send(server: Server, folder: Path, count: int) -> tuple[int, list[str], list[str]]:
    """Send them; return how many, what ended any Orthanc, and what ended only ours."""
    last: list[Named] = []
    sent = 0
    everywhere: list[str] = []
    ours: list[str] = []
    for name, data in mutated(count):
        last = [*last[1 - SUSPECTS :], (name, data)]
        sent += 1
        if ends(server, data, patience=3):
            culprit = ends_a_bare_one(folder / f"bare{sent}", last)
            (everywhere if culprit else ours).append(culprit or name)
            server.start()
        if sent % 100 == 0:
            print(f"{sent} sent, {len(everywhere)} and {len(ours)} ends of Orthanc", flush=True)
    return sent, everywhere, ours


def ends_a_bare_one(folder: Path, last: list[Named]) -> str | None:
    """Send what came before an end to an Orthanc without the plugin; name what ends that."""
    server = Bare(folder).start()
    try:
        return next((name for name, data in last if ends(server, data, patience=2)), None)
    finally:
        server.close()


def ends(server: Server, data: bytes, patience: float) -> bool:
    """Tell whether Orthanc ends, or does not answer any more, when a file is sent."""
    assert server.process
    try:
        server.session.post(f"{server.url}/instances", data=data, timeout=LONGEST_ANSWER)
    except requests.Timeout:
        server.kill()
    except requests.ConnectionError:
        pass
    else:
        return server.process.poll() is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(patience)
        return True
    return False


def attack(folder: Path, count: int) -> bool:
    """Send, wait, count, keep the figures; tell whether all held."""
    configuration = {"BodyPart": {"RetryDelay": 0.1, "Tags": "in-place", "WriteThreshold": 0.0}}
    server = Server(folder / "attacked", configuration=configuration).start()
    sent, everywhere, ours = send(server, folder, count)
    server.settle(LONGEST_SETTLING)
    states: Counter[str] = Counter()
    for instance in server.get("/instances"):
        annotation = server.get(f"/bodypart/instances/{instance}")
        settled = annotation["status"] == "done" or annotation["reason"]
        states[annotation["status"] if settled else "unsettled"] += 1
    server.close()
    unsettled = states.pop("unsettled", 0) + states.pop("pending", 0)
    for name in ours:
        print(f"ends an Orthanc with the plugin only: {name}", file=sys.stderr)
    told = ", ".join(f"{states[state]:,} {state}" for state in ("done", "skipped", "failed"))
    result = Attack(
        "mutated files of every transfer syntax, by element and by byte: Orthanc ends, or an "
        "instance never settles",
        f'make attack NAME=mutated ARGS="--count {count}"',
        f"{sent:,} files, {sum(states.values()):,} of them stored by Orthanc",
        len(ours) + unsettled,
        f"{told}; Orthanc ended {len(everywhere)} times, each time a bare one does, too",
    )
    record("mutated", result)
    print(*everywhere, sep="\n")
    return not ours and not unsettled


def main() -> None:
    """Attack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(not attack(Path(folder), parser.parse_args().count))


if __name__ == "__main__":
    main()
