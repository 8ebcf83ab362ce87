"""Which words to drop if there are more than the memory keeps: those that repeat others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bodypart.memory.words import Word

    Float32 = NDArray[np.float32]
    Integers = NDArray[np.int64]

BLOCK = 256
"""Words that are compared with all others on their part at a time: 10 MB for 10,000."""

_NO_OTHER = -2
"""Less than any cosine."""


def most_repeated(words: Sequence[Word], count: int) -> list[str]:
    """Return the words to drop, one after the other, each from the part with most words left.

    It is the word whose nearest other word on the same part is nearest; of two, the older.

    Parameters
    ----------
    words : sequence of Word
        The oldest first.
    count : int
        How many to drop; none if it is not positive.
    """
    if count <= 0:
        return []  # As nearly always: no copy of all embeddings.
    by_part: dict[tuple[str, ...], list[Word]] = {}
    for word in words:
        by_part.setdefault(word.labels, []).append(word)
    parts = [_Part(own) for own in by_part.values()]
    gone = []
    for _ in range(count):
        largest = max(parts, key=lambda part: part.left)
        gone.append(largest.leave_out())
    return gone


class _Part:
    """The words on one part, and how near each one's nearest other is."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.left = len(words)
        self._ids = [word.id for word in words]
        self._rows = np.stack([word.embedding for word in words])
        self._there = np.ones(len(words), dtype=bool)
        self._nearness: Float32 | None = None
        self._nearest: Integers = np.full(len(words), -1, dtype=np.int64)

    def leave_out(self) -> str:
        """Leave out the most repeated word; return its id."""
        if self._nearness is None:
            self._nearness = np.full(len(self._ids), _NO_OTHER, dtype=np.float32)
            self._compare(self._nearness, np.arange(len(self._ids)))
        index = int(np.where(self._there, self._nearness, -np.inf).argmax())
        self._there[index] = False
        self.left -= 1
        self._compare(self._nearness, np.flatnonzero(self._there & (self._nearest == index)))
        return self._ids[index]

    def _compare(self, nearness: Float32, which: Integers) -> None:
        """Find the nearest other one of some words."""
        for start in range(0, len(which), BLOCK):
            some = which[start : start + BLOCK]
            cosine = self._rows[some] @ self._rows.T
            cosine[:, ~self._there] = _NO_OTHER
            cosine[np.arange(len(some)), some] = _NO_OTHER
            self._nearest[some] = cosine.argmax(axis=1)
            nearness[some] = cosine.max(axis=1)
