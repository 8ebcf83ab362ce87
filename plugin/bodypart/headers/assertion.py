"""Which mentions are about this picture, not about an excluded part or the patient's history."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING

from bodypart.headers.folding import is_ideographic, words
from bodypart.headers.part_sides import TOGETHER
from bodypart.headers.vocabulary import (
    ASIDE,
    BACKGROUND,
    COMPARISON,
    DEPARTMENT,
    NOT,
    NOW,
    OTHER,
    PHANTOM,
    SIDES,
    SUSPECTED,
    VIEWS,
)
from bodypart.regions import compatible, labels_in

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention

_REASONS = frozenset({ASIDE, BACKGROUND, COMPARISON, NOW, SUSPECTED})
"""Kinds of words that tell why a picture is taken."""

_BREAK = re.compile("[,;:()]")
"""A negation does not reach across these: "keine Fraktur, Knie re"."""

_END_OF_BACKGROUND = re.compile(r"[,;:()\n]|\?(?=\s)|\s-\s|(?<=\w{5})\.(?=\s)")
"""A full stop after a short word belongs to an abbreviation."""

_COLON = re.compile(r"[ .]*:?")
"""Right after the word itself a colon does not end its effect: "Frage: Radiusfraktur?"."""

_EXCLUDED = re.compile(
    r"(?:exc?k?l\w*|esclus\w*|not included|cancel+ed|storniert)[ .]*(?=[,;:()+]|$)"
)
"""A negation written after what it excludes: "Hand excl."."""

_TITLE = re.compile(
    r"\b(?:dr|dra|dott|herr|frau|mrs?)\. *(?:(?:med|dent|univ|hab|[a-z])\. *)*$"
    r"|\b(?:herr|frau) +$|\b(?:patient|patientin|pat|(?:(?<![a-z] )|patient |pt )name)\.? *: *$"
)
"""Before a name: "Dr. Hand", "Dr. med. H. Fuß"; not "Protocol name: Hand"."""

_PROFESSOR = re.compile(r"^\W*prof\. *$")
_FRENCH = "fr"
"""In French "prof." is a lateral view (profil): "Prof. genou"."""

_IN_ITS_NAME = re.compile(r"[a-z]{0,2}-?[/&+]? ?(?:(?:and|und|u\.?|n|[&+]) )?|の?")
"""What may stand between a part and the department that is named after it: "Lunge|n|klinik",
"Foot| and |ankle| |clinic". "Shoulder for clinic" and "Hand - Clinic" are two things, and so are
ideographs with a blank between them."""

_FRACTURE = r"(?:fx|frx|fract|frakt|fratt|fratur|zlam|zlom|перел)[^\W\d_]*"
_BROKEN = re.compile(rf"\b{_FRACTURE}")
_IN_DOUBT = re.compile(rf"[a-z]{{0,2}}\s*{_FRACTURE}\s*\?")
_GLUED = re.compile(r"[a-z]{0,2}[-\s]*")
"""What may stand between a part and the word for its pain: "Hüft|schmerz", "hip| |pain"."""

_JOINED = re.compile(rf"[a-z]{{0,2}}-?{TOGETHER.pattern}")
"""What may stand between two parts that both hurt: "Hüft|- und |Knieschmerz"."""

_WITH = re.compile(r"[ .]*(?:to|with|mit|zu|zum|avec|con|com|med|met|z|с)\b")
"""Comes after a word for a comparison, before the part of the earlier picture."""

_TUMOUR = re.compile(r"(?:ca|cancer|tumou?r)\b")
"""A known one: "Lung ca, r/o bone mets hip" is an order for the hip."""

_ENDS = (("skull",), ("neck",))
"""Parts whose words also name the end of a bone: "head of radius", "neck of femur"."""

_NUMBER = r"(?:\d(?:st|nd|rd|th|er?|[oa.])|[iv]{2,}|v|first|fifth|kosci) "
_OF_A_BONE = re.compile(
    r" (?:(?:(?:of|des|der|vom|von|v\.|van|du|de|del|della|do|da) )"
    rf"(?:(?:the|het|left|right|lt|rt|linken|rechten|proximal|distal) |{_NUMBER})*|(?:{_NUMBER})+)"
)
"""What stands between such a word and its bone: "head| of the 5th |metatarsal"."""

_FRACTURE_OF = re.compile(rf"[a-z]{{0,2}}\s*{_FRACTURE}\.?\s+")
"""A fracture right after its part: the part that follows "rib fx" is another one."""


def affirmed(kept: Sequence[Mention], folded: str, small_words: Set[str]) -> list[Mention]:
    """Return the mentions that are about this picture.

    A negation excludes the next part and the sides between them, or just the sides if no part
    follows; "excl." at the end of a list item excludes the part before it. The names of departments
    and physicians do not count, nor does the skull in "head of 5th metatarsal". What a patient had
    before ("Z.n. Hüft-TEP li, Knie"), or may have ("Thorax, V.a. Rippenfraktur"), was not examined,
    if another part is named. A side after such words that goes with no part there belongs to the
    examined one ("Wrist r/o fx LT").

    The place of a pain ("Hip pain, L-spine") and the part of another picture ("Knee MRI") were not
    examined either, if another part is named. A text about a phantom has no such mentions.

    Parameters
    ----------
    kept : sequence of Mention
        The mentions that hold, in text order.
    folded : str
        The text.
    small_words : set of str
        Words that may stand between a negation and what it excludes.
    """
    kinds = {mention.entry.kind for mention in kept}
    if PHANTOM in kinds:
        return []
    taken = [*_of_persons_and_places(kept, folded), *_of_bones(kept, folded)]
    for at, mention in enumerate(kept):
        if mention.entry.kind == NOT:
            excluded = _EXCLUDED.match(folded, mention.start)
            following = kept[at::-1] if excluded else kept[at:]
            taken += _denied(following, folded, small_words)
    said = [mention for mention in kept if mention not in taken]
    said = _without_its_side(kept, said, folded)
    if kinds.isdisjoint(_REASONS) and "?" not in folded:
        return said
    if kinds.isdisjoint(_REASONS - {ASIDE, SUSPECTED}):
        others = [it for it in kept if it.entry.kind != ASIDE or _TUMOUR.match(folded, it.start)]
        said = _unless_nothing_is_left(said, [*_of_asides(said, others, folded)])
    past = [mention for mention in said if _is_background(mention, kept, folded)]
    sides = [mention for mention in said if mention.entry.kind in SIDES]
    one_side = len({mention.entry.kind for mention in sides}) == 1
    if one_side and not any(mention.entry.names_part for mention in past):
        past = [mention for mention in past if mention not in sides]
    said = _unless_nothing_is_left(said, past)
    return _unless_nothing_is_left(said, [*_of_asides(said, kept, folded)])


def _unless_nothing_is_left(said: list[Mention], taken: Sequence[Mention]) -> list[Mention]:
    rest = [mention for mention in said if mention not in taken]
    return rest if any(mention.entry.names_part for mention in rest) else said


def _denied(following: Sequence[Mention], folded: str, small_words: Set[str]) -> Iterator[Mention]:
    """Yield what the first of the mentions, a negation, excludes; "excl." gets them backwards."""
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
        elif not (
            mention.entry.kind in VIEWS or (mention.entry.kind == OTHER and first is mention)
        ):
            break
    yield from sides


def _of_persons_and_places(kept: Sequence[Mention], folded: str) -> Iterator[Mention]:
    """Yield the parts that belong to the name of a physician or of a department."""
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
        title = _TITLE.search(folded, 0, mention.start) or (
            mention.entry.language != _FRENCH and _PROFESSOR.search(folded, 0, mention.start)
        )
        if mention.entry.names_part and title:
            yield mention


def _of_bones(kept: Sequence[Mention], folded: str) -> Iterator[Mention]:
    """Yield the heads and necks that are those of a bone."""
    parts = [mention for mention in kept if mention.entry.names_part]
    for end, bone in pairwise(parts):
        if end.entry.labels in _ENDS and _OF_A_BONE.fullmatch(folded, end.end, bone.start):
            yield end


def _without_its_side(kept: Sequence[Mention], said: list[Mention], folded: str) -> list[Mention]:
    """Leave out the side right after an excluded part, if there is another side."""
    for before, mention in pairwise(kept):
        if before in said or mention.entry.kind not in SIDES:
            continue
        rest = [other for other in said if other != mention]
        if not folded[before.end : mention.start].strip() and any(
            other.entry.kind in SIDES for other in rest
        ):
            said = rest
    return said


def _of_asides(said: Sequence[Mention], kept: Sequence[Mention], folded: str) -> Iterator[Mention]:
    """Yield the parts that are mentioned in passing only, with their sides.

    A part that is named again was examined. If a neighbour of the part was, the side is kept, as it
    is the neighbour's side, too ("left hand pain, wrist").
    """
    found = (_before(it, kept, folded) for it in kept if it.entry.kind == ASIDE)
    groups = [group for group in found if group]
    others = {
        label
        for mention in said
        if not any(mention in group for group in groups)
        for label in mention.entry.labels
    }
    for group in groups:
        labels = [label for mention in group for label in mention.entry.labels]
        if labels and others.issuperset(labels):
            continue
        shared = any(compatible(one, other) for one in labels for other in others)
        yield from (it for it in group if it.entry.names_part or not shared)


def _before(aside: Mention, kept: Sequence[Mention], folded: str) -> list[Mention]:
    """Return the parts right before a word with their own sides; nothing if there is no part.

    In "Knee right hip pain" the side may be the knee's. In "foot and ankle pain" both hurt.
    """
    parts: list[Mention] = []
    sides: list[Mention] = []
    behind = aside
    for mention in reversed(kept[: kept.index(aside)]):
        names_part = mention.entry.names_part
        joined = parts and names_part and _JOINED.fullmatch(folded, mention.end, behind.start)
        if not (joined or _GLUED.fullmatch(folded, mention.end, behind.start)):
            break
        if mention.entry.kind in SIDES:
            sides.append(mention)
        elif joined or (names_part and not parts):
            parts.append(mention)
        else:
            sides = [side for side in sides if not parts or side.start > parts[-1].start]
            break
        behind = mention
    return [*parts, *sides] if parts else []


def _is_background(mention: Mention, kept: Sequence[Mention], folded: str) -> bool:
    """Return whether a mention belongs to the patient's history, or is only suspected."""
    if mention.entry.names_part and _IN_DOUBT.match(folded, mention.end):
        return True
    for before in kept:
        kind = before.entry.kind
        if kind == NOW and mention.end <= before.start:
            if _names_what_follows(before, kept, folded):
                return True
            continue
        compared = (
            kind == COMPARISON and mention.entry.names_part and _WITH.match(folded, before.end)
        )
        if before.end > mention.start or not (kind in {BACKGROUND, SUSPECTED} or compared):
            continue
        if mention.start < _end_of_background(before, kept, folded):
            return not (kind == SUSPECTED and _is_listed(before, kept, folded))
    return False


