"""Parts with the marks of side and view glued to them: ``LKNEE``, ``CHESTLAT``, ``XHANDLT``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bodypart.headers.folding import words

if TYPE_CHECKING:
    from bodypart.headers.vocabulary import Vocabulary

_BEFORE = ("", "xr", "cr", "rx", "x", "left", "right", "bilat", "lt", "rt", "l", "r")
_BEHIND = re.compile(
    r"(?:ap|pa|lat|obl|lt|rt|left|right|bilat|bil|bds|(?<!a)[lr]|(?<=^x[a-z]{3})[lrb])$"
)
"""``scapular`` and ``tibial`` are adjectives. A short code of a catalogue has its side at the end:
``XCLAL``, ``XKNEB``."""

_BOTH = "b"

_SHORTEST_CORE = 3
_ENGLISH = "en"
"""The language in which consoles write so; in others "Romero" would be a right humerus."""


def with_marks_cut(folded: str, vocabulary: Vocabulary) -> str:
    """Return a text with the marks cut off every word that the vocabulary does not hold."""
    return replaced(folded, lambda word: unglued(word, vocabulary), vocabulary)


def replaced(folded: str, other: Callable[[str], str | None], vocabulary: Vocabulary) -> str:
    """Return a text with other words for those that the vocabulary does not hold; signs stay.

    Parameters
    ----------
    folded : str
        The text.
    other : callable
        Gives what stands for a word, or None.
    vocabulary : Vocabulary
        The terms.
    """
    pieces, done = [], 0
    for word in words(folded):
        if word.text not in vocabulary.tree.after and (instead := other(word.text)):
            pieces += [folded[done : word.start], instead]
            done = word.end
    return "".join([*pieces, folded[done:]])


def unglued(word: str, vocabulary: Vocabulary) -> str | None:
    """Return a word with the marks cut off the part, or None if it is none with marks.

    Parameters
    ----------
    word : str
        Folded.
    vocabulary : Vocabulary
        The terms.
    """
    for before in _BEFORE:
        if not word.startswith(before):
            continue
        core, behind = word.removeprefix(before), ""
        while len(core) >= _SHORTEST_CORE:
            marks = len(before + behind.replace(" ", ""))
            enough = (
                marks > 1
                or len(core) > (_SHORTEST_CORE + bool(behind))
                or core == "hip"
                or "x" in (before, core[0])
            )
            if marks and enough and vocabulary.names_part(core, _ENGLISH):
                return f"{before} {core} {behind}".strip()
            mark = _BEHIND.search(core)
            if mark is None:
                break
            side = "both" if mark.group() == _BOTH else mark.group()
            core, behind = core[: mark.start()], f"{side} {behind}".strip()
    return None
