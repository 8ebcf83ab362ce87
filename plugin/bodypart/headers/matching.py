"""One text → the parts, sides and views that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from bodypart.headers.character_sets import repaired, undoubled
from bodypart.headers.folding import LONGEST_TEXT, Word, fold, words
from bodypart.headers.vocabulary import (
    ALONE,
    NOT,
    SIDES,
    VIEWS,
    Entry,
    Node,
    Vocabulary,
)
from bodypart.regions import compatible, labels_in, narrowest

_LONGEST_WORD = 40
_TELLING_LETTERS = 5
_REACH_OF_NOT = 2
_ALTERNATIVE = frozenset({"/", "_"})
_EVERYWHERE = frozenset({"en", "fr"})
"""Languages whose Latin words for parts are most other languages' words as well."""

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


class _Form(NamedTuple):
    """A word as it stands in the tree, and the span of its known letters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Mention:
    """A term found in a text; ``start`` and ``end`` span the ``letters`` that the term holds."""

    entry: Entry
    start: int
    end: int
    letters: int

    @property
    def weight(self) -> tuple[int, bool, int]:
        """Longer terms come first, restricted rows before free ones, then by place."""
        return (-self.letters, self.entry.when is None, self.start)

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands."""
        return self.start, self.end

    @property
    def tells_language(self) -> bool:
        """Whether it is a part, or a word for a side that no other language has."""
        side = self.entry.kind in SIDES and self.end - self.start >= _TELLING_LETTERS
        return self.entry.when is None and (self.entry.names_part or side)


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
    kept = _kept(folded, vocabulary)
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
            len(word.text) < _TELLING_LETTERS
            or any(mention.start < word.end and word.start < mention.end for mention in kept)
            for word in words(folded)
        ),
    )


def _kept(folded: str, vocabulary: Vocabulary) -> list[_Mention]:
    """Return the mentions that hold, in the order of the text: longest first, none overlapping."""
    found = list(words(folded))
    candidates = sorted(_candidates(found, vocabulary), key=lambda mention: mention.weight)
    named = {label for mention in candidates for label in mention.entry.labels}
    telling = [mention for mention in candidates if mention.tells_language]
    languages = {mention.entry.language for mention in telling}
    # "Pelvis" is Spanish, too, but tells nobody that "radio" is a bone rather than French.
    shared = {mention.span for mention in telling if mention.entry.language in _EVERYWHERE}
    certain = {mention.entry.language for mention in telling if mention.span not in shared}
    kept: list[_Mention] = []
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
    mention: _Mention, found: Sequence[Word], candidates: Sequence[_Mention], folded: str
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


def _follows_projection(mention: _Mention, candidates: Sequence[_Mention], folded: str) -> bool:
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


def _candidates(found: Sequence[Word], vocabulary: Vocabulary) -> Iterator[_Mention]:
    forms = [tuple(_forms(word, vocabulary)) for word in found]
    for number, word in enumerate(found):
        if word.ideographic:
            yield from _ideographs(word, vocabulary)
        yield from _terms_from(number, found, forms, vocabulary)


def _forms(word: Word, vocabulary: Vocabulary) -> Iterator[_Form]:
    """Yield the ways a word stands in the tree."""
    text, start, end = word.text, word.start, word.end
    yield _Form(text, start, end)
    if len(text) > _LONGEST_WORD or text.isdigit():
        return
    for cut in range(len(text)):
        if (head := text[: cut + 1]) in vocabulary.starts:
            yield _Form(f"{head}*", start, start + len(head))
        if (tail := text[cut:]) in vocabulary.ends:
            yield _Form(f"*{tail}", start + cut, end)
        for length in vocabulary.inside_lengths:
            if cut + length > len(text):
                break
            if (piece := text[cut : cut + length]) in vocabulary.insides:
                yield _Form(f"*{piece}*", start + cut, start + cut + length)


def _terms_from(
    number: int,
    found: Sequence[Word],
    forms: Sequence[tuple[_Form, ...]],
    vocabulary: Vocabulary,
) -> Iterator[_Mention]:
    """Yield the terms that begin with a word, small words between their words left out."""
    paths: list[tuple[Node, int | None, int]] = [(vocabulary.tree, None, 0)]
    for word, ways in zip(found[number:], forms[number:], strict=True):
        further: list[tuple[Node, int | None, int]] = []
        for node, start, before in paths:
            reached = [(node.after[form.text], form) for form in ways if form.text in node.after]
            for following, form in reached:
                begin = form.start if start is None else start
                letters = before + form.end - form.start
                further.append((following, begin, letters))
                for entry in following.entries:
                    yield _Mention(entry, begin, form.end, letters)
            if not reached and start is not None and word.text in vocabulary.small_words:
                further.append((node, start, before))
        paths = further
        if not paths:
            return


def _ideographs(word: Word, vocabulary: Vocabulary) -> Iterator[_Mention]:
    text = word.text
    for first in range(len(text)):
        for length in range(1, min(vocabulary.longest_ideograph, len(text) - first) + 1):
            for entry in vocabulary.ideographs.get(text[first : first + length], ()):
                yield _Mention(entry, word.start + first, word.start + first + length, length)


def _alone(mention: _Mention, found: Sequence[Word], candidates: Sequence[_Mention]) -> bool:
    """Return whether every other word is a number or known, but no part."""
    known = [other for other in candidates if not other.entry.names_part] + [mention]
    return all(
        word.text.isdigit()
        or any(other.start <= word.start and word.end <= other.end for other in known)
        for word in found
    )


def _affirmed(kept: Sequence[_Mention], folded: str) -> list[_Mention]:
    """Return the mentions of parts, without the one that soon follows a negation."""
    parts = []
    negation: _Mention | None = None
    for mention in kept:
        if mention.entry.kind == NOT:
            negation = mention
        elif mention.entry.names_part:
            between = folded[negation.end : mention.start] if negation else ""
            if negation is None or len(list(words(between))) >= _REACH_OF_NOT:
                parts.append(mention)
            negation = None
    return parts


def _narrowed(parts: Sequence[_Mention], folded: str) -> tuple[str, ...]:
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


def _side(kept: Sequence[_Mention], labels: Sequence[str], folded: str) -> str | None:
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
