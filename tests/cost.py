"""The cost of a back-fill of many instances, computed from the results of `make benchmarks`."""

from __future__ import annotations

import json
from pathlib import Path

MEASURED = Path(__file__).parent / "benchmarks" / "scale.json"
INSTANCES = (1_000_000, 10_000_000, 100_000_000)
CORES = (8, 32, 128)
_RAW_BYTES = 8 * 2**20
_GIGABIT = 1e9 / 8


def cost_table() -> str:
    """Return the Markdown table."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    reading = found["reading_ms"] / 1e3
    lines = [
        f"| | {' | '.join(f'{count // 1_000_000} million' for count in INSTANCES)} |",
        "|---|" + "---|" * len(INSTANCES),
        _row("core-hours of reading", lambda n: f"{n * reading / 3600:,.0f}"),
        *(
            _row(f"reading with {cores} cores", lambda n, c=cores: duration(n * reading / c))
            for cores in CORES
        ),
        _row("writing, one Orthanc", lambda n: duration(n / found["answers_a_second"])),
        _row(
            "looking through, before and beside it",
            lambda n: duration(n / found["listed_a_second"]),
        ),
        _row("files over 1 gigabit a second", lambda n: duration(n * _RAW_BYTES / _GIGABIT)),
        _row("index beside Orthanc's", lambda n: f"{n * found['record_bytes'] / 1e9:,.1f} GB"),
    ]
    return "\n".join(lines)


def _row(name, value) -> str:
    return f"| {name} | {' | '.join(value(count) for count in INSTANCES)} |"


def duration(seconds: float) -> str:
    """Return seconds in words."""
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:,.0f} days"