def _names_what_follows(now: Mention, kept: Sequence[Mention], folded: str) -> bool:
    """Tell "hip, now knee" from "hip currently, knee"."""
    following = [it for it in kept if it.entry.names_part and it.start >= now.end]
    colon = _COLON.match(folded, now.end)
    begins = colon.end() if colon else now.end
    return bool(following) and not _BREAK.search(folded, begins, following[0].start)


def _end_of_background(before: Mention, kept: Sequence[Mention], folded: str) -> int:
    """Return where the history that a word begins ends.

    That is at a punctuation mark, at a word like "now", or after a fracture: "Hx rib fx chest" is a
    chest, and the right of "hx rib fx right chest" is the chest's.
    """
    colon = _COLON.match(folded, before.end)
    sign = _END_OF_BACKGROUND.search(folded, colon.end() if colon else before.end)
    ends = [sign.start() if sign else len(folded)]
    ends += [it.start for it in kept if it.entry.kind == NOW and it.start >= before.end]
    parts = [it for it in kept if it.entry.names_part and it.start >= before.end]
    for broken, other in pairwise(parts):
        if _FRACTURE_OF.match(folded, broken.end) and not _BROKEN.match(
            folded[other.end :].lstrip()
        ):
            side = kept[kept.index(other) - 1]
            is_its = side.entry.kind in SIDES and not folded[side.end : other.start].strip()
            ends.append(side.start if is_its else other.start)
    return min(ends)


def _is_listed(suspected: Mention, kept: Sequence[Mention], folded: str) -> bool:
    """Return whether a text begins with a suspected fracture, and then lists the parts to examine.

    "r/o fx wrist, hand" is an order for both. "r/o patella fx, knee" is an order for the knee; so
    are others with a part that encloses the first one.
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
