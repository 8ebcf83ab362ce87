"""One text → the parts, sides and views that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from bodypart.headers.character_sets import repaired, undoubled
from bodypart.headers.folding import LONGEST_TEXT, fold, words
from bodypart.headers.holding import holding
from bodypart.headers.mentions import TELLING_LETTERS
from bodypart.headers.vocabulary import NOT, SIDES, VIEWS
from bodypart.regions import compatible, labels_in, narrowest

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention
    from bodypart.headers.vocabulary import Vocabulary

_REACH_OF_NOT = 2
_ALTERNATIVE = frozenset({"/", "_"})
_GLUED_BEFORE = ("", "xr", "cr", "rx", "x", "lt", "rt", "l", "r")
_GLUED_BEHIND = re.compile(r"(?:ap|pa|lat|obl|lt|rt|left|right|l|r)$")
_SHORTEST_CORE = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text says.

    Attributes
    ----------
    labels : tuple of str
        Labels it names, in the order of the text; those that enclose another one are left out.
    region : str or None
        The narrowest region it names, unless one of the labels lies in it.
    side : str or None
        ``L``, ``R`` or ``B``.
    view : str or None
        ``frontal``, ``lateral`` or ``oblique``, if it names just one of them.
    matched : str
        The pieces of the text that named labels or region, folded.
    complete : bool
        Whether every longer word of the text is known.
    """

    labels: tuple[str, ...] = ()
    region: str | None = None
    side: str | None = None
    view: str | None = None
    matched: str = ""
    complete: bool = True

    @property
    def names_part(self) -> bool:
        """Whether it names a label or a region."""
        return bool(self.labels or self.region)


@lru_cache(maxsize=4096)
def read_text(text: str, vocabulary: Vocabulary) -> Reading:
    """Read one header text.

    What names no part is read again with its character set repaired, then with misspelt words
    corrected.

    Parameters
    ----------
    text : str
        As it stands in the header; only its first 256 characters are read.
    vocabulary : Vocabulary
        The terms.
    """
    text = undoubled(text[:LONGEST_TEXT])
    reading = _read(fold(text), vocabulary)
    if reading.names_part and (reading.complete or (text.isascii() and "?" not in text)):
        return reading
    others = (
        (folded, _read(folded, vocabulary)) for folded in dict.fromkeys(map(fold, repaired(text)))
    )
    telling = (other for folded, other in others if _is_telling(other.matched, folded))
    best = max(telling, key=lambda other: len(other.matched), default=reading)
    if len(best.matched) > len(reading.matched):
        return best
    if reading.names_part:
        return reading
    return _read(_respelt(fold(text), vocabulary), vocabulary)


def _is_telling(matched: str, folded: str) -> bool:
    """Tell whether what a guessed code page makes of a text is no accident.

    Among a dozen code pages one always turns some bytes into two letters, or one ideograph, that
    mean something.
    """
    fewest = 2 if "\u3040" <= matched[:1] <= "\ud7a3" else 4
    longest = max((len(word.text) for word in words(matched)), default=0)
    return longest >= fewest or matched == folded.strip()


def _respelt(folded: str, vocabulary: Vocabulary) -> str:
    """Return a text with glued words cut, and misspelt ones replaced by what they may stand for."""
    pieces = []
    for word in words(folded):
        text = word.text
        if text not in vocabulary.tree.after:
            near = vocabulary.speller.corrected(text)
            text = _unglued(text, vocabulary) or min(near, default=text)
        pieces.append(text)
    return " ".join(pieces)


def _unglued(word: str, vocabulary: Vocabulary) -> str | None:
    """Cut a part off the marks glued to it (``LKNEE``, ``CHESTLAT``, ``XHANDLT``), or None."""
    for before in _GLUED_BEFORE:
        if not word.startswith(before):
            continue
        core, behind = word.removeprefix(before), ""
        while len(core) >= _SHORTEST_CORE:
            marks = len(before + behind.replace(" ", ""))
            enough = marks > 1 or len(core) > (_SHORTEST_CORE + bool(behind)) or core == "hip"
            if marks and enough and vocabulary.names_part(core):
                return f"{before} {core} {behind}".strip()
            mark = _GLUED_BEHIND.search(core)
            if mark is None:
                break
            core, behind = core[: mark.start()], f"{mark.group()} {behind}".strip()
    return None


def _read(folded: str, vocabulary: Vocabulary) -> Reading:
    kept = holding(folded, vocabulary)
    parts = _affirmed(kept, folded)
    labels = _narrowed(parts, folded)
    regions = [mention.entry.region for mention in parts if mention.entry.region]
    region = narrowest(regions)
    if region and any(label in labels_in(region) for label in labels):
        region = None
    views = {mention.entry.kind for mention in kept} & VIEWS
    return Reading(
        labels=labels,
        region=region,
        side=_side(kept, labels, folded),
        view=views.pop() if len(views) == 1 else None,
        matched=" ".join(folded[mention.start : mention.end] for mention in parts),
        complete=all(
            len(word.text) < TELLING_LETTERS
            or any(mention.start < word.end and word.start < mention.end for mention in kept)
            for word in words(folded)
        ),
    )


def _affirmed(kept: Sequence[Mention], folded: str) -> list[Mention]:
    """Return the mentions of parts, without the one that soon follows a negation."""
    parts = []
    negation: Mention | None = None
    for mention in kept:
        if mention.entry.kind == NOT:
            negation = mention
        elif mention.entry.names_part:
            between = folded[negation.end : mention.start] if negation else ""
            if negation is None or len(list(words(between))) >= _REACH_OF_NOT:
                parts.append(mention)
            negation = None
    return parts


def _narrowed(parts: Sequence[Mention], folded: str) -> tuple[str, ...]:
    """Return the labels named, without those that enclose another one named beside them.

    "Spine, cervical" is the cervical spine, "Hand Finger 3" a finger, "ribs with chest" a rib.
    Neighbours set as alternatives (``FOOT_ANKLE``) are one exposure, named by the first; in
    ``SPINE_LUMBAR`` the second says which piece of the first.
    """
    labels = dict.fromkeys(label for mention in parts for label in mention.entry.labels)
    for first, second in pairwise(parts):
        one, other = first.entry.labels, second.entry.labels
        sign = folded[first.end : second.start].strip()
        if len(one) != 1 or len(other) != 1 or (sign == "_" and other[0] in labels_in(one[0])):
            continue
        if sign in _ALTERNATIVE and compatible(one[0], other[0]):
            labels.pop(other[0] if one[0] not in labels_in(other[0]) else one[0], None)
    return tuple(
        label
        for label in labels
        if not any(other != label and other in labels_in(label) for other in labels)
    )


def _side(kept: Sequence[Mention], labels: Sequence[str], folded: str) -> str | None:
    """Return the side that a text names.

    Left and right of one part are both; of several ("left hand, right foot") each is another
    part's, and which one is in the picture the text does not tell.
    """
    denied = {mention.end for mention in kept if mention.entry.kind == NOT}
    sides = {
        SIDES[mention.entry.kind]
        for mention in kept
        if mention.entry.kind in SIDES and len(folded[: mention.start].rstrip()) not in denied
    }
    if len(sides) > 1:
        return "B" if len(labels) < 2 else None
    return next(iter(sides), None)
