"""Export a checkpoint with its calibration: ``python -m training.export --run ...``."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.model_input import FLAT_SHARE, FLAT_TOLERANCE
from bodypart.model.session import BodyPartModel
from bodypart.percentiles import WINDOW_PERCENTILES
from training.answers import answers
from training.calibrate import (
    fit_rejection,
    fit_temperature,
    fit_visible_temperature,
    fit_visible_thresholds,
)
from training.dataset import VISIBLE_LABELS, drawing_weights, target
from training.manifest import read_manifest
from training.network import VIEWS, Network
from training.onnx_graph import Graph, reference_embeddings, to_onnx
from training.paths import MANIFEST, RUNS
from training.pictures import Picture, read_pictures
from training.split import SPLIT, Split, split
from training.start import Start
from training.train import read_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bodypart.model.parameters import Rejection
    from training.answers import Answers

NAME = "bodypart-mobilenetv2"
REFERENCES = 1500
DIMENSIONS = 192
LEAST_VISIBLE = 20
"""Labels seen in fewer training pictures are not given as visible."""

CALIBRATION = ("temperature", "rejection", "visible_temperature", "visible_thresholds")
"""Keys of a description that :func:`calibrated` fits."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier model that the weights of a checkpoint are averaged with.

    Attributes
    ----------
    path : Path
        A checkpoint, or an exported ``.onnx`` file with its JSON beside it.
    share : float
        What the checkpoint counts for, 0 to 1; the earlier model counts for the rest.
    """

    path: Path
    share: float


def load_network(
    state: dict[str, Any], *, averaged: bool = True, earlier: Earlier | None = None
) -> Network:
    """Return the network of a checkpoint, with averaged weights unless told otherwise."""
    network = Network(len(state["labels"]), len(VISIBLE_LABELS))
    weights = Start.of_checkpoint(state)
    if not averaged:
        weights = replace(weights, weights=state["network"])
    if earlier:
        weights = weights.averaged_with(Start.read(earlier.path), earlier.share)
    weights.load_into(network, state["labels"])
    return network.eval()


def build_graph(
    network: Network,
    parts: Split,
    folder: Path,
    *,
    size: int,
    field_tone: float | None,
    seed: int,
    count: int,
) -> Graph:
    """Return the graph with references drawn from the training radiographs, balanced."""
    rows = [row for row in parts.train if not row.foreign]
    count = min(count, len(rows))
    drawn = np.random.default_rng(seed).choice(
        len(rows), count, replace=False, p=drawing_weights(rows)
    )
    pictures = read_pictures(folder, [rows[index] for index in drawn])
    features = read_all(network, pictures, size, field_tone).features
    return Graph(network, *reference_embeddings(features, min(DIMENSIONS, count)))


def calibrated(
    model: BodyPartModel,
    parts: Split,
    pictures: Sequence[Picture],
    first: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit the calibration on the pictures set aside for it; return the description's keys.

    The temperature is taken over from the description ``first``, if given.
    """
    rows = parts.calibration[: len(pictures)]
    given = answers(model, [picture.values for picture in pictures])
    goals = [target(row, parts.labels) for row in rows]
    examined = np.stack([goal.examined for goal in goals]) > 0
    radiographs = examined[:, :-1].any(axis=1)
    temperature = (
        first["temperature"]
        if first
        else fit_temperature(given.logits[radiographs], examined[radiographs])
    )
    seen = Counter(label for row in parts.train for label in row.visible)
    given_as_visible = [label for label in VISIBLE_LABELS if seen[label] >= LEAST_VISIBLE]
    return {
        "temperature": temperature,
        "rejection": asdict(_limits(model.labels, given, temperature, examined)),
        **_fitted_visible(
            given.visible, np.stack([goal.visible for goal in goals]), given_as_visible
        ),
    }


def _limits(
    labels: Sequence[str], given: Answers, temperature: float, examined: NDArray[np.bool_]
) -> Rejection:
    """Fit the limits of rejection on radiographs of emitted labels and on foreign pictures."""
    real, foreign = np.asarray(examined[:, :-1].any(axis=1)), examined[:, -1]
    told = real | foreign
    posterior = softmax(given.logits[told], temperature)
    said = [labels[index] for index in posterior[:, :-1].argmax(axis=1)]
    return fit_rejection(given.distance[told], posterior[:, -1], said, real[told])


def _fitted_visible(
    logits: NDArray[np.float32], goal: NDArray[np.float32], kept: Sequence[str]
) -> dict[str, Any]:
    """Fit the temperature and the thresholds of what is visible; only ``kept`` labels are given."""
    temperature = fit_visible_temperature(logits, goal)
    thresholds = fit_visible_thresholds(sigmoid(logits, temperature), goal, VISIBLE_LABELS)
    return {
        "visible_temperature": temperature,
        "visible_thresholds": {label: thresholds[label] for label in kept},
    }


def description(
    state: dict[str, Any],
    checkpoint: Path,
    parts: Split,
    *,
    size: int,
    sides: Sequence[int],
    mirrored: bool,
    field_tone: float | None,
    version: str,
) -> dict[str, Any]:
    """Return what is known of the model before it is calibrated."""
    return {
        "name": NAME,
        "version": version,
        "sha256": "",
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "labels": list(parts.labels),
        "visible_labels": list(VISIBLE_LABELS),
        "views": list(VIEWS),
        "preprocessing": {
            "module": "bodypart.model.model_input",
            "size": size,
            "sides": list(sides),
            "mirrored": mirrored,
            "window_percentiles": list(WINDOW_PERCENTILES),
            "flat_tolerance": FLAT_TOLERANCE,
            "flat_share": FLAT_SHARE,
            "field_tone": field_tone,
        },
        "temperature": 1.0,
        "visible_temperature": 1.0,
        "visible_thresholds": {},
        "rejection": {"distance": 2.0, "none": 1.0},
        "training": _origin(state, checkpoint, parts),
    }


