"""Coverage-guided fuzzing of one target for a while; not a part of CI.

    make fuzz TARGET=reader SECONDS=1800

needs `atheris`, which has no place among the project's own tools (it wants a Python of its own
choice): ``pip install atheris`` first. What was found stays in ``fuzz/TARGET``: the corpus, and one
file for each crash, time-out or want of memory. A finding becomes a test.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bodypart", "decoder", "pydicom"]):
    from fuzzing.targets import TARGETS

LONGEST = 8192
"""Bytes of an input."""

SLOWEST = 20
"""Seconds that one input may take."""

MOST_MEMORY = 2_000
"""Megabytes."""


def main() -> None:
    """Fuzz until the time is up or something is found."""
    name, seconds = sys.argv[1], int(sys.argv[2])
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


if __name__ == "__main__":
    main()
