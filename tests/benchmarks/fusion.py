"""What picture and header give alone and together, with headers as dirty as real ones.

    python tests/benchmarks/fusion.py [--draws 5] [--sources unseen]

Needs ``../shared``. Each test picture of the model gets a simulated header: empty in a third of
the cases; of the others 15 % name a wrong part, half of those a neighbour. A header is Body Part
Examined or a real text for the part, as Series or Study Description.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from bodypart.evidence import HeaderReading, ImageReading
from bodypart.fusion import Fused, fuse
from bodypart.headers import Vocabulary, read_headers
from bodypart.headers.regions import compatible
from bodypart.labels import BY_LABEL, LABELS
from bodypart.model import BodyPartModel
from training.manifest import read_manifest
from training.pictures import read_pictures
from training.split import SPLIT, split

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
EMPTY = 1 / 3
WRONG = 0.15
NOTHING = HeaderReading()


@dataclass(frozen=True)
class Case:
    """A test picture as the model reads it, and what it shows."""

    truth: str
    image: ImageReading


def cases(*, unseen_only: bool) -> list[Case]:
    """Read the model's test pictures."""
    folder = SHARED / "radiographs"
    parts = split(read_manifest(folder / "manifest.csv"), SPLIT)
    rows = [
        row
        for row in parts.test
        if row.examined in BY_LABEL and (row.source in parts.unseen or not unseen_only)
    ]
    model = BodyPartModel.load(ROOT / "models" / "bodypart.onnx", threads=2)
    pictures = read_pictures(folder, rows)
    return [
        Case(row.examined, model.read(picture.values.astype(np.float32)))
        for row, picture in zip(rows, pictures, strict=True)
    ]


def texts() -> dict[str, list[str]]:
    """Return real header texts by the label they name."""
    found = defaultdict(list)
    path = SHARED / "terminology" / "header_terms.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["examined_label"]].append(row["raw"])
    return found


def dirty_header(truth: str, words: dict[str, list[str]], chance: random.Random) -> Dataset:
    """Return a header as it may stand in the field."""
    dataset = Dataset()
    if chance.random() < EMPTY:
        return dataset
    named = truth
    if chance.random() < WRONG:
        others = [part.label for part in LABELS if part.label != truth]
        near = [label for label in others if compatible(label, truth)]
        named = chance.choice(near if near and chance.random() < 0.5 else others)
    keyword = chance.choice(["BodyPartExamined", "SeriesDescription", "StudyDescription"])
    if keyword == "BodyPartExamined" or not words[named]:
        dataset.BodyPartExamined = BY_LABEL[named].body_part_examined
    else:
        dataset.add_new(keyword, "LT", chance.choice(words[named]))
    return dataset


def mentioned(fused: Fused, header: HeaderReading, image: ImageReading) -> set[str]:
    """Return the labels under which a search with evidence "any" finds the instance."""
    top = None if image.rejected else image.top(1)[0].label
    return {label for label in (fused.label, top, *header.labels) if label}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--sources", choices=["all", "unseen"], default="all")
    arguments = parser.parse_args()
    vocabulary, words = Vocabulary.load(), texts()
    known = cases(unseen_only=arguments.sources == "unseen")
    right: dict[str, int] = defaultdict(int)
    flagged_wrong = silent_wrong = flagged = found = answers = count = 0
    for draw in range(arguments.draws):
        chance = random.Random(draw)
        for case in known:
            header = read_headers(dirty_header(case.truth, words, chance), vocabulary)
            both = fuse(case.image, header)
            right["picture only"] += fuse(case.image, NOTHING).label == case.truth
            right["header only"] += fuse(None, header).label == case.truth
            right["both"] += both.label == case.truth
            count += 1
            names = mentioned(both, header, case.image)
            found += case.truth in names
            answers += len(names)
            flagged += both.needs_review
            if both.label != case.truth:
                flagged_wrong += both.needs_review
                silent_wrong += not both.needs_review
    print(f"{len(known)} pictures ({arguments.sources} sources), {arguments.draws} draws\n")
    print("| evidence | examined part right |\n|---|---|")
    for name in ("picture only", "header only", "both"):
        print(f"| {name} | {right[name] / count:.3f} |")
    print("\nThe target for both is 0.05 more than the better one alone.\n")
    print(f"search with evidence `any`: recall {found / count:.3f}, target 0.99, ", end="")
    print(f"precision {found / answers:.3f}, target 0.95")
    print(f"needs review: {flagged / count:.3f}")
    print(
        f"wrong and marked: {flagged_wrong / count:.3f}, wrong unmarked: {silent_wrong / count:.3f}"
    )


if __name__ == "__main__":
    main()
