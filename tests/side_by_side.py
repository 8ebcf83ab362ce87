"""Run the whole suite in two halves side by side: `make test`.

    python tests/side_by_side.py [--again]

Tests that start Orthancs and browsers wait most of their time, so that two of them fit on two
processors. With ``--again`` a half that failed runs once more what failed in it, by itself: a test
that only waited too long gets a second look.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".pytest_cache"
FIRST = "integration"
HALVES = {
    FIRST: ("tests/integration",),
    "others": ("tests/unit", "tests/browser", "tests/distribution", "tests/image"),
}
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")


def started(
    half: str, options: tuple[str, ...], output: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start pytest on a half; each remembers by itself what failed."""
    cache = f"cache_dir={CACHE / half}"
    command = [sys.executable, "-m", "pytest", "-o", cache, *options, *HALVES[half]]
    return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)


def both() -> int:
    """Run both halves, and note which one failed; return the exit status."""
    CACHE.mkdir(exist_ok=True)
    for half in HALVES:
        _status(half).unlink(missing_ok=True)
    with tempfile.TemporaryFile() as held:
        # One is seen as it goes, the other one's output follows.
        running = {half: started(half, (), None if half == FIRST else held) for half in HALVES}
        for half, process in running.items():
            _status(half).write_text(str(process.wait()))
        held.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(held.read())
    return int(any(process.returncode for process in running.values()))


def again() -> int:
    """Run once more what failed; return the exit status, 1 where that was no test."""
    if not all(_status(half).exists() for half in HALVES):
        return 1
    failed = [half for half in HALVES if _status(half).read_text() != "0"]
    # Nothing to run is no success: it did not end with a failed test then.
    return int(any(started(half, AGAIN, None).wait() for half in failed))


def _status(half: str) -> Path:
    return CACHE / f"{half}.status"


def main() -> int:
    """Run what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="only what failed before")
    return again() if parser.parse_args().again else both()


if __name__ == "__main__":
    sys.exit(main())
