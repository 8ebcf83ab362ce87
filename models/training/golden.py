"""Pictures to check an inference server with, and its configuration: ``make golden``.

Writes ``bodypart.golden.npz`` beside the ONNX file, and ``config.pbtxt`` for Triton and OpenVINO
Model Server.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bodypart.model import BodyPartModel
from bodypart.network import INPUT, OUTPUTS
from bodypart.network.golden import Golden, as_stored
from phantoms import draw

MODELS = Path(__file__).resolve().parents[1]
PARTS = ("chest", "hand", "knee")
CONFIG = MODELS / "triton/bodypart/config.pbtxt"
_CONFIG = """\
# Written by `make golden`: the model's tensors, and how requests of several Orthancs are joined.
name: "bodypart"
platform: "onnxruntime_onnx"
max_batch_size: 256
input [
  {{ name: "{input}", data_type: TYPE_FP32, dims: [ {dims} ] }}
]
output [
{outputs}
]
# What came in while the last batch ran is the next; nobody waits for one to fill.
dynamic_batching {{ max_queue_delay_microseconds: 0 }}
"""


def golden_of(model: BodyPartModel) -> Golden:
    """Return drawn pictures with the model's outputs for them."""
    squares = [model.views(draw(part, 400, 360).astype(np.float32))[0] for part in PARTS]
    pictures = as_stored(np.concatenate(squares))
    answers = dict(model.network.run(pictures))
    return Golden(model.sha256, len(squares[0]), pictures, answers)


def config_of(golden: Golden) -> str:
    """Return the configuration of a server, in the text form of protocol buffers."""
    outputs = ",\n".join(
        f'  {{ name: "{name}", data_type: TYPE_FP32, dims: [ {_dims(golden.answers[name])} ] }}'
        for name in OUTPUTS
    )
    return _CONFIG.format(input=INPUT, dims=_dims(golden.pictures), outputs=outputs)


def _dims(rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> str:
    return ", ".join(map(str, rows.shape[1:]))


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODELS / "bodypart.onnx")
    parser.add_argument("--config", type=Path, default=CONFIG)
    given = parser.parse_args()
    golden = golden_of(BodyPartModel.load(given.model, provider="cpu"))
    print(golden.write(given.model))
    given.config.parent.mkdir(parents=True, exist_ok=True)
    given.config.write_text(config_of(golden), encoding="utf-8")
    print(given.config)


if __name__ == "__main__":
    main()