def _origin(state: dict[str, Any], checkpoint: Path, parts: Split) -> dict[str, Any]:
    """Return what a checkpoint was trained from."""
    whole, closeups = parts.whole, parts.closeups
    return {
        "command": state["command"],
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "backbone_sha256": state.get("backbone_sha256"),
        "started_from_sha256": state["start_sha256"],
        "teachers_sha256": state.get("teachers_sha256", []),
        "epochs": state["epoch"],
        "epochs_by_file_list_sha256": dict(Counter(state["learnt_sha256"])),
        "plan": state["plan"],
        "licences": state["licences"],
        "manifest_sha256": state["manifest_sha256"],
        "pictures": len(whole),
        "pictures_by_source": dict(Counter(row.source for row in whole).most_common()),
        "pictures_by_label": dict(
            Counter(row.examined or "several" for row in whole).most_common()
        ),
        "closeups": len(closeups),
        "closeups_by_label": dict(Counter(row.examined for row in closeups).most_common()),
    }


def export(
    checkpoint: Path,
    manifest: Path,
    out: Path,
    *,
    size: int | None = None,
    split_file: Path = SPLIT,
    sides: Sequence[int] = (),
    mirrored: bool = False,
    field_tone: float | None = None,
    averaged: bool = True,
    earlier: Earlier | None = None,
    first: Path | None = None,
    calibration_of: Path | None = None,
    version: str = "1.0.0",
    limit: int | None = None,
) -> None:
    """Write ``bodypart.onnx`` and ``bodypart.json`` to ``out``.

    The square is as large as in the training unless ``size`` says otherwise. With ``first``, the
    description of a model that saw fewer sources, its temperature is taken over: how sure to be in
    a strange hospital can only be measured where the hospital is strange. With ``calibration_of``,
    the description of a model of the same weights, all of its calibration is.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    seed, size = state["plan"]["seed"], size or state["plan"]["size"]
    rows = read_manifest(manifest, state["licences"])
    # Earlier runs did not record whether they had close-ups.
    parts = split(rows, split_file, with_closeups=state.get("with_closeups", True))
    if list(parts.labels) != state["labels"]:
        raise ValueError(f"{split_file} is not the split that {checkpoint} was trained with")
    network = load_network(state, averaged=averaged, earlier=earlier)
    graph = build_graph(
        network,
        parts,
        manifest.parent,
        size=size,
        field_tone=field_tone,
        seed=seed,
        count=min(REFERENCES, limit or REFERENCES),
    )
    record = description(
        state,
        checkpoint,
        parts,
        size=size,
        sides=sides or (size,),
        mirrored=mirrored,
        field_tone=field_tone,
        version=version,
    )
    if earlier:
        record["training"]["averaged_with"] = {
            "sha256": hashlib.sha256(earlier.path.read_bytes()).hexdigest(),
            "share": earlier.share,
        }
    out.mkdir(parents=True, exist_ok=True)
    onnx_file = out / "bodypart.onnx"
    onnx_file.write_bytes(to_onnx(graph, size))
    record["sha256"] = hashlib.sha256(onnx_file.read_bytes()).hexdigest()
    _write(onnx_file, record)
    if calibration_of:
        record |= _taken_over(calibration_of, record["labels"])
    else:
        model = BodyPartModel.load(onnx_file, provider="cpu")
        pictures = read_pictures(manifest.parent, parts.calibration[:limit])
        known = json.loads(first.read_text(encoding="utf-8")) if first else None
        record |= calibrated(model, parts, pictures, known)
    _write(onnx_file, record)
    print(f"{onnx_file}: {onnx_file.stat().st_size / 1e6:.1f} MB, {record['rejection']}")


def _write(onnx_file: Path, record: dict[str, Any]) -> None:
    """Write the description beside the network."""
    text = json.dumps(record, indent=1) + "\n"
    onnx_file.with_suffix(".json").write_text(text, encoding="utf-8")


def _taken_over(calibration_of: Path, labels: list[str]) -> dict[str, Any]:
    """Return the calibration of another description.

    Raises
    ------
    ValueError
        If it is one of labels that this model does not emit.
    """
    known = json.loads(calibration_of.read_text(encoding="utf-8"))
    if not set(known["labels"]) <= set(labels):
        raise ValueError(f"{calibration_of} describes a model of other labels")
    return {key: known[key] for key in CALIBRATION}


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
    export(
        given.run / "checkpoint.pt",
        given.manifest,
        given.out or given.run,
        size=given.size,
        split_file=given.split,
        sides=given.sides,
        mirrored=given.mirrored,
        field_tone=given.field_tone,
        averaged=not given.raw_weights,
        earlier=given.average_with and Earlier(given.average_with, given.share),
        first=given.first and given.first / "bodypart.json",
        calibration_of=given.calibration_of and given.calibration_of / "bodypart.json",
        version=given.version,
    )


if __name__ == "__main__":
    main()
