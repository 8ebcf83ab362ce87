"""Words with one slip of the pen: ``abdoman``, ``sholder``, ``clavcile``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

SHORTEST = 6
"""Letters; in shorter words one slip too easily makes another word. So it does in a part of just as
many ("Husten" is no "Hüften"), unless two letters are swapped, or one is doubled."""


class Speller:
    """Finds the known word that differs from a misspelt one by a single slip.

    A slip is a letter too many, too few, wrong, or swapped with the next one; the first letter
    is right. The index holds every known word with each of its letters left out.

    Parameters
    ----------
    known : iterable of str
        Folded words; shorter ones than `SHORTEST` are ignored.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._by_shortened: dict[str, set[str]] = defaultdict(set)
        for word in known:
            if len(word) >= SHORTEST:
                for shortened in _shortened(word):
                    self._by_shortened[shortened].add(word)

    def corrected(self, word: str) -> set[str]:
        """Return the known words that ``word`` may be a misspelling of."""
        near: set[str] = set()
        for shortened in _shortened(word):
            near |= self._by_shortened.get(shortened, set())
        return {other for other in near if _may_be(word, other)}


def _shortened(word: str) -> set[str]:
    return {word} | {word[:place] + word[place + 1 :] for place in range(1, len(word))}


def _may_be(word: str, known: str) -> bool:
    """Return whether a word that shares a shortened form with a known one is that one misspelt."""
    if len(known) == SHORTEST and sorted(known) != sorted(word):
        return _with_one_doubled(word, known)
    # Of two lengths, one is the other with a letter left out.
    return len(known) != len(word) or _one_slip(word, known)


def _with_one_doubled(word: str, known: str) -> bool:
    doubled = (n for n in range(1, len(word)) if word[n] == word[n - 1])
    return any(word[:n] + word[n + 1 :] == known for n in doubled)


def _one_slip(first: str, second: str) -> bool:
    """Return whether words of one length differ by a letter, or by two that are swapped."""
    places = (place for place, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    start = next(places, 0)
    swapped = first[start : start + 2] == second[start : start + 2][::-1]
    return first[start + 1 :] == second[start + 1 :] or (
        swapped and first[start + 2 :] == second[start + 2 :]
    )
