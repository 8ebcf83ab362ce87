"""What a text says of this picture, and not of what it leaves out, or of why it is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING

from bodypart.headers.folding import is_ideographic, words
from bodypart.headers.vocabulary import BACKGROUND, DEPARTMENT, NOT, SIDES, SUSPECTED, VIEWS
from bodypart.regions import labels_in

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention

_BREAK = re.compile("[,;:()]")
"""Over which no negation reaches: "keine Fraktur, Knie re"."""

_END_OF_BACKGROUND = re.compile(r"[,;:()\n]|\s-\s|(?<=\w{5})\.(?=\s)")
"""A full stop after a short word belongs to an abbreviation."""

_EXCLUDED = re.compile(r"(?:exc?k?l\w*|esclus\w*|not included)[ .]*(?=[,;:()+]|$)")
"""A negation that stands behind what it takes away: "Hand excl."."""

_TITLE = re.compile(r"\b(?:dr|dra|dott|herr|frau|mrs?)\. *$|\b(?:herr|frau) +$")
"""Before a name: "Dr. Hand"."""

_IN_ITS_NAME = re.compile(r"[a-z]{0,2}-?[/&+]? ?(?:(?:and|und|u\.?|n|[&+]) )?|の?")
"""What may stand between a part and the department that is named after it: "Lunge|n|klinik",
"Foot| and |ankle| |clinic". "Shoulder for clinic" and "Hand - Clinic" are two things, and so are
ideographs that a blank parts."""

_FRACTURE = r"(?:fx|frx|fract|frakt|fratt|fratur|zlam|zlom|перел)[^\W\d_]*"
_BROKEN = re.compile(rf"\b{_FRACTURE}")
_IN_DOUBT = re.compile(rf"\s*{_FRACTURE}\s*\?")


def affirmed(kept: Sequence[Mention], folded: str, small_words: Set[str]) -> list[Mention]:
    """Return the mentions that are said of this picture.

    A negation takes away the part that it stands before, with the side between the two, and a
    side; "excl." the one behind which it ends the list. A department's and a physician's name are
    none. What a patient had before ("Z.n. Hüft-TEP li, Knie"), or may have ("Thorax, V.a.
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
            excluded = _EXCLUDED.match(folded, mention.start)
            following = kept[at::-1] if excluded else kept[at:]
            for denied in _denied(following, folded, small_words):
                said.remove(denied)
    for mention in _of_persons_and_places(kept, folded):
        if mention in said:
            said.remove(mention)
    said = _without_its_side(kept, said, folded)
    past = [mention for mention in said if _is_background(mention, kept, folded)]
    sides = [mention for mention in said if mention.entry.kind in SIDES]
    one_side = len({mention.entry.kind for mention in sides}) == 1
    if one_side and not any(mention.entry.names_part for mention in past):
        past = [mention for mention in past if mention not in sides]
    present = [mention for mention in said if mention not in past]
    return present if any(mention.entry.names_part for mention in present) else said


def _denied(following: Sequence[Mention], folded: str, small_words: Set[str]) -> Iterator[Mention]:
    """Yield what the negation takes away that stands first; read backwards, what it follows."""
    sides = []
    for before, mention in pairwise(following):
        first, second = sorted((before, mention), key=lambda it: it.start)
        between = folded[first.end : second.start]
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


def _of_persons_and_places(kept: Sequence[Mention], folded: str) -> Iterator[Mention]:
    """Yield the parts that are a physician's name, or stand in that of a department."""
    behind = None
    for mention in reversed(kept):
        if mention.entry.kind == DEPARTMENT:
            behind = mention
        elif not mention.entry.names_part:
            behind = None
        elif behind is not None:
            between = folded[mention.end : behind.start]
            written_on = not (between.isspace() and is_ideographic(folded[behind.start :]))
            behind = mention if written_on and _IN_ITS_NAME.fullmatch(between) else None
            if behind:
                yield mention
        if mention.entry.names_part and _TITLE.search(folded, 0, mention.start):
            yield mention


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
    """Return whether a mention belongs to what was before, or is only suspected."""
    if mention.entry.names_part and _IN_DOUBT.match(folded, mention.end):
        return True
    for before in kept:
        if before.entry.kind not in {BACKGROUND, SUSPECTED} or before.end > mention.start:
            continue
        end = _END_OF_BACKGROUND.search(folded, before.end)
        if end is None or mention.start < end.start():
            return not (before.entry.kind == SUSPECTED and _is_listed(before, kept, folded))
    return False


def _is_listed(suspected: Mention, kept: Sequence[Mention], folded: str) -> bool:
    """Return whether a text begins with what is suspected, and then lists where.

    "r/o fx wrist, hand" is an order for both; "r/o patella fx, knee" is one for a knee, and so is
    every text whose later part encloses the first.
    """
    parts = [mention for mention in kept if mention.entry.names_part]
    if not parts:
        return False
    first = parts[0]
    return (
        suspected.end <= first.start
        and _BROKEN.search(folded, suspected.end, first.start) is not None
        and not any(
            label in labels_in(other) and label != other
            for label in first.entry.labels
            for part in parts
            for other in part.entry.labels
        )
    )
