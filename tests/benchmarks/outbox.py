"""What routing adds to an instance; the lists of a long outbox.

python tests/benchmarks/outbox.py [--open 100000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from routed import PARENTS, annotation, outbox, rules
from service.databases.tables import deliveries, facts
from service.deliveries.overview import Overview
from service.deliveries.routing import Routing


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--open", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cost(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        pages(Path(folder), given.open)


def cost(folder: Path) -> None:
    """Print what routing adds to an instance: the rules, the commit to the disk."""
    given = [
        {"Name": f"rule {n}", "If": {"Examined": label, "Modality": ["CR", "DX"]}, "To": [to]}
        for n, (label, to) in enumerate(
            [("chest", "modality:A"), ("hand", "modality:A"), ("knee", "modality:B")]
        )
    ]
    archive = type("Archive", (), {"sender": lambda *_: ("", "")})()
    box = outbox(folder)
    routing = Routing(rules(*given), box, archive, settle=60)

    def route(label: str) -> Callable[[int], object]:
        return lambda number: routing.take(annotation(label, instance=f"{label} {number}"), PARENTS)

    def commit(number: int) -> None:
        with box.database.write() as connection:
            connection.execute(sa.insert(facts).values(name=str(number), value=""))

    steps = {
        "a bare commit to the same disk": commit,
        "routed, a rule takes it": route("knee"),
        "routed, no rule takes it": route("spine"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(300):
        for name, step in steps.items():
            seconds[name].append(seconds_of(step, number))
    print("\n| an instance | ms, median | of a bare commit |\n|---|---|---|")
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    bare = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"| {name} | {median * 1e3:.2f} | {median / bare:.2f} |")


def seconds_of(step: Callable[[int], object], number: int) -> float:
    """Return the seconds that a step takes."""
    started = time.perf_counter()
    step(number)
    return time.perf_counter() - started


def pages(folder: Path, number: int) -> None:
    """Print how long the lists of a long outbox take, as the page Deliveries asks for them."""
    box = outbox(folder)
    row = {
        "series": "series", "study": "study", "answer": "knee L", "priority": 10, "due": 0.0,
        "created_at": "2026-11-28T10:00:00Z", "changed_at": "2026-11-28T10:00:00Z",
    }  # fmt: skip
    common = {**row, "rule": "all", "destination": "modality:A"}
    states = ("waiting", "failed")
    with box.database.write() as connection:
        rows = [{**common, "state": states[n % 2], "instance": str(n)} for n in range(number)]
        rows[0] |= {"rule": "rare", "destination": "modality:B", "state": "waiting"}
        connection.execute(sa.insert(deliveries), rows)
    overview = Overview(box.database)
    to_a, to_b = (deliveries.c.destination == f"modality:{name}" for name in "AB")
    rare = deliveries.c.rule == "rare"
    questions = {
        "the first page of 100": lambda: overview.page([], None, 100),
        "a page of 100 in the middle": lambda: overview.page([], number // 2, 100),
        "what waits, a page of 100": lambda: overview.page([], None, 100, states=["waiting"]),
        "what failed, a page of 100": lambda: overview.page([], None, 100, states=["failed"]),
        "of one destination": lambda: overview.page([to_a], None, 100),
        "what failed, of one destination": lambda: overview.page(
            [to_a], None, 100, states=["failed"]
        ),
        "of a destination that has one": lambda: overview.page([to_b], None, 100),
        "of a rule that has one": lambda: overview.page([rare], None, 100),
        "the counts": lambda: overview.open_counts(["modality:A", "modality:B"]),
        "what is next for a courier": lambda: box.claim("modality:A"),
    }
    print(f"\n| of {number:,} open deliveries | ms, median of 9 |\n|---|---|")
    for name, ask in questions.items():
        seconds = [seconds_of(lambda _, ask=ask: ask(), 0) for _ in range(9)]
        print(f"| {name} | {statistics.median(seconds) * 1e3:.1f} |")
    again = seconds_of(lambda _: overview.all_again("modality:A", ["all"]), 0)
    print(f"| {number // 2:,} that failed, all tried again, once | {again * 1e3:.0f} |")


if __name__ == "__main__":
    main()
