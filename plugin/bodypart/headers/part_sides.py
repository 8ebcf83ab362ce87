"""Which side belongs to which part in a text that names several: "Hand links, Fuß rechts"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from bodypart.headers.folding import words
from bodypart.headers.vocabulary import COMPARISON, SIDES
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention

_AND = r"and|und|u|et|y|e|ed|en|och|og|i|a|ve|и"
_BREAK = re.compile(rf"[,;+&/]|\b(?:{_AND})\b")
"""Separates the parts of a list."""

TOGETHER = re.compile(rf"\s*(?:[+&/]|{_AND})\s*")
"""Between two parts that share a side: "Rt hand and wrist, lt elbow"."""


class PartSide(NamedTuple):
    """A side and the parts that it belongs to; no parts if the text names none."""

    side: str
    of: tuple[str, ...]


def joined(named: Sequence[PartSide]) -> tuple[PartSide, ...]:
    """Return the sides in all values of an attribute: left and right of the same parts are both."""
    sides: dict[tuple[str, ...], set[str]] = {}
    for it in named:
        sides.setdefault(it.of, set()).add(it.side)
    return tuple(
        PartSide(found.pop() if len(found) == 1 else "B", of) for of, found in sides.items()
    )


def part_sides(
    said: Sequence[Mention], labels: tuple[str, ...], folded: str, small_words: Set[str]
) -> tuple[PartSide, ...]:
    """Return the sides that a text names, each with its parts.

    Left and right of one part mean both, unless an unknown word between them may be another part
    ("Left xyz, right knee"). Beside a comparison one of them is the other limb, and the text does
    not tell which one is in the picture.

    Parameters
    ----------
    said : sequence of Mention
        The mentions that are about this picture, in text order.
    labels : tuple of str
        The labels that the text names.
    folded : str
        The text.
    small_words : set of str
        Words that name no part.
    """
    mentions = [mention for mention in said if mention.entry.kind in SIDES]
    sides = {_side(mention) for mention in mentions}
    compared = any(mention.entry.kind == COMPARISON for mention in said)
    if not sides or (compared and len(sides) > 1 and "B" not in sides):
        return ()
    if len(labels) < 2:
        if (
            "B" not in sides
            and len(sides) > 1
            and _is_unknown_between(mentions, said, folded, small_words)
        ):
            return ()
        return (PartSide(sides.pop() if len(sides) == 1 else "B", labels),)
    parts = [mention for mention in said if mention.entry.labels]
    first, last = parts[0].start, parts[-1].start
    if len(sides) == 1 and any(not first < mention.start < last for mention in mentions):
        return _of_paired([PartSide(sides.pop(), labels)])
    return _of_paired(_shared_out(mentions, parts, folded))


def _of_paired(named: Iterable[PartSide]) -> tuple[PartSide, ...]:
    """Return the sides of paired parts: "Pelvis, knee left" says nothing about the pelvis."""
    paired = (PartSide(it.side, tuple(filter(_is_paired, it.of))) for it in named)
    return tuple(it for it in paired if it.of)


def _is_unknown_between(
    sides: Sequence[Mention], said: Sequence[Mention], folded: str, small_words: Set[str]
) -> bool:
    """Return whether an unknown word stands between the sides."""
    between = slice(sides[0].end, sides[-1].start)
    return any(
        not word.text.isdigit()
        and not any(it.start < word.end and word.start < it.end for it in said)
        and word.text not in small_words
        for word in words(folded)
        if between.start <= word.start and word.end <= between.stop
    )


def _side(mention: Mention) -> str:
    return SIDES[mention.entry.kind or ""]


def _shared_out(
    mentions: Sequence[Mention], parts: Sequence[Mention], folded: str
) -> tuple[PartSide, ...]:
    found: dict[str, set[str]] = {}
    first = mentions[0]
    before = _owner(first, mentions, parts, folded, before=False).start > first.start
    in_turn = _stand_in_turn(parts, mentions)
    for place, mention in enumerate(mentions):
        owner = parts[place] if in_turn else _owner(mention, mentions, parts, folded, before=before)
        for label in owner.entry.labels:
            found.setdefault(label, set()).add(_side(mention))
    for pair in pairwise(parts):
        named, other = pair if before else pair[::-1]
        if TOGETHER.fullmatch(folded, pair[0].end, pair[1].start):
            shared = [found[label] for label in named.entry.labels if label in found]
            for label in other.entry.labels if shared else ():
                found.setdefault(label, set(shared[0]))
    by_side: dict[str, list[str]] = {}
    for label, sides in found.items():
        by_side.setdefault(sides.pop() if len(sides) == 1 else "B", []).append(label)
    return tuple(PartSide(side, tuple(of)) for side, of in by_side.items())


def _stand_in_turn(parts: Sequence[Mention], sides: Sequence[Mention]) -> bool:
    """Tell whether each part has a side of its own behind it: "HAND,RIGHT FOOT,LEFT"."""
    starts = [it.start for pair in zip(parts, sides, strict=False) for it in pair]
    return len(parts) == len(sides) and starts == sorted(starts) and all(map(_has_side, parts))


def _owner(
    side: Mention,
    mentions: Sequence[Mention],
    parts: Sequence[Mention],
    folded: str,
    *,
    before: bool,
) -> Mention:
    """Return the part that a side belongs to: the neighbour with no comma or side between.

    Between two such, sides stand before their parts if the first one does ("left hand right foot",
    "Pelvis left hip right knee", "right, hand; left, foot"), else after them.
    """
    if side.start < parts[0].start:
        return parts[0]
    for left, right in pairwise(parts):
        if left.start < side.start < right.start:
            parted = bool(_BREAK.search(folded, left.end, side.start)) or any(
                left.end <= other.start < side.start for other in mentions
            )
            joined = not _BREAK.search(folded, side.end, right.start)
            if parted == joined:
                return right if joined else left
            return right if before or _has_side(right) > _has_side(left) else left
    return parts[-1]


def _has_side(part: Mention) -> bool:
    return any(map(_is_paired, part.entry.labels))


def _is_paired(label: str) -> bool:
    return BY_LABEL[label].paired
