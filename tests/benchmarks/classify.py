"""How long one thread takes for the network alone, and from a decoded picture to its reading.

python tests/benchmarks/classify.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from bodypart.model import BodyPartModel
from bodypart.network import INPUT
from phantoms import draw

MODEL = Path(__file__).resolve().parents[2] / "models" / "bodypart.onnx"
ROUNDS = 200


def milliseconds(task: Callable[[], object]) -> float:
    """Return the median duration of a task."""
    task()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        task()
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def main() -> None:
    """Print the table."""
    model = BodyPartModel.load(MODEL, provider="cpu", threads=1)
    own = model.parameters
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    views = np.zeros((len(own.sides), 1, own.size, own.size), dtype=np.float32)
    # As large as the decoder gives a 3000 x 2500 film.
    picture = draw("hand", 375, 313).astype(np.float32)
    print("| one picture, one thread; target 10 for an answer's network | median ms |\n|---|---|")
    print(f"| network, one view of {own.size} pixels | ", end="")
    print(f"{milliseconds(lambda: session.run(None, {INPUT: views[:1]})):.1f} |")
    print(f"| network, the {len(views)} views of an answer | ", end="")
    print(f"{milliseconds(lambda: session.run(None, {INPUT: views})):.1f} |")
    print(f"| decoded picture to reading | {milliseconds(lambda: model.read(picture)):.1f} |")
    print(f"\nmodel file: {MODEL.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
