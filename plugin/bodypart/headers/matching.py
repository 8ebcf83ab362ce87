"""One text → the parts, sides and views that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from bodypart.headers.assertion import affirmed
from bodypart.headers.character_sets import has_lost_letter, is_plausible, repaired, undoubled
from bodypart.headers.folding import LONGEST_TEXT, fold, is_ideographic, words
from bodypart.headers.glued import replaced, unglued, with_marks_cut
from bodypart.headers.holding import holding
from bodypart.headers.mentions import TELLING_LETTERS
from bodypart.headers.part_sides import PartSide, part_sides
from bodypart.headers.vocabulary import SEVERAL, VIEWS
from bodypart.regions import compatible, labels_in, narrowest

if TYPE_CHECKING:
    from bodypart.headers.mentions import Mention
    from bodypart.headers.vocabulary import Vocabulary

_FIELDS = frozenset({16, 64})
"""Most characters in SH, CS and LO: a worklist cuts its texts to this length."""

_ALTERNATIVE = frozenset({"/", "_"})

_OR = re.compile(
    r"\W*(?:\w{1,3} ?/ ?)?"
    r"(?:or|ou|oder|o|of(?<=/of)|lub|albo|eller|nebo|alebo|vagy|sau|tai|или|або)\b"
    r"\W*(?:d\w{1,2}\W+)?"
)
"""Between a part and another one of which either is examined: "main ou de doigt"."""


@dataclass(frozen=True, slots=True)
class TextReading:
    """What one text says.

    Attributes
    ----------
    labels : tuple of str
        Labels it names, in text order, without those that enclose another one.
    region : str or None
        The narrowest region it names, unless one of the labels lies in it.
    sides : tuple of PartSide
        ``L``, ``R`` or ``B``, with the labels that each belongs to.
    view : str or None
        ``frontal``, ``lateral`` or ``oblique``, if it names just one of them.
    matched : str
        The pieces of the text that named labels or region, folded.
    complete : bool
        Whether every longer word of the text is known.
    known : bool
        Whether the text consists of two or more ideographs, each of which belongs to a known term.
    """

    labels: tuple[str, ...] = ()
    region: str | None = None
    sides: tuple[PartSide, ...] = ()
    view: str | None = None
    matched: str = ""
    complete: bool = True
    known: bool = False

    @property
    def side(self) -> str | None:
        """The side, if there is a single one for all that the text names."""
        sides = {side for side, of in self.sides if set(of) == set(self.labels)}
        return sides.pop() if len(self.sides) == 1 and sides else None

    @property
    def names_part(self) -> bool:
        """Whether it names a label or a region."""
        return bool(self.labels or self.region)


@lru_cache(maxsize=4096)
def read_text(text: str, vocabulary: Vocabulary) -> TextReading:
    """Read one header text.

    A text that names no part is read again with its character set repaired, then with misspelt
    words corrected.

    Parameters
    ----------
    text : str
        As it stands in the header; only its first 256 characters are read.
    vocabulary : Vocabulary
        The terms.
    """
    length = len(text)
    text = undoubled(text[:LONGEST_TEXT])
    folded = fold(text)
    if length in _FIELDS:
        folded = _with_end(folded, vocabulary)
    reading = _read(folded, vocabulary) if is_plausible(text) else TextReading()
    certain = (reading.complete or text.isascii()) and not has_lost_letter(text)
    if reading.known or (reading.names_part and certain):
        return _with_marks(_of_one_segment(reading, folded, vocabulary), folded, vocabulary)
    others = (
        (other, _read(other, vocabulary)) for other in dict.fromkeys(map(fold, repaired(text)))
    )
    telling = (
        other for text, other in others if other.known or _is_telling(other.matched, text, folded)
    )
    best = max(telling, key=lambda it: (len(it.matched), len(it.sides)), default=reading)
    if len(best.matched) > len(reading.matched):
        return best
    if reading.names_part or not is_plausible(text):
        return reading
    return _read(_respelt(folded, vocabulary), vocabulary)


def _with_end(folded: str, vocabulary: Vocabulary) -> str:
    """Return a text that its field's length cut, with the last word whole ("Röntgen Handgele")."""
    last = max(words(folded), key=lambda word: word.end, default=None)
    if last is None or last.end < len(folded) or len(last.text) < TELLING_LETTERS:
        return folded
    return folded[: last.start] + (vocabulary.completed(last.text) or last.text)


