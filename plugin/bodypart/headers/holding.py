"""Which terms found in a text hold: those that its language, their place and neighbours allow."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bodypart.headers.candidates import ENGLISH, Text
from bodypart.headers.letters import LISTED, breaks_at, is_article, is_lateral, is_no_side
from bodypart.headers.vocabulary import (
    BACKGROUND,
    COMPARISON,
    NOT,
    SIDES,
    SUSPECTED,
    VIEWS,
    Entry,
)
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention
    from bodypart.headers.vocabulary import Vocabulary

_PARTED = re.compile(r".*[,;:+()].*|[^\W\d_]{3,}\s*/.*|\w+\s*\.\s*\w+")
"""Two sides with a punctuation mark between them; not "L/R", which is one word for both, nor the
abbreviations of "re. u. li"."""

_DANGLING = re.compile(r"[^\W\d_]+ +[^\W\d_]+ *[,;:].*")
"""Two sides with a small word before the comma, which may be a part: Turkish "sağ el, sol" names a
hand."""

_ASIDE_SIDE = re.compile("[,;:(]")
"""Between two sides of which the second is there for comparison: "Knie li (re zum Vergleich)"."""

_CUT = re.compile("[,;:]")
_CUTTING = frozenset({BACKGROUND, SUSPECTED, NOT})
"""Kinds of words whose effect ends there."""

_LATERAL = Entry(kind="lateral")

_LATIN_LEFT = "sin"
"""The only negation that may be a side: "without" in Spanish, "left" in Latin."""

_THREE_QUARTERS = re.compile(r"3 ?/? ?4")
"""Not "3-4 views", nor the third of April."""

_FOR = re.compile(r"p/ ?[^\W\d_]{3}")
"""The Portuguese "para": "RX torax p/ pre-op"."""

_PROGRAM = re.compile(r"\d{3}")
"""Glued to a letter: the number of an exposure in a console's list, "T220 L-Spine AP"."""

_RAY = re.compile(r"d\W*[1-5]")
_VIEWS_COUNTED = re.compile(
    r"(?:[epv]|eb|pr|vws?)(?![^\W\d_])"
    r"| ?(?:(?:inc(?:id\w*)?|cli(?:ch\w*)?|vues?|views?|vws?|eb|placas?)(?![^\W\d_])"
    r"|proy|proj|proie|ebene|posic|posiz)"
)
"""After a number: "Pied D 3 incidences" is a right foot, and no third toe."""


def holding(folded: str, vocabulary: Vocabulary) -> list[Mention]:
    """Return the mentions that hold, in text order; of overlapping ones the longest."""
    text = Text.of(folded, vocabulary)
    kept: list[Mention] = []
    for mention in text.allowed:
        if any(mention.start < other.end and other.start < mention.end for other in kept):
            continue
        if not _is_contradicted(mention, text):
            is_l = mention.entry.kind in SIDES and is_lateral(mention, text)
            kept.append(replace(mention, entry=_LATERAL) if is_l else mention)
    return sorted(kept, key=lambda mention: mention.start)


def _is_contradicted(mention: Mention, text: Text) -> bool:
    """Return whether a mention's place rules out its meaning.

    At the end, or before a comma, "sin" is the left side and no negation. A Portuguese "no" means
    "in the". "D 3" is no ray before a word for projections ("Pied D 3 incidences"), and "T220" the
    number of a program. The article of "l'articulation" is no lateral view, nor the "p" of "p/
    controle". Left and right of two parts do not mean both ("Hand left, right foot"). "3-4 views"
    are no oblique. A term for a part does not reach across a comma where a negation or the history
    may end ("No abdomen, chest").
    """
    kind, found = mention.entry.kind, text.folded[mention.start : mention.end]
    if kind == "oblique" and found[-1].isdigit():
        return not _THREE_QUARTERS.fullmatch(found)
    if kind in VIEWS and len(found) == 1:
        article = is_article(mention, text)
        return article or _FOR.match(text.folded, mention.start) is not None
    if mention.entry.names_part and len(found) == 1 and _PROGRAM.match(text.folded, mention.end):
        return True
    if mention.entry.names_part and _RAY.fullmatch(found):
        return _VIEWS_COUNTED.match(text.folded, mention.end) is not None
    if mention.entry.names_part and _CUT.search(found):
        return _has_background(text)
    if kind == NOT:
        if found == _LATIN_LEFT:
            return mention.end == text.found[-1].end or breaks_at(mention.end, text)
        return found == "no" and "pt" in text.languages and ENGLISH not in text.languages
    if kind == "both" and _ASIDE_SIDE.search(found) and _is_compared(mention.end, text):
        return True
    if kind == "both" and (
        _DANGLING.fullmatch(found) or (_PARTED.fullmatch(found) and _is_of_two(mention, text))
    ):
        return True
    return kind in SIDES and found.isascii() and is_no_side(mention, text)


def _has_background(text: Text) -> bool:
    """Return whether it may also name parts that were not examined: "Prior CT abdomen, chest"."""
    return any(it.entry.kind in _CUTTING for it in text.candidates)


def _is_compared(end: int, text: Text) -> bool:
    return any(it.entry.kind == COMPARISON and it.start >= end for it in text.allowed)


def _is_of_two(mention: Mention, text: Text) -> bool:
    """Return whether left and right with a mark between them belong to different parts.

    These are the part before and the part after. They do not if the latter is listed apart or
    has its own side ("Hand re, li, Fuß", "Hand re, li Fuß re"). A negation before them is about
    the first side only.
    """
    held = text.allowed
    parts = [other for other in held if other.entry.names_part]
    before = max(
        (part for part in parts if part.end <= mention.start),
        key=lambda part: part.end,
        default=None,
    )
    behind = min(
        (part for part in parts if part.start >= mention.end),
        key=lambda part: (part.start, -part.end),
        default=None,
    )
    since = before.end if before else 0
    if any(it.entry.kind == NOT and since <= it.start < mention.start for it in held):
        return True
    if before is None or behind is None or LISTED.search(text.folded, mention.end, behind.start):
        return False
    has_its_own = any(
        it.entry.kind in SIDES
        and it.start >= behind.end
        and not text.folded[behind.end : it.start].strip()
        for it in held
    )
    return not has_its_own and any(BY_LABEL[label].paired for label in before.entry.labels)
