"""Run the benchmarks and fill docs/benchmarks.md: `make benchmarks`, on a quiet machine.

What concerns the model goes into its card as well.

    make benchmarks ARGS="NAME ..."

Names choose some of the scripts beside this one; without names all are run. The tables that are
not run anew stay as they are.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from documentation import BENCHMARKS, ROOT, filled

HERE = Path(__file__).resolve().parent
CARD = ROOT / "models" / "README.md"
IN_THE_CARD = {"fusion": "\n| probability said |"}
"""Benchmarks whose first tables are in the model card as well, and where the others begin."""

TITLES = {
    "decode": "Decoding and reducing one picture",
    "classify": "Classifying one picture",
    "inference": "An inference server beside the network in the decoder",
    "latency": "From upload to annotation; memory",
    "ingest": "Taking pictures in, relative to a bare Orthanc",
    "large": "A million instances",
    "work": "An old stock, corrections",
    "rewrite": "Rewriting tags",
    "deliveries": "Deliveries",
    "outbox": "What routing adds; lists of deliveries",
    "cluster": "Several Orthancs on one archive",
    "headers": "Reading headers",
    "fusion": "Picture, header, both",
    "learning": "Memory of confirmed pictures",
    "pages": "Pages",
    "scale": "Back-fill on other machines",
    "kills": "Back-fill under kills",
}


def section(name: str) -> str:
    """Run one script and return its part of the document."""
    script = HERE / f"{name}.py"
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, check=True)
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    command = f"`make benchmarks ARGS={name}`, {day}, {processors()}"
    return f"## {TITLES[name]}\n\n{command}\n\n{done.stdout.strip()}\n"


def for_the_card(name: str, part: str) -> str:
    """Return what the model card shows of a benchmark's part of the document."""
    return part.split("\n", 2)[2].split(IN_THE_CARD[name], maxsplit=1)[0].strip()


def parts_of(document: str) -> dict[str, str]:
    """Return the parts of the document by their titles."""
    inside = re.search(r"<!-- begin: benchmarks -->\n(.*?)<!-- end", document, re.DOTALL)
    assert inside
    parts = re.split(r"(?=^## )", inside[1], flags=re.MULTILINE)
    return {part.splitlines()[0][3:]: part for part in parts if part.startswith("## ")}


def processors() -> str:
    """Return how many processors of which kind this machine has, as Linux names them."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = re.findall(r"^model name\s*:\s*(.+)$", told, re.MULTILINE) or [platform.machine()]
    return f"{os.cpu_count()} x {names[0]}"


def main() -> None:
    """Run what is asked for, one after the other, and write the document after each."""
    for name in sys.argv[1:] or TITLES:
        text = BENCHMARKS.read_text(encoding="utf-8")
        kept = parts_of(text)
        kept[TITLES[name]] = section(name)
        content = "\n".join(
            kept[title].strip() + "\n" for title in TITLES.values() if title in kept
        )
        BENCHMARKS.write_text(filled(text, "benchmarks", content), encoding="utf-8")
        if name in IN_THE_CARD:
            card = CARD.read_text(encoding="utf-8")
            text = for_the_card(name, kept[TITLES[name]])
            CARD.write_text(filled(card, name, text), encoding="utf-8")
        print(kept[TITLES[name]], flush=True)


if __name__ == "__main__":
    main()
