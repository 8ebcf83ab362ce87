"""Batches form by themselves: the questions that arrive while one runs become the next.

No question waits for a batch to fill. A single one is run at once, and the busier the machine, the
larger the batches.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bodypart.network import Network

    Float32 = NDArray[np.float32]

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Numbers of pictures to which batches are padded: CUDA plans anew for each new number."""
LARGEST = SIZES[-1]


@dataclass(frozen=True, slots=True)
class Question:
    """Pictures, and the question's number, which its answer repeats."""

    number: int
    pictures: Float32


class Waiting:
    """Questions that wait for the network."""

    def __init__(self) -> None:
        self._questions: deque[Question] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, question: Question) -> None:
        """Add a question."""
        with self._changed:
            self._questions.append(question)
            self._changed.notify()

    def close(self) -> None:
        """End the waiting for questions; those already here are still returned."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def batch(self) -> list[Question]:
        """Wait for a question, and return all that are there, up to ``LARGEST`` squares.

        Empty once it is closed and no question is left.
        """
        taken: list[Question] = []
        squares = 0
        with self._changed:
            while not self._questions and not self._closed:
                self._changed.wait()
            while self._questions:
                squares += len(self._questions[0].pictures)
                if taken and squares > LARGEST:
                    break
                taken.append(self._questions.popleft())
        return taken


def answers(network: Network, batch: Sequence[Question]) -> list[dict[str, Float32]]:
    """Run the network once for all questions; return the answer to each."""
    pictures = np.concatenate([question.pictures for question in batch])
    wanted = next((size for size in SIZES if size >= len(pictures)), len(pictures))
    padding = np.full((wanted - len(pictures), *pictures.shape[1:]), -1, dtype=np.float32)
    given = network.run(np.concatenate([pictures, padding]) if len(padding) else pictures)
    parts, start = [], 0
    for question in batch:
        end = start + len(question.pictures)
        parts.append(_rows(given, start, end))
        start = end
    return parts


def _rows(given: Mapping[str, Float32], start: int, end: int) -> dict[str, Float32]:
    return {name: values[start:end] for name, values in given.items()}
