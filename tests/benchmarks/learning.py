"""What the memory of confirmed pictures costs: an answer, a lesson, room.

    python tests/benchmarks/learning.py

The words are numbers: sixty kinds of pictures, a sixth of them taken for another part.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from pathlib import Path

import numpy as np

from bodypart.evidence import ImageReading, Seen
from bodypart.memory import Memory, Recall, Word
from bodypart.memory.exemplars import Exemplars
from bodypart.model import BodyPartModel
from phantoms import draw

MODEL = Path(__file__).resolve().parents[2] / "models" / "bodypart.onnx"
COUNTS = (100, 1_000, 10_000)
KINDS, TURNS = 60, 200


def words(count: int, labels: tuple[str, ...], dimensions: int) -> list[Word]:
    """Return words on two pictures a patient."""
    random = np.random.default_rng(0)
    kinds = random.normal(size=(KINDS, dimensions))
    drawn = random.integers(KINDS, size=count)
    rows = kinds[drawn] + 0.7 * random.normal(size=(count, dimensions))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    made = []
    for number, (kind, row) in enumerate(zip(drawn.tolist(), rows, strict=True)):
        said = np.full(len(labels) + 1, 0.2 / len(labels), np.float32)
        said[(kind + (kind % 6 == 0)) % len(labels)] = 0.8
        made.append(
            Word(
                id=f"{number:06}",
                instance=f"{number:044}",
                patient=str(number // 2),
                labels=(labels[kind % len(labels)],),
                embedding=row,
                probabilities=said,
            )
        )
    return made


def median(action) -> float:
    """Return the median of the seconds that some turns took."""
    seconds = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def main() -> None:
    """Print the table."""
    model = BodyPartModel.load(MODEL, provider="cpu")
    picture = draw("hand", 400, 360).astype(np.float32)
    own = median(lambda: model.read(picture))
    dimensions = len(model.read(picture).seen.embedding)
    print("An answer is given in parts of what the model takes for one picture.\n")
    print("| words | an answer | room in a decoder | an update, whole | learning anew, CPU |")
    print("|---|---|---|---|---|")
    for count in COUNTS:
        exemplars = Exemplars.beside(MODEL)
        some = words(count, model.labels, dimensions)
        begun = time.process_time()
        memory = Memory(model.sha256, model.labels, some, exemplars)
        learning = time.process_time() - begun
        record, numbers = memory.update()
        recall = Recall(model.sha256)
        tracemalloc.start()
        recall.apply(record, numbers)
        room = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        one = some[5]
        reading = ImageReading(
            dict(zip(model.labels, one.probabilities.tolist(), strict=False)),
            seen=Seen(one.embedding, one.probabilities, rejected=False),
        )
        answer = median(lambda recall=recall, reading=reading: recall.consult(reading))
        print(
            f"| {count:,} | {answer / own:.3f} ({answer * 1000:.2f} ms) | {room / 1e6:.1f} MB "
            f"| {len(numbers) / 1e6:.1f} MB | {learning:.1f} s |"
        )


if __name__ == "__main__":
    main()
