"""What the memory rehearses beside people's words: ``make exemplars``, after each new model.

Writes ``bodypart.exemplars.npz`` beside the ONNX file: for each part the model's embeddings and
probabilities of some training pictures that it reads rightly.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bodypart.memory.exemplars import Exemplars
from bodypart.model.session import BodyPartModel
from training.errors import refusals_told
from training.evaluate import licences_of
from training.manifest import read_manifest
from training.paths import MANIFEST, MODEL
from training.pictures import read_pictures
from training.split import SPLIT, split

if TYPE_CHECKING:
    from training.manifest import Example
    from training.split import Split

EACH = 30
"""Largest number of pictures of a part."""


def exemplars_of(model: BodyPartModel, parts: Split, folder: Path) -> Exemplars:
    """Return exemplars of a model, drawn at random from what it was trained with.

    Parameters
    ----------
    model : BodyPartModel
        The model.
    parts : Split
        The split that it was trained with.
    folder : Path
        Folder of the pictures.
    """
    drawn = _drawn(parts, model.labels)
    labels, embeddings, probabilities = [], [], []
    for example, picture in zip(drawn, read_pictures(folder, drawn), strict=True):
        seen = model.read(picture.cut().astype(np.float32)).seen
        if seen is None or seen.rejected:
            continue
        said = model.labels[int(seen.posterior[:-1].argmax())]
        if said == example.examined:
            labels.append(said)
            embeddings.append(seen.embedding)
            probabilities.append(seen.posterior)
    return Exemplars(model.sha256, tuple(labels), np.stack(embeddings), np.stack(probabilities))


def _drawn(parts: Split, labels: tuple[str, ...]) -> list[Example]:
    by_label = defaultdict(list)
    for example in parts.train:
        if example.examined in labels:
            by_label[example.examined].append(example)
    random = np.random.default_rng(0)
    return [
        own[index]
        for label in labels
        if (own := by_label[label])
        for index in random.permutation(len(own))[:EACH]
    ]


@refusals_told()
def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--split", type=Path, default=SPLIT)
    given = parser.parse_args()
    model = BodyPartModel.load(given.model, provider="cpu")
    parts = split(read_manifest(given.manifest, licences_of(given.model)), given.split)
    made = exemplars_of(model, parts, given.manifest.parent)
    print(
        f"{made.write(given.model)}: {len(made.labels)} pictures of {len(set(made.labels))} parts"
    )


if __name__ == "__main__":
    main()
