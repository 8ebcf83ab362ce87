"""Export a checkpoint with its calibration: ``python -m training.export --run ...``."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bodypart.model.session import BodyPartModel
from training.dataset import VISIBLE_LABELS, drawing_weights
from training.description import (
    AS_TRAINED,
    CALIBRATION,
    Preprocessing,
    TakenOver,
    calibrated,
    description,
    with_own_distance,
)
from training.errors import TrainingError, refusals_told
from training.manifest import read_manifest
from training.network import Network
from training.onnx_graph import Graph, reference_embeddings, to_onnx
from training.paths import MANIFEST, RUNS
from training.pictures import read_pictures
from training.split import SPLIT, Split, split
from training.start import Start
from training.train import read_all

REFERENCES = 3000
DIMENSIONS = 192


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights of a checkpoint are exported.

    Attributes
    ----------
    averaged : bool
        Whether to take the running average of the training instead of the last weights.
    earlier : Path or None
        Earlier model with whose weights they are averaged: a checkpoint, or an exported ``.onnx``
        file with its JSON beside it.
    share : float
        Share of the checkpoint in that average, 0 to 1; the earlier model has the rest.
    """

    averaged: bool = True
    earlier: Path | None = None
    share: float = 0.5


def load_network(state: dict[str, Any], wanted: Weights = Weights()) -> Network:
    """Return the network of a checkpoint, by default with the running average of its weights."""
    network = Network(len(state["labels"]), len(VISIBLE_LABELS))
    weights = Start.of_checkpoint(state)
    if not wanted.averaged:
        weights = replace(weights, weights=state["network"])
    if wanted.earlier:
        weights = weights.averaged_with(Start.read(wanted.earlier), wanted.share)
    weights.load_into(network, state["labels"])
    return network.eval()


def build_graph(
    network: Network, parts: Split, folder: Path, preprocessing: dict[str, Any], seed: int
) -> Graph:
    """Return the graph, its references drawn from the training radiographs, balanced by class."""
    rows = [row for row in parts.train if not row.foreign]
    count = min(REFERENCES, len(rows))
    drawn = np.random.default_rng(seed).choice(
        len(rows), count, replace=False, p=drawing_weights(rows)
    )
    pictures = read_pictures(folder, [rows[index] for index in drawn])
    features = read_all(
        network, pictures, preprocessing["size"], preprocessing["field_tone"]
    ).features
    return Graph(network, *reference_embeddings(features, min(DIMENSIONS, count)))


def export(
    checkpoint: Path,
    manifest: Path,
    out: Path,
    *,
    split_file: Path = SPLIT,
    weights: Weights = Weights(),
    preprocessing: Preprocessing = AS_TRAINED,
    taken_over: TakenOver | None = None,
    version: str = "1.0.0",
) -> None:
    """Write ``bodypart.onnx`` and ``bodypart.json``.

    Parameters
    ----------
    checkpoint : Path
        Checkpoint of a training.
    manifest, split_file : Path
        Manifest and split that it was trained with.
    out : Path
        Folder for both files.
    weights : Weights
        Which weights are exported.
    preprocessing : Preprocessing
        How the service is to prepare pictures for the network.
    taken_over : TakenOver or None
        Calibration that is taken over from another model; the rest is fitted.
    version : str
        The model's version.

    Raises
    ------
    TrainingError
        If the split is not that of the training, or the other models do not fit this one.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    rows = read_manifest(manifest, state["licences"])
    # Checkpoints of earlier versions do not record whether close-ups were used.
    parts = split(rows, split_file, with_closeups=state.get("with_closeups", True))
    if list(parts.labels) != state["labels"]:
        raise TrainingError(f"{split_file} is not the split that {checkpoint} was trained with")
    known = taken_over.values(state["labels"]) if taken_over else {}
    given = preprocessing.to_json(state["plan"]["size"])
    network = load_network(state, weights)
    graph = build_graph(network, parts, manifest.parent, given, state["plan"]["seed"])
    record = description(state, checkpoint, parts, given, version)
    if weights.earlier:
        record["training"]["averaged_with"] = {
            "sha256": hashlib.sha256(weights.earlier.read_bytes()).hexdigest(),
            "share": weights.share,
        }
    out.mkdir(parents=True, exist_ok=True)
    onnx_file = out / "bodypart.onnx"
    onnx_file.write_bytes(to_onnx(graph, given["size"]))
    record["sha256"] = hashlib.sha256(onnx_file.read_bytes()).hexdigest()
    _write(onnx_file, record)
    model = BodyPartModel.load(onnx_file, provider="cpu")
    if set(known) < set(CALIBRATION):
        known = calibrated(model, parts, manifest.parent, known.get("temperature"))
    else:
        known["rejection"] = with_own_distance(known["rejection"], model, parts, manifest.parent)
    _write(onnx_file, record | known)
    print(f"{onnx_file}: {onnx_file.stat().st_size / 1e6:.1f} MB, {known['rejection']}")


def _write(onnx_file: Path, record: dict[str, Any]) -> None:
    """Write the description beside the network."""
    text = json.dumps(record, indent=1) + "\n"
    onnx_file.with_suffix(".json").write_text(text, encoding="utf-8")


@refusals_told()
def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--split", type=Path, default=SPLIT)
    parser.add_argument("--run", type=Path, default=RUNS / "latest")
    parser.add_argument("--out", type=Path, help="by default the run's folder")
    parser.add_argument("--size", type=int, help="side of the network's square, in pixels")
    parser.add_argument(
        "--sides",
        type=int,
        nargs="*",
        default=[],
        help="average over the field at these longer sides, in pixels; by default the square's",
    )
    parser.add_argument("--mirrored", action="store_true", help="average with mirror images")
    parser.add_argument(
        "--field-tone",
        type=float,
        help="look for the exposed field with the upper quartile at this grey, 0 to 1",
    )
    parser.add_argument("--raw-weights", action="store_true", help="not the averaged ones")
    parser.add_argument(
        "--average-with", type=Path, help="average with the weights of this earlier model, too"
    )
    parser.add_argument(
        "--share", type=float, default=0.5, help="what this run counts for in that, 0 to 1"
    )
    parser.add_argument(
        "--first", type=Path, help="folder of an exported model, for its temperature"
    )
    parser.add_argument(
        "--calibration-of", type=Path, help="folder of an exported model, for all its calibration"
    )
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    taken_over = None
    if given.calibration_of:
        taken_over = TakenOver(given.calibration_of / "bodypart.json")
    elif given.first:
        taken_over = TakenOver(given.first / "bodypart.json", ("temperature",))
    export(
        given.run / "checkpoint.pt",
        given.manifest,
        given.out or given.run,
        split_file=given.split,
        weights=Weights(not given.raw_weights, given.average_with, given.share),
        preprocessing=Preprocessing(given.size, given.sides, given.mirrored, given.field_tone),
        taken_over=taken_over,
        version=given.version,
    )


if __name__ == "__main__":
    main()
