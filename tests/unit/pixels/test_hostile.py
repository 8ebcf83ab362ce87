"""2,000 hostile files: each ends in a picture or a reason, in bounded time and memory.

They are read in a process of its own, because native decoders might take the process with them.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pydicom.uid as uids
import pytest

from bodypart.pixels import DatasetError, PictureError, read_dataset, read_picture
from mutations import SYNTAXES, mutations
from phantoms import file_bytes, radiograph

COUNT = 2_000
SLOWEST = 8.0
"""Seconds of CPU; one file takes a few milliseconds, a bomb of a gigabyte about half a second."""

MEMORY = 400
"""Megabytes resident at the most, of which the interpreter and its codecs take about 100."""

# Videos are refused as a whole elsewhere.
READ = (
    uids.ExplicitVRLittleEndian,
    uids.JPEG2000,
    *(syntax for syntax in SYNTAXES if syntax != uids.MPEG2MPML),
)


@pytest.fixture(scope="module")
def outcomes():
    """Read all files in a subprocess; give what it wrote about each, and its exit code."""
    here = Path(__file__).resolve()
    paths = [str(here.parents[3] / "plugin"), str(here.parents[2])]
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(here)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done


def test_every_file_ends_in_a_picture_or_a_reason(outcomes):
    told, done = outcomes
    assert done.returncode == 0, f"after {told[-1]['name']}: {done.stderr[-2000:]}"
    assert len(told) == COUNT
    kinds = Counter(outcome["kind"] for outcome in told)
    assert set(kinds) == {"picture", "PictureError", "DatasetError", "NotDicomError"}
    assert min(kinds[kind] for kind in kinds if kind != "NotDicomError") > COUNT // 20


def test_reasons_are_short_and_name_no_patient(outcomes):
    for outcome in outcomes[0]:
        assert len(outcome["reason"]) < 200, outcome
        assert "Phantom" not in outcome["reason"], outcome
    assert "Phantom" not in outcomes[1].stderr


def test_no_hostile_file_takes_long_or_much_memory(outcomes):
    slowest = max(outcomes[0], key=lambda outcome: outcome["seconds"])
    assert slowest["seconds"] < SLOWEST, slowest
    assert outcomes[0][-1]["megabytes"] < MEMORY


def _most_resident():
    """Return the megabytes resident at the most since this program began.

    Not by getrusage: that starts with what the test runner had when it forked.
    """
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    return int(line.split()[1]) >> 10


def tell_outcomes():
    """Print one JSON line for each hostile file."""
    import time

    files = [
        file_bytes(
            radiograph("knee", 200, 150, bits=8 if s == uids.JPEGBaseline8Bit else 12, syntax=s)
        )
        for s in READ
    ]
    for name, data in mutations(files, COUNT):
        start = time.process_time()
        kind, reason = "picture", ""
        try:
            read_picture(read_dataset(data))
        except PictureError as error:
            kind, reason = "PictureError", str(error)
        except DatasetError as error:
            kind, reason = type(error).__name__, str(error)
        outcome = {
            "name": name,
            "kind": kind,
            "reason": reason,
            "seconds": round(time.process_time() - start, 3),
            "megabytes": _most_resident(),
        }
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    tell_outcomes()
