"""Two Orthancs on one PostgreSQL: corrected on both while all are killed; their rate beside one's.

    python tests/benchmarks/cluster.py [--on sid] [--rounds 2] [--only kills|once|rate]

1. 200 corrections of the same 50 instances on both nodes, while Orthanc and service of each are
   killed ten times. Then metadata, DICOM tag, index, labels, attachments and the audit trail of
   each instance, and of what is above it, are looked at on both nodes.
2. 100 uploads on each node at once: how many answers the machine gave.
3. How many instances a second one node and two annotate with decoders that answer at once; files
   are not written. Beside it how many of the machine's cores were busy meanwhile: where one node
   keeps all busy, a second can add nothing.

Ends with an error if anything is lost, or is not the same everywhere.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from phantoms import file_bytes, radiograph
from quick_decoder import at_once
from two_nodes import TwoNodes, answers, correct, faults, put_what_is_not_ours, upload

CORRECTIONS, INSTANCES, KILLS = 200, 50, 10
UPLOADS = 100
MEASURED = 400
_TICKS = os.sysconf("SC_CLK_TCK")


def kills(folder: Path, target: str, seed: int) -> bool:
    """Correct and kill; print what does not hold after, and tell whether all does."""
    with TwoNodes(folder / "kills", target, WriteThreshold=0.1) as nodes:
        instances = upload(nodes, INSTANCES, in_a_series=2)
        nodes.settle()
        levels = put_what_is_not_ours(nodes.servers[0], instances)
        began = time.monotonic()
        taken = correct(nodes, instances, CORRECTIONS, KILLS, seed)
        seconds = time.monotonic() - began
        nodes.settle(300)
        found = faults(nodes, levels, taken)
    kinds = ("metadata", "tag", "index", "label", "attachment", "word")
    print(f"| {' | '.join(('corrections', 'instances', 'kills', 'seconds', *kinds))} |")
    print("|" + "---|" * (4 + len(kinds)))
    row = (len(taken), len(instances), KILLS, f"{seconds:.0f}", *(found[kind] for kind in kinds))
    print(f"| {' | '.join(map(str, row))} |\n")
    return not found and len(taken) == CORRECTIONS


def once(folder: Path, target: str) -> bool:
    """Upload to both at once; print the number of answers, and tell whether each has one."""
    with TwoNodes(folder / "once", target) as nodes:
        data = [file_bytes(radiograph("hand", 160, 128)) for _ in range(2 * UPLOADS)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: nodes.servers[n % 2].upload(data[n]), range(len(data))))
        nodes.settle(300)
        time.sleep(2)  # Until the numbers are published.
        given = [answers(server) for server in nodes.servers]
        done = nodes.servers[0].status()["queue"]["done"]
    print("| uploads on each node | annotated | answers of the first | of the second | of both |")
    print("|---|---|---|---|---|")
    print(f"| {UPLOADS} | {done} | {given[0]} | {given[1]} | {sum(given)} |\n")
    return done == len(data) and sum(given) <= len(data)


def rate(folder: Path, rounds: int) -> None:
    """Print the rates of one node and of two."""
    decoder = at_once(folder)
    rates: dict[int, list[float]] = {1: [], 2: []}
    busy: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds):
        for count in (1, 2):
            settings = {"Tags": "none", "OnUpload": False, "Python": decoder}
            place = folder / f"rate-{number}-{count}"
            with TwoNodes(place, count=count, **settings) as nodes:
                seconds, cores = _annotated(nodes)
            rates[count].append(MEASURED / seconds)
            busy[count].append(cores)
    print(f"| nodes | instances/s | times one node's | cores busy, of {os.cpu_count()} |")
    print("|---|---|---|---|")
    one = statistics.median(rates[1])
    for count in (1, 2):
        found, cores = statistics.median(rates[count]), statistics.median(busy[count])
        print(f"| {count} | {found:.1f} | {found / one:.2f} | {cores:.2f} |")


def _annotated(nodes: TwoNodes) -> tuple[float, float]:
    """Have all annotated that is stored; return the seconds and the cores that were busy."""
    server = nodes.servers[0]
    upload(nodes, MEASURED, in_a_series=10)
    patients = server.get("/patients")
    began, before = time.monotonic(), _busy()
    for patient in patients:
        server.request("POST", f"/bodypart/patients/{patient}", json={"Asynchronous": True})
    while nodes.open_tasks():
        time.sleep(0.05)
    seconds = time.monotonic() - began
    assert server.status()["queue"]["done"] == MEASURED
    return seconds, (_busy() - before) / seconds


def _busy() -> float:
    """Return the seconds that the machine's cores were busy since it started, as proc(5)."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / _TICKS


def main() -> None:
    """Run all of it, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", default="sid", help="the Debian of the Orthancs")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("kills", "once", "rate"))
    arguments = parser.parse_args()
    whole = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.only in (None, "kills"):
            whole &= kills(folder, arguments.on, arguments.seed)
        if arguments.only in (None, "once"):
            whole &= once(folder, arguments.on)
        if arguments.only in (None, "rate"):
            rate(folder, arguments.rounds)
    assert whole, "something is lost, or not the same everywhere"


if __name__ == "__main__":
    main()
