"""What a text says of this picture, and not of what it leaves out, or of why it is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING

from bodypart.headers.folding import words
from bodypart.headers.vocabulary import BACKGROUND, NOT, SIDES, VIEWS

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention

_BREAK = re.compile("[,;:()]")
"""Over which no negation reaches: "keine Fraktur, Knie re"."""

_END_OF_BACKGROUND = re.compile(r"[,;:()\n]|\s-\s|(?<=\w{5})\.(?=\s)")
"""A full stop after a short word belongs to an abbreviation."""


def affirmed(kept: Sequence[Mention], folded: str, small_words: Set[str]) -> list[Mention]:
    """Return the mentions that are said of this picture.

    A negation takes away the part that it stands before, with the side between the two, and a
    side. What a patient had before ("Z.n. Hüft-TEP li, Knie"), or may have ("Thorax, V.a.
    Rippenfraktur"), is not what was examined, if another part is named. A side behind it that goes
    with no other part is the examined one's ("Wrist r/o fx LT").

    Parameters
    ----------
    kept : sequence of Mention
        What holds, in the order of the text.
    folded : str
        The text.
    small_words : set of str
        Words that may stand between a negation and what it takes away.
    """
    said = list(kept)
    for at, mention in enumerate(kept):
        if mention.entry.kind == NOT:
            for denied in _denied(kept[at:], folded, small_words):
                said.remove(denied)
    said = _without_its_side(kept, said, folded)
    past = [mention for mention in said if _is_background(mention, kept, folded)]
    sides = [mention for mention in said if mention.entry.kind in SIDES]
    one_side = len({mention.entry.kind for mention in sides}) == 1
    if one_side and not any(mention.entry.names_part for mention in past):
        past = [mention for mention in past if mention not in sides]
    present = [mention for mention in said if mention not in past]
    return present if any(mention.entry.names_part for mention in present) else said


def _denied(following: Sequence[Mention], folded: str, small_words: Set[str]) -> Iterator[Mention]:
    """Yield what the negation takes away that stands first."""
    sides = []
    for before, mention in pairwise(following):
        between = folded[before.end : mention.start]
        if _BREAK.search(between) or any(w.text not in small_words for w in words(between)):
            break
        if mention.entry.names_part:
            yield mention
            break
        if mention.entry.kind in SIDES:
            sides.append(mention)
        elif mention.entry.kind not in VIEWS:
            break
    yield from sides


def _without_its_side(kept: Sequence[Mention], said: list[Mention], folded: str) -> list[Mention]:
    """Leave out the side behind a part that was taken away, where another side is left."""
    for before, mention in pairwise(kept):
        if before in said or not before.entry.names_part or mention.entry.kind not in SIDES:
            continue
        rest = [other for other in said if other != mention]
        if not folded[before.end : mention.start].strip() and any(
            other.entry.kind in SIDES for other in rest
        ):
            said = rest
    return said


def _is_background(mention: Mention, kept: Sequence[Mention], folded: str) -> bool:
    for before in kept:
        if before.entry.kind == BACKGROUND and before.end <= mention.start:
            end = _END_OF_BACKGROUND.search(folded, before.end)
            if end is None or mention.start < end.start():
                return True
    return False
