"""Which short words for a side are one: not the "l" of "l'épaule", the "L" of "L4/5", "DX Knee"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bodypart.headers.candidates import COMMON, ENGLISH
from bodypart.headers.folding import words
from bodypart.headers.mentions import SHORT, TELLING_LETTERS
from bodypart.headers.vocabulary import VIEWS
from bodypart.regions import labels_in

if TYPE_CHECKING:
    from bodypart.headers.candidates import Text
    from bodypart.headers.mentions import Mention

_APOSTROPHES = frozenset("'\u2018\u2019\u02bc`")
"""After a letter they make it an article: "l'épaule droite"."""

_COUNT = re.compile(r"[1-6](?:eb?|p|pr|inc|v(?:ws?)?)(?![^\W\d_])")
"""A number of projections glued to a side: ``L2E``, ``D2P``."""

_NUMBERED = labels_in("hand") | labels_in("foot")
"""Parts whose rays have numbers: beside them "D2" is the second ray, and "I" the first."""

_VIEWS_TOO = frozenset("pr")
"""Letters that are no sides after a projection: in French and Portuguese P is lateral."""

_ROMANCE = frozenset({"fr", "es", "it", "pt"})
"""Languages in which "RE" is a rotation; the Latin words of other languages are German as well."""

_MODALITIES = frozenset({"dx", "dr"})
_ANDS = frozenset("ei")
_ROMAN_ONE = "i"

_BRACKETS = frozenset({"()", "[]"})

_FARTHEST = 12
"""Most characters between two projections, with an "and" among them."""

LISTED = re.compile("[,;:/(]")
"""Separates the parts of a list."""


def is_no_side(mention: Mention, text: Text) -> bool:
    """Return whether the place of a word for a side, in Latin letters, rules out this meaning.

    "dx" and "dr" at the start are modalities. A Portuguese "e" means "and", unless it follows a
    part and no part comes next, or a comma does. A letter before an apostrophe is an article
    ("l'épaule"), one glued to a digit a number of projections ("2R"), a vertebra ("L4/5"), a finger
    ("D3") or a room ("R2"). A Spanish "i" is a number unless it follows a part that has none
    ("Rodilla I"). "re" beside a French part is a rotation, a Hungarian "jobb" in Swedish a job.
    """
    word = text.folded[mention.start : mention.end]
    if len(word) == 1 and (
        is_article(mention, text)
        or _is_numbered(mention, text)
        or (word in _VIEWS_TOO and _follows_projection(mention, text))
        or (word == _ROMAN_ONE and not _follows_part(mention, text, without=_NUMBERED))
    ):
        return True
    if len(word) < TELLING_LETTERS and _is_foreign(mention, text):
        return True
    if mention.end == text.found[-1].end:
        return False
    if word in _MODALITIES:
        return mention.start == text.found[0].start
    return word in _ANDS and _is_and(mention, text)


def is_lateral(mention: Mention, text: Text) -> bool:
    """Return whether an "L" after a projection is the lateral one, as in "AP/L"."""
    return text.folded[mention.start] == "l" and _follows_projection(mention, text)


def breaks_at(end: int, text: Text) -> bool:
    """Return whether a list item ends at a place."""
    return bool(LISTED.match(text.folded[end:].lstrip(" .")))


def is_article(mention: Mention, text: Text) -> bool:
    """Return whether it is a French article ("l'épaule", "de l epaule"), or ends "add'l"."""
    before, behind = text.folded[: mention.start], text.folded[mention.end :]
    if behind[:1] in _APOSTROPHES and behind[1:2].isalpha():
        return True
    if before[-1:] in _APOSTROPHES and before[-2:-1].isalpha():
        return True
    is_l = text.folded[mention.start] == "l"
    return is_l and before.endswith((" de ", " a "))


def _is_numbered(mention: Mention, text: Text) -> bool:
    if text.folded[mention.start - 1 : mention.start].isdigit():
        return True
    if not text.folded[mention.end : mention.end + 1].isdigit():
        return False
    counts = _COUNT.match(text.folded, mention.end)
    numbered = any(
        not _NUMBERED.isdisjoint(other.entry.labels)
        for other in text.candidates
        if other.entry.when is None
    )
    return not counts or (text.folded[mention.start] == "d" and numbered)


def _is_foreign(mention: Mention, text: Text) -> bool:
    language = mention.entry.language
    if language == ENGLISH or language in text.languages or not text.languages:
        return False
    if ENGLISH in text.languages:
        # No side in "Re-check" and "RE: knee"; else German with English terms ("Mortise re").
        return text.folded[mention.start : mention.end + 1] in {"re-", "re:"}
    if mention.letters <= SHORT:
        return not text.languages.isdisjoint(_ROMANCE)
    return text.languages.isdisjoint(COMMON)


def _is_and(mention: Mention, text: Text) -> bool:
    if breaks_at(mention.end, text):
        return False
    starts = [word.start for word in text.found]
    behind = starts[starts.index(mention.start) + 1]
    follows = _follows_part(mention, text)
    return not follows or any(
        other.entry.names_part and other.start == behind for other in text.candidates
    )


def _follows_part(mention: Mention, text: Text, without: frozenset[str] = frozenset()) -> bool:
    """Return whether the word before it ends a part, but none of those ``without`` which."""
    before = max((word.end for word in text.found if word.end <= mention.start), default=None)
    return any(
        other.end == before and other.entry.names_part and without.isdisjoint(other.entry.labels)
        for other in text.candidates
    )


def _follows_projection(mention: Mention, text: Text) -> bool:
    """Return whether only punctuation or small words stand between a projection and a letter.

    After "lateral" and a blank the letter is a side, because nobody names that view twice; so it is
    in brackets ("Hand PA (L)").
    """
    around = text.folded[mention.start - 1 : mention.start] + text.folded[mention.end :][:1]
    if mention.end - mention.start > 1 or around in _BRACKETS:
        return False
    belongs_behind = _belongs_behind(mention, text)
    for other in text.allowed:
        if other.entry.kind not in VIEWS or not 0 <= mention.start - other.end <= _FARTHEST:
            continue
        between = text.folded[other.end : mention.start]
        joined = between.strip(" ,;:") or not belongs_behind
        if (
            joined
            and (between.strip() or other.entry.kind != "lateral")
            and all(word.text in text.small_words for word in words(between))
            and _may_be_view(other, text)
        ):
            return True
    return False


def _may_be_view(mention: Mention, text: Text) -> bool:
    """Return whether a projection is not part of a longer term, unlike the F of "F/U"."""
    return not any(
        other.letters > mention.letters and other.start < mention.end and mention.start < other.end
        for other in text.allowed
    )


def _belongs_behind(mention: Mention, text: Text) -> bool:
    """Return whether an English part comes right after a letter: "AP L Knee"."""
    return any(
        other.entry.names_part
        and other.entry.language == ENGLISH
        and mention.end < other.start
        and not text.folded[mention.end : other.start].strip()
        for other in text.candidates
    )
