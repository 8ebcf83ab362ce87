"""Compare exported candidates on the calibration's pictures: ``python -m training.choose DIR...``.

The test pictures are only for the candidate that is chosen: choosing by them would make its figures
too good. On some hundred pictures a difference of one in a hundred is chance, so that the
probability of the right label (the log-loss) and the results on changed films say more than the
share of right answers.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bodypart.model.session import BodyPartModel
from training import metrics
from training.card import renewed
from training.errors import refusals_told
from training.manifest import read_manifest
from training.measured import read
from training.paths import MANIFEST
from training.robustness import CHANGES
from training.split import SPLIT, split

if TYPE_CHECKING:
    from training.manifest import Example
    from training.split import Split

BEGIN, END = "<!-- candidates: begin -->", "<!-- candidates: end -->"

HARD = ("turned by 270", "noisy", "coarse", "gamma 2.5")
"""The changes of films that cost most."""

LEAST_CREDENCE = 1e-6
"""Floor of a probability, so that no single picture decides the mean of the logarithms."""


def figures(model: BodyPartModel, parts: Split, folder: Path) -> dict[str, float | None]:
    """Return the figures of a candidate, by name.

    Temperature and limits were fitted on the same pictures, for all candidates alike.

    Parameters
    ----------
    model : BodyPartModel
        The candidate.
    parts : Split
        The split that it was trained with.
    folder : Path
        Folder of the pictures.
    """

    def is_known(row: Example) -> bool:
        return row.examined in model.labels

    every = read(model, parts.calibration, folder)
    known = every.where(is_known)
    changed = [read(model, known.rows, folder, CHANGES[name]).right.mean() for name in HARD]
    wrists = read(model, parts.collimated_to_choose, folder)
    made = read(model, [*filter(is_known, parts.made_to_choose)], folder)
    return {
        "strict top-1": float(known.right.mean()),
        "macro recall": metrics.macro_recall(known.truth, known.answered),
        "log-loss": float(-np.log(np.maximum(known.credence, LEAST_CREDENCE)).mean()),
        "changed films": float(np.mean(changed)),
        "loose wrists": float(wrists.right.mean()) if wrists.rows else None,
        "made exposures": float(made.right.mean()) if made.rows else None,
        "visible F1": metrics.micro_f1(known.visible, known.visible_truth)["value"],
        "foreign rejected": float(every.where(lambda row: row.foreign).rejected.mean()),
    }


def table(found: dict[str, dict[str, float | None]]) -> str:
    """Return the figures of candidates, by their names, in Markdown."""
    names = next(iter(found.values()))
    rows = [("candidate", *names), ("---",) * (1 + len(names))]
    for name, values in found.items():
        cells = ("-" if value is None else f"{value:.3f}" for value in values.values())
        rows.append((name, *cells))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


@refusals_told()
def main() -> None:
    """Read the command line, compare, and renew the table if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+", help="folders of exported candidates")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--split", type=Path, default=SPLIT)
    parser.add_argument("--into", type=Path, help="write the table into this document")
    given = parser.parse_args()
    parts = split(read_manifest(given.manifest), given.split, with_closeups=False)
    found = {}
    for folder in given.folder:
        model = BodyPartModel.load(folder / "bodypart.onnx", provider="cpu")
        found[f"{folder.name or 'shipped'}: {model.version}"] = figures(
            model, parts, given.manifest.parent
        )
    print(table(found))
    if given.into:
        document = given.into.read_text(encoding="utf-8")
        given.into.write_text(renewed(document, BEGIN, END, table(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
