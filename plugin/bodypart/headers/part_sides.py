"""Whose side is named in a text that names several parts: "Hand links, Fuß rechts"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from bodypart.headers.vocabulary import COMPARISON, SIDES

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention

_BREAK = re.compile(r"[,;+&/()]|\b(?:and|und|u|et|y|e|ed|en|och|og|i|a|ve|и)\b")
"""What parts are listed with."""

_STOP = re.compile(r"[.:]")
"""What parts them as well between two sides; behind a part it belongs to an abbreviation."""


class PartSide(NamedTuple):
    """A side and the parts that it belongs to; none where the text names none."""

    side: str
    of: tuple[str, ...]


def joined(named: Sequence[PartSide]) -> tuple[PartSide, ...]:
    """Return what the values of one attribute name: left of a part and right of it are both."""
    sides: dict[tuple[str, ...], set[str]] = {}
    for it in named:
        sides.setdefault(it.of, set()).add(it.side)
    return tuple(
        PartSide(found.pop() if len(found) == 1 else "B", of) for of, found in sides.items()
    )


def part_sides(
    said: Sequence[Mention], labels: tuple[str, ...], folded: str
) -> tuple[PartSide, ...]:
    """Return the sides that a text names, each with its parts.

    Left and right of one part are both. Beside a comparison one of them is the other limb: which
    one is in the picture the text does not tell.

    Parameters
    ----------
    said : sequence of Mention
        What the text says of this picture, in its order.
    labels : tuple of str
        What it names.
    folded : str
        The text.
    """
    mentions = [mention for mention in said if mention.entry.kind in SIDES]
    sides = {_side(mention) for mention in mentions}
    compared = any(mention.entry.kind == COMPARISON for mention in said)
    if not sides or (compared and len(sides) > 1 and "B" not in sides):
        return ()
    if len(labels) < 2:
        return (PartSide(sides.pop() if len(sides) == 1 else "B", labels),)
    parts = [mention for mention in said if mention.entry.labels]
    first, last = parts[0].start, parts[-1].start
    if len(sides) == 1 and any(not first < mention.start < last for mention in mentions):
        return (PartSide(sides.pop(), labels),)
    return _shared_out(mentions, parts, labels, folded)


def _side(mention: Mention) -> str:
    return SIDES[mention.entry.kind or ""]


def _shared_out(
    mentions: Sequence[Mention], parts: Sequence[Mention], labels: tuple[str, ...], folded: str
) -> tuple[PartSide, ...]:
    found: dict[str, set[str]] = {}
    first = mentions[0]
    before = _owner(first, mentions, parts, folded, before=False).start > first.start
    for mention in mentions:
        for label in _owner(mention, mentions, parts, folded, before=before).entry.labels:
            found.setdefault(label, set()).add(_side(mention))
    by_side: dict[str, list[str]] = {}
    for label, sides in found.items():
        by_side.setdefault(sides.pop() if len(sides) == 1 else "B", []).append(label)
    if len(by_side) == 1 and set(labels) <= set(found):
        return (PartSide(next(iter(by_side)), labels),)
    return tuple(PartSide(side, tuple(of)) for side, of in by_side.items())


def _owner(
    side: Mention,
    mentions: Sequence[Mention],
    parts: Sequence[Mention],
    folded: str,
    *,
    before: bool,
) -> Mention:
    """Return the part that a side belongs to: of its neighbours the one that no comma parts off.

    Where none does, sides stand before their parts if the first one does ("left hand right foot",
    "Pelvis, left hip right knee"), else behind them.
    """
    if side.start < parts[0].start:
        return parts[0]
    for left, right in pairwise(parts):
        if left.start < side.start < right.start:
            parted = _BREAK.search(folded, left.end, side.start) or any(
                left.end <= other.start < side.start and _STOP.search(folded, other.end, side.start)
                for other in mentions
            )
            joined = not _BREAK.search(folded, side.end, right.start)
            return right if parted or (joined and before) else left
    return parts[-1]
