"""Write the memory's table into docs/learning.md: ``python -m training.memory_table``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from training.card import renewed
from training.paths import LEARNING, MODELS

BEGIN, END = "<!-- memory: begin -->", "<!-- memory: end -->"


def _change(figure: dict[str, Any]) -> str:
    return f"{figure['before']:.3f} to {figure['after']:.3f}"


def _named(figure: dict[str, Any]) -> str:
    return f"{figure['label'].replace('_', ' ')}: {_change(figure)}"


def _words(trial: dict[str, Any]) -> str:
    how = "chosen" if trial["chosen"] else "at random"
    wrong = f", {trial['wrong']:.0%} of them wrong" if trial["wrong"] else ""
    return f"{trial['words']} {how}{wrong}"


def table(report: dict[str, Any]) -> str:
    """Return the table of all trials, in Markdown."""
    lines = [
        "| hospital | words | all | worst label | other labels | largest loss | other sources |",
        "|---|---|---|---|---|---|---|",
    ]
    for place in report["hospitals"]:
        for trial in place["trials"]:
            cells = (
                f"{place['name']} ({place['films']} films)",
                _words(trial),
                _change(trial["all"]),
                _named(trial["worst"]),
                _change(trial["others"]),
                _named(trial["largest_loss"]),
                _change(trial["elsewhere"]),
            )
            lines.append("| " + " | ".join(cells) + " |")
    models = ", ".join(
        f"{place['name']}: SHA-256 `{place['model']['sha256'][:16]}...`"
        for place in report["hospitals"]
    )
    return (
        f"Top-1, a rejected radiograph counted as wrong; means over {report['draws']} halves of "
        f"the patients.\n\n" + "\n".join(lines) + f"\n\nBlind models: {models}."
    )


def with_table(document: str, report: dict[str, Any]) -> str:
    """Return the document with the memory's table renewed.

    Raises
    ------
    CardError
        If the document lacks the markers.
    """
    return renewed(document, BEGIN, END, table(report))


def main() -> None:
    """Read the command line and renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=MODELS / "memory.json")
    parser.add_argument("--into", type=Path, default=LEARNING)
    given = parser.parse_args()
    report = json.loads(given.report.read_text(encoding="utf-8"))
    document = given.into.read_text(encoding="utf-8")
    given.into.write_text(with_table(document, report), encoding="utf-8")


if __name__ == "__main__":
    main()