def _of_one_segment(reading: TextReading, folded: str, vocabulary: Vocabulary) -> TextReading:
    """Return a reading of a spine with its segment, if that was misspelt ("Lubmar spine")."""
    if reading.labels != ("spine",):
        return reading
    other = _read(_respelt(folded, vocabulary), vocabulary)
    return other if other.labels and labels_in("spine").issuperset(other.labels) else reading


def _with_marks(reading: TextReading, folded: str, vocabulary: Vocabulary) -> TextReading:
    """Return a reading with the side and the view that are glued to its part ("LHAND")."""
    cut = with_marks_cut(folded, vocabulary)
    # Mostly nothing is cut, and reading it again would take as long as before.
    other = _read(cut, vocabulary) if cut != folded else reading
    return other if other.labels == reading.labels else reading


def _is_telling(matched: str, folded: str, original: str) -> bool:
    """Tell whether a term found with a guessed code page is more than a coincidence.

    Of a dozen code pages one always turns some bytes into two letters, or one ideograph, that mean
    something, or into a character that splits a word: "Füllung" has no lung in it.
    """
    found = [word for word in words(matched) if word.text not in original]
    if len(list(words(folded))) > len(list(words(original))):
        found = [word for word in found if word.ideographic]
    long = any(len(word.text) >= (2 if word.ideographic else 4) for word in found)
    return bool(found) and (long or matched == folded.strip())


def _respelt(folded: str, vocabulary: Vocabulary) -> str:
    """Return a text with glued words split, and misspelt ones corrected."""

    def meant(word: str) -> str | None:
        return unglued(word, vocabulary) or vocabulary.corrected(word)

    return replaced(folded, meant, vocabulary)


def _read(folded: str, vocabulary: Vocabulary) -> TextReading:
    kept = holding(folded, vocabulary)
    said = affirmed(kept, folded, vocabulary.small_words)
    parts = [mention for mention in said if mention.entry.names_part]
    labels = _narrowed(parts, folded)
    regions = [mention.entry.region for mention in parts if mention.entry.region]
    region = narrowest(regions)
    if region and any(label in labels_in(region) for label in labels):
        region = None
    views = {mention.entry.kind for mention in said} & (VIEWS | {SEVERAL})
    return TextReading(
        labels=labels,
        region=region,
        sides=part_sides(said, labels, folded, vocabulary.small_words),
        view=views.pop() if len(views) == 1 and SEVERAL not in views else None,
        matched=" ".join(folded[mention.start : mention.end] for mention in parts),
        complete=all(
            len(word.text) < TELLING_LETTERS
            or any(mention.start < word.end and word.start < mention.end for mention in kept)
            for word in words(folded)
        ),
        known=_is_known(kept, folded),
    )


def _is_known(kept: Sequence[Mention], folded: str) -> bool:
    places = [place for place, sign in enumerate(folded) if sign.isalnum()]
    return (
        len(places) > 1
        and all(is_ideographic(folded[place]) for place in places)
        and all(any(mention.start <= place < mention.end for mention in kept) for place in places)
    )


def _narrowed(parts: Sequence[Mention], folded: str) -> tuple[str, ...]:
    """Return the labels named, without those that enclose another one named beside them.

    "Spine, cervical" is the cervical spine, "Hand Finger 3" a finger, "ribs with chest" a rib; but
    "hand or finger" may be either. Two other neighbours joined by ``/`` or ``_`` (``FOOT_ANKLE``)
    are one exposure, named by the first; three ("femur/knee/leg") are not, nor two pieces of the
    spine.
    """
    labels = dict.fromkeys(label for mention in parts for label in mention.entry.labels)
    either: set[str] = set()
    joined: set[tuple[str, str]] = set()
    for first, second in pairwise(parts):
        one, other = first.entry.labels, second.entry.labels
        if _OR.fullmatch(folded, first.end, second.start):
            either.update(one + other)
        sign = folded[first.end : second.start].strip()
        if (
            len(one) == len(other) == 1
            and sign in _ALTERNATIVE
            and compatible(one[0], other[0])
            and one[0] not in labels_in(other[0])
            and other[0] not in labels_in(one[0])
            and not labels_in("spine").issuperset(one + other)
        ):
            joined.add((one[0], other[0]))
    if len(joined) == 1:
        labels.pop(joined.pop()[1])
    return tuple(
        label
        for label in labels
        if label in either
        or not any(other != label and other in labels_in(label) for other in labels)
    )
