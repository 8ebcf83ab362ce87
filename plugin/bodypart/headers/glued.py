"""Parts written together with marks of side and view: ``LKNEE``, ``CHESTLAT``, ``XHANDLT``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bodypart.headers.folding import words

if TYPE_CHECKING:
    from bodypart.headers.vocabulary import Vocabulary

_BEFORE = ("", "xr", "cr", "dr", "dx", "rx", "x", "left", "right", "bilat", "lt", "rt", "l", "r")
_BEHIND = re.compile(
    r"(?:ap|pa|lat|obl|lt|rt|left|right|bilat|bil|bds|(?<![^p]a)[lr]|(?<=^x[a-z]{3})[lrb])$"
)
"""No "l" or "r" after "a" but "pa": ``scapular``, ``tibial`` are adjectives. The short codes of a
catalogue have their side at the end: ``XCLAL``, ``XKNEB``."""

_BOTH = "b"

_SHORTEST_CORE = 3
_ENGLISH = "en"
"""Consoles glue marks to English parts only; in other languages "Romero" would be a right
humerus."""


def with_marks_cut(folded: str, vocabulary: Vocabulary) -> str:
    """Return a text with the marks split off every word that is not in the vocabulary."""
    return replaced(folded, lambda word: unglued(word, vocabulary), vocabulary)


def replaced(folded: str, other: Callable[[str], str | None], vocabulary: Vocabulary) -> str:
    """Return a text with words that are not in the vocabulary replaced; all else stays.

    Parameters
    ----------
    folded : str
        The text.
    other : callable
        Returns the replacement of a word, or None to keep it.
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
    """Return a word with the marks split off the part, or None if it is no part with marks.

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
            if enough and vocabulary.names_part(core, _ENGLISH):
                return f"{before} {core} {behind}".strip()
            mark = _BEHIND.search(core)
            if mark is None:
                break
            side = "both" if mark.group() == _BOTH else mark.group()
            core, behind = core[: mark.start()], f"{side} {behind}".strip()
    return None
