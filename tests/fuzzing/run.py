"""Coverage-guided fuzzing of one target for a while; not a part of CI.

    make fuzz TARGET=reader SECONDS=1800

needs `atheris`, which has no place among the project's own tools (it wants a Python of its own
choice): ``pip install atheris`` first. What was found stays in ``fuzz/TARGET``: the corpus, and one
file for each crash, time-out or want of memory. A finding becomes a test. How many inputs there
were goes into docs/tried.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from tried import Attack, record

LONGEST = 8192
"""Bytes of an input."""

SLOWEST = 20
"""Seconds that one input may take."""

MOST_MEMORY = 2_000
"""Megabytes."""

MOST_FINDINGS = 10
"""After so many there is enough to mend."""

NAMES = {
    "reader": "reader of files and pictures",
    "headers": "reading of headers",
    "rewriter": "correcting and restoring files",
    "wire": "frames between service and decoder",
    "json_guard": "guard before JSON is parsed",
}


def fuzz(name: str, seconds: int) -> None:
    """Fuzz in this process until the time is up or something is found."""
    import atheris

    with atheris.instrument_imports(include=["bodypart", "decoder", "pydicom"]):
        from fuzzing.targets import TARGETS
    target, seeds = TARGETS[name]
    folder = Path("fuzz") / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOWEST}",
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()


def is_quick(input_: Path) -> bool:
    """Tell whether an input takes no long time of the processor; on a busy machine all seem to."""
    command = [sys.executable, __file__, input_.parent.name, str(input_), "once"]
    limit = (SLOWEST, SLOWEST)
    run = subprocess.run(
        command,
        check=False,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit),
    )
    if run.returncode == 0:
        input_.unlink()
    return run.returncode == 0


def main() -> None:
    """Fuzz in a process of its own, in another one after each finding; keep the figures."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    folder = Path("fuzz") / name
    began = time.monotonic()
    inputs = findings = 0
    while (left := seconds - int(time.monotonic() - began)) > 0 and findings < MOST_FINDINGS:
        command = [sys.executable, __file__, name, str(left), "here"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as run:
            assert run.stderr
            for line in run.stderr:
                sys.stderr.write(line)
                if count := re.match(r"stat::number_of_executed_units:\s*(\d+)", line):
                    inputs += int(count[1])
        if run.returncode:
            slow = list(folder.glob("timeout-*"))
            findings += not (slow and all(map(is_quick, slow)))
    minutes = (time.monotonic() - began) / 60
    attack = Attack(
        f"fuzzing, guided by coverage: {NAMES[name]}",
        f"make fuzz TARGET={name} SECONDS={seconds}",
        f"{inputs:,} inputs, {minutes:.0f} minutes",
        findings,
    )
    record(f"fuzz-{name}", attack)
    sys.exit(bool(findings))


if __name__ == "__main__":
    if sys.argv[3:] == ["here"]:
        fuzz(sys.argv[1], int(sys.argv[2]))
    elif sys.argv[3:] == ["once"]:
        from fuzzing.targets import TARGETS

        TARGETS[sys.argv[1]][0](Path(sys.argv[2]).read_bytes())
    else:
        main()
