"""Which of the terms found in a text hold: one that its language, place and neighbours allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bodypart.headers.folding import words
from bodypart.headers.mentions import mentions_in
from bodypart.headers.vocabulary import ALONE, NOT, SIDES, VIEWS

if TYPE_CHECKING:
    from bodypart.headers.folding import Word
    from bodypart.headers.mentions import Mention
    from bodypart.headers.vocabulary import Vocabulary

_EVERYWHERE = frozenset({"en", "fr"})
"""Languages whose Latin words for parts are most other languages' words as well."""


def holding(folded: str, vocabulary: Vocabulary) -> list[Mention]:
    """Return the mentions that hold, in the order of the text: longest first, none overlapping."""
    found = list(words(folded))
    candidates = sorted(mentions_in(found, vocabulary), key=lambda mention: mention.weight)
    named = {label for mention in candidates for label in mention.entry.labels}
    telling = [mention for mention in candidates if mention.tells_language]
    languages = {mention.entry.language for mention in telling}
    # "Pelvis" is Spanish, too, but tells nobody that "radio" is a bone rather than French.
    shared = {mention.span for mention in telling if mention.entry.language in _EVERYWHERE}
    certain = {mention.entry.language for mention in telling if mention.span not in shared}
    kept: list[Mention] = []
    for mention in candidates:
        if any(mention.start < other.end and other.start < mention.end for other in kept):
            continue
        entry, when = mention.entry, mention.entry.when
        if (
            when is None
            or when in named
            or when in (certain if entry.names_part else languages)
            or (when == ALONE and _alone(mention, found, candidates))
        ) and not _is_something_else(mention, found, candidates, folded):
            kept.append(mention)
            if when == ALONE and entry.names_part:
                languages.add(entry.language)
    return sorted(kept, key=lambda mention: mention.start)


def _is_something_else(
    mention: Mention, found: Sequence[Word], candidates: Sequence[Mention], folded: str
) -> bool:
    """Return whether a short word stands where it cannot mean this.

    At the end "sin" is no negation but the left side; "dx" before all else is the modality
    rather than the right side; a Portuguese "e" means "and" unless it follows a part and no part
    follows it; a letter after a projection is another projection ("AP/L") rather than a side, and
    one glued to a digit a vertebra ("L4/5") or a finger ("D3").
    """
    kind, text = mention.entry.kind, folded[mention.start : mention.end]
    last = mention.end == found[-1].end
    if kind == NOT:
        return last
    if kind not in SIDES:
        return False
    if len(text) == 1 and text.isascii() and _follows_projection(mention, candidates, folded):
        return True
    if text in {"l", "d"} and folded[mention.end : mention.end + 1].isdigit():
        return True
    if last:
        return False
    if text == "dx":
        return mention.start == found[0].start
    if text == "e":
        starts = [word.start for word in found]
        place = starts.index(mention.start)
        before, behind = found[place - 1].end, starts[place + 1]
        parts = [other for other in candidates if other.entry.names_part]
        follows = place > 0 and any(other.end == before for other in parts)
        return not follows or any(other.start == behind for other in parts)
    return False


def _follows_projection(mention: Mention, candidates: Sequence[Mention], folded: str) -> bool:
    """Return whether only signs stand between a projection and a letter.

    After a blank alone an "R" is a side ("Hand PA R"), because it stands for no projection.
    """
    for other in candidates:
        if other.entry.kind in VIEWS and other.end <= mention.start:
            between = folded[other.end : mention.start]
            signs = between.strip()
            if not any(sign.isalnum() for sign in between) and (
                signs or folded[mention.start] == "l"
            ):
                return True
    return False


def _alone(mention: Mention, found: Sequence[Word], candidates: Sequence[Mention]) -> bool:
    """Return whether every other word is a number or known, but no part."""
    known = [other for other in candidates if not other.entry.names_part] + [mention]
    return all(
        word.text.isdigit()
        or any(other.start <= word.start and word.end <= other.end for other in known)
        for word in found
    )
