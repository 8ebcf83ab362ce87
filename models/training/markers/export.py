"""Export finder and reader with their limits: ``python -m training.markers.export --run ...``.

The limit lies above the probabilities of all wrong answers on the calibration's films.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import torch

from bodypart.model.side_marker import INPUT, LETTERS, OUTPUT, PIECE
from training.manifest import read_manifest
from training.markers.evaluate import cases, loaded
from training.markers.network import LetterFinder
from training.markers.reader_network import LetterReader
from training.markers.readings import read_readings
from training.onnx_graph import OPSET
from training.paths import MANIFEST, MODELS, RUNS
from training.split import SPLIT, split

if TYPE_CHECKING:
    from torch import nn

SIZE = 320
"""Longest side of a picture in pixels: that of the films in the training."""

CONTRARY = 0.3
"""How probable a letter of the other side may be, as a share of the given one's probability."""

LEAST = 0.995
"""Lower bound of the limit, however few errors there are on the calibration's few films."""


def to_onnx(network: nn.Module, side: int, *, free: bool) -> bytes:
    """Return the ONNX file's bytes; the batch size is free, with ``free`` the sides too."""
    inside, outside = {0: "pictures"}, {0: "pictures"}
    if free:
        inside |= {2: "rows", 3: "columns"}
        outside |= {2: "down", 3: "across"}
    buffer = io.BytesIO()
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 1, side, side),),
        buffer,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_axes={INPUT: inside, OUTPUT: outside},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    return model.SerializeToString()


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--run", type=Path, default=RUNS / "marker")
    parser.add_argument("--out", type=Path, default=MODELS)
    given = parser.parse_args()
    names = ("marker.json", "marker_finder.onnx", "marker_reader.onnx")
    description, *files = (given.out / name for name in names)
    checkpoints = [given.run / name for name in ("marker.pt", "reader.pt")]
    networks: tuple[nn.Module, ...] = (LetterFinder(), LetterReader())
    record: dict[str, Any] = {"letters": list(LETTERS), "size": SIZE}
    record |= {"limit": 0.0, "contrary": CONTRARY, "checkpoints_sha256": []}
    shapes = ((SIZE, True), (PIECE, False))
    for network, file, checkpoint, (side, free) in zip(
        networks, files, checkpoints, shapes, strict=True
    ):
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        file.write_bytes(to_onnx(network, side, free=free))
        key = f"{file.stem.removeprefix('marker_')}_sha256"
        record[key] = hashlib.sha256(file.read_bytes()).hexdigest()
        record["checkpoints_sha256"].append(hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    description.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    reader = loaded((description, *files))
    rows = split(read_manifest(given.manifest), SPLIT).calibration
    found = cases(reader, given.manifest.parent, rows, read_readings())
    # With both limbs in the picture no side is given, and no archive has printed figures.
    wrong = [
        marker.probability
        for _, reading, marker in found
        if marker and marker.side != reading.side and not marker.both and not reading.panel
    ]
    record["limit"] = max(LEAST, round(max(wrong, default=0.0) + 5e-4, 3))
    description.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    sizes = " and ".join(f"{file.stat().st_size / 1e3:.0f}" for file in files)
    print(f"{sizes} kB, limit {record['limit']}, of {len(found)} films")


if __name__ == "__main__":
    main()
