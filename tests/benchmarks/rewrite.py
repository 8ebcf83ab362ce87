"""Time to correct the tags of a 15 MB CR image, to repeat that, and to undo it."""

# ruff: noqa: E402 (the imports below need the path that is set above them)

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("plugin", "tests", "tests/unit/dicom_out")]

from radiographs import SYNTAXES, radiograph

from bodypart.dicom_out.correction import correct, restore
from bodypart.labels import BY_LABEL

ROWS, COLUMNS = 3000, 2500
ROUNDS = 21
NOW = datetime.now(UTC)


def milliseconds(task: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the longest time of a task."""
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        task()
        times.append(1000 * (perf_counter() - start))
    return median(times), max(times)


def write(data: bytes) -> bytes | None:
    """Return a file as that of a left knee."""
    return correct(data, BY_LABEL["knee"], "L", version="0", now=NOW).data


def main() -> None:
    """Print the table."""
    print("| file | task | median ms | longest ms, target 150 |")
    print("|---|---|---|---|")
    for name in ("explicit little endian", "implicit little endian", "JPEG lossless"):
        original = radiograph(SYNTAXES[name], ROWS, COLUMNS)
        corrected = write(original) or b""
        tasks = {
            "correct": partial(write, original),
            "correct again": partial(write, corrected),
            "undo": partial(restore, corrected),
        }
        for task, run in tasks.items():
            middle, longest = milliseconds(run)
            size = len(original) / 1e6
            print(f"| {name}, {size:.1f} MB | {task} | {middle:.1f} | {longest:.1f} |")


if __name__ == "__main__":
    main()
