"""Which terms found in a text hold: those that its language, their place and neighbours allow."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bodypart.headers.folding import words
from bodypart.headers.mentions import SHORT, labels_named, mentions_in, shared_language
from bodypart.headers.vocabulary import (
    ALONE,
    BACKGROUND,
    COMPARISON,
    NOT,
    ONLY,
    SIDES,
    SUSPECTED,
    VIEWS,
    Entry,
)
from bodypart.labels import BY_LABEL
from bodypart.regions import labels_in

if TYPE_CHECKING:
    from bodypart.headers.folding import Word
    from bodypart.headers.mentions import Mention
    from bodypart.headers.vocabulary import Vocabulary

_EVERYWHERE = frozenset({"en", "fr"})
"""Languages whose Latin words for parts are used in most other languages, too."""

_ENGLISH = "en"
_FARTHEST = 12
"""Most characters between two projections, with an "and" among them."""

_PARTED = re.compile(r".*[,;:+].*|[^\W\d_]{3,}\s*/.*|\w+\s*\.\s*\w+")
"""Two sides with a punctuation mark between them; not "L/R", which is one word for both, nor the
abbreviations of "re. u. li"."""

_DANGLING = re.compile(r"[^\W\d_]+ +[^\W\d_]+ *[,;:].*")
"""Two sides with a small word before the comma, which may be a part: Turkish "sağ el, sol" names a
hand."""

_ASIDE_SIDE = re.compile("[,;:(]")
"""Between two sides of which the second is there for comparison: "Knie li (re zum Vergleich)"."""

_LISTED = re.compile("[,;:/(]")
"""Separates the parts of a list."""

_CUT = re.compile("[,;:]")
_CUTTING = frozenset({BACKGROUND, SUSPECTED, NOT})
"""Kinds of words whose effect ends there."""

_LATERAL = Entry(kind="lateral")
_APOSTROPHES = frozenset("'\u2018\u2019\u02bc`")
"""After a letter they make it an article: "l'épaule droite"."""

_LATIN_LEFT = "sin"
"""The only negation that may be a side: "without" in Spanish, "left" in Latin."""

_THREE_QUARTERS = re.compile(r"3 ?/? ?4")
"""Not "3-4 views", nor the third of April."""

_MODALITIES = frozenset({"dx", "dr"})

_COUNT = re.compile(r"[1-6](?:eb?|p|pr|inc|v(?:ws?)?)(?![^\W\d_])")
"""A number of projections glued to a side: ``L2E``, ``D2P``."""

_RAY = re.compile(r"d\W*[1-5]")
_VIEWS_COUNTED = re.compile(
    r"(?:[epv]|eb|pr|vws?)(?![^\W\d_])"
    r"| ?(?:(?:inc(?:id\w*)?|cli(?:ch\w*)?|vues?|views?|vws?|eb|placas?)(?![^\W\d_])"
    r"|proy|proj|proie|ebene|posic|posiz)"
)
"""After a number: "Pied D 3 incidences" is a right foot, and no third toe."""

_NUMBERED = labels_in("hand") | labels_in("foot")
"""Parts whose rays have numbers: beside them "D2" is the second ray."""


def holding(folded: str, vocabulary: Vocabulary) -> list[Mention]:
    """Return the mentions that hold, in text order; of overlapping ones the longest."""
    text = _Text.of(folded, vocabulary)
    kept: list[Mention] = []
    for mention in text.allowed:
        if any(mention.start < other.end and other.start < mention.end for other in kept):
            continue
        if not text.contradicts(mention):
            kept.append(text.as_meant(mention))
    return sorted(kept, key=lambda mention: mention.start)


@dataclass(frozen=True)
class _Text:
    """What is known of a text before it is decided which of its mentions hold.

    A hostile text may consist of mentions only, so the check of one looks at the others just once.

    Attributes
    ----------
    folded : str
        The text.
    found : tuple of Word
        Its words.
    unexplained : tuple of Word
        Words that are no number and in no term, terms for parts apart.
    candidates : tuple of Mention
        All terms in it, by weight: longest first.
    named : frozenset of str
        Labels and regions that it may name; empty if no mention requires one.
    languages : frozenset of str
        Languages that it may be in.
    certain : frozenset of str
        Languages of which it has a word that belongs to no other language.
    sided : frozenset of str
        Languages of its words for a side, without words used in every language ("bilat").
    small_words : set of str
        Those of the vocabulary.
    """

    folded: str
    found: tuple[Word, ...]
    unexplained: tuple[Word, ...]
    candidates: tuple[Mention, ...]
    named: frozenset[str]
    languages: frozenset[str]
    certain: frozenset[str]
    sided: frozenset[str]
    small_words: Set[str]

    @classmethod
    def of(cls, folded: str, vocabulary: Vocabulary) -> _Text:
        found = tuple(words(folded))
        candidates = sorted(mentions_in(found, vocabulary), key=lambda mention: mention.weight)
        unexplained = _unexplained(found, candidates)
        telling = [mention for mention in candidates if mention.tells_language]
        # "Pelvis" is Spanish, too, but no proof that "radio" is the Spanish bone, not French.
        shared = {mention.span for mention in telling if mention.entry.language in _EVERYWHERE}
        alone = [
            mention
            for mention in candidates
            if mention.entry.when == ALONE
            and mention.entry.names_part
            and _covers(mention, unexplained)
        ]
        sides = [m for m in candidates if m.entry.kind in SIDES and m.entry.when is None]
        everybodys = {m.span for m in sides if m.entry.language == _ENGLISH}
        agreed = shared_language(candidates)
        asked = any(mention.entry.when in BY_LABEL for mention in candidates)
        return cls(
            folded=folded,
            found=found,
            unexplained=unexplained,
            candidates=tuple(candidates),
            named=frozenset(labels_named(candidates) if asked else ()),
            languages=frozenset(mention.entry.language for mention in (*telling, *alone)) | agreed,
            certain=frozenset(m.entry.language for m in telling if m.span not in shared),
            sided=frozenset(m.entry.language for m in sides if m.span not in everybodys) | agreed,
            small_words=vocabulary.small_words,
        )

    @cached_property
    def allowed(self) -> tuple[Mention, ...]:
        """The candidates whose restriction (``when``) is met."""
        return tuple(filter(self._allows, self.candidates))

    def _allows(self, mention: Mention) -> bool:
        entry, when = mention.entry, mention.entry.when
        if when is None or when in self.named:
            return True
        if when == ONLY:
            return not self._spells_part
        if when in self.certain and not self._is_spare(mention):
            return True
        if when == ALONE or (entry.names_part and when in self.sided):
            return _covers(mention, self.unexplained)
        return when in self.languages and not entry.names_part and not self._is_disputed(mention)

    def _is_spare(self, mention: Mention) -> bool:
        """Return whether a part of two letters stands in a text that also spells out a part.

        There "OA" is osteoarthritis or the senior physician, "US" an ultrasound, and "Os" the first
        word of a bone's Latin name.
        """
        return mention.entry.names_part and mention.letters <= SHORT and self._spells_part

    @cached_property
    def _spells_part(self) -> bool:
        """Whether it has a term that names a part in any text, without a restriction."""
        return any(it.entry.names_part and it.entry.when is None for it in self.candidates)

    @property
    def _has_background(self) -> bool:
        """Whether it may also name parts that were not examined: "Prior CT abdomen, chest"."""
        return any(it.entry.kind in _CUTTING for it in self.candidates)

    def _is_compared(self, end: int) -> bool:
        return any(it.entry.kind == COMPARISON and it.start >= end for it in self.allowed)

    def _is_disputed(self, mention: Mention) -> bool:
        """Return whether a word has different meanings in the text's possible languages."""
        meanings = {
            other.entry.kind
            for other in self.candidates
            if other.span == mention.span
            and other.entry.kind in VIEWS | SIDES.keys()
            and (other.entry.when is None or other.entry.when in self.languages)
        }
        return len(meanings) > 1

    def contradicts(self, mention: Mention) -> bool:
        """Return whether a mention's place rules out its meaning.

        At the end, or before a comma, "sin" is the left side and no negation. A Portuguese "no"
        means "in the". "dx" and "dr" at the start are modalities, not the right side. A Portuguese
        "e" means "and", unless it follows a part and no part comes next, or a comma does. A letter
        before an apostrophe is an article ("l'épaule"), one glued to a digit a number of
        projections ("2R"), a vertebra ("L4/5"), a finger ("D3") or a room ("R2"). "D 3" is no ray
        before a word for projections ("Pied D 3 incidences"). "re" beside a French part is a
        rotation. Left and right of two parts do not mean both ("Hand left, right
        foot"). "3-4 views" are no oblique. A term for a part does not reach across a comma where
        a negation or the history may end ("No abdomen, chest").
        """
        kind, text = mention.entry.kind, self.folded[mention.start : mention.end]
        if kind == "oblique" and text[-1].isdigit():
            return not _THREE_QUARTERS.fullmatch(text)
        if mention.entry.names_part and _RAY.fullmatch(text):
            return _VIEWS_COUNTED.match(self.folded, mention.end) is not None
        if mention.entry.names_part and _CUT.search(text):
            return self._has_background
        last = mention.end == self.found[-1].end
        if kind == NOT:
            if text == _LATIN_LEFT:
                return last or self._breaks_at(mention.end)
            return text == "no" and "pt" in self.languages and _ENGLISH not in self.languages
        if kind == "both" and _ASIDE_SIDE.search(text) and self._is_compared(mention.end):
            return True
        if kind == "both" and (
            _DANGLING.fullmatch(text) or (_PARTED.fullmatch(text) and self._is_of_two(mention))
        ):
            return True
        if kind not in SIDES or not text.isascii():
            return False
        if len(text) == 1 and (
            self._is_article(mention, text)
            or self._is_numbered(mention, text)
            or self._is_another(mention, text)
        ):
            return True
        if len(text) <= SHORT and mention.entry.when is None and self._is_foreign(mention):
            return True
        if last:
            return False
        if text in _MODALITIES:
            return mention.start == self.found[0].start
        return text == "e" and self._is_and(mention)

    def as_meant(self, mention: Mention) -> Mention:
        """Return a mention with the meaning that its place gives: "L" in "AP/L" is lateral."""
        if mention.entry.kind in SIDES and self._follows_projection(mention):
            return replace(mention, entry=_LATERAL)
        return mention

    def _is_numbered(self, mention: Mention, letter: str) -> bool:
        if self.folded[mention.start - 1 : mention.start].isdigit():
            return True
        if not self.folded[mention.end : mention.end + 1].isdigit():
            return False
        counts = _COUNT.match(self.folded, mention.end)
        numbered = any(
            not _NUMBERED.isdisjoint(other.entry.labels)
            for other in self.candidates
            if other.entry.when is None
        )
        return not counts or (letter == "d" and numbered)

    def _is_of_two(self, mention: Mention) -> bool:
        """Return whether left and right with a mark between them belong to different parts.

        These are the part before and the part after. They do not if the latter is listed apart or
        has its own side ("Hand re, li, Fuß", "Hand re, li Fuß re"). A negation before them is about
        the first side only.
        """
        held = self.allowed
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
        if (
            before is None
            or behind is None
            or _LISTED.search(self.folded, mention.end, behind.start)
        ):
            return False
        has_its_own = any(
            it.entry.kind in SIDES
            and it.start >= behind.end
            and not self.folded[behind.end : it.start].strip()
            for it in held
        )
        return not has_its_own and any(BY_LABEL[label].paired for label in before.entry.labels)

    def _breaks_at(self, end: int) -> bool:
        return bool(_LISTED.match(self.folded[end:].lstrip(" .")))

    def _is_article(self, mention: Mention, letter: str) -> bool:
        """Return whether it is a French article: "l'épaule", "d'épaule", "de l epaule"."""
        sign, behind = self.folded[mention.end :][:1], self.folded[mention.end + 1 :][:1]
        if sign in _APOSTROPHES and behind.isalpha():
            return True
        return letter == "l" and self.folded[: mention.start].endswith((" de ", " a "))

    def _is_another(self, mention: Mention, letter: str) -> bool:
        return letter != "l" and self._follows_projection(mention)

    def _is_foreign(self, mention: Mention) -> bool:
        language = mention.entry.language
        if self.languages == {_ENGLISH}:
            # No side in "Re-check" and "RE: knee"; else German with English terms ("Mortise re").
            return self.folded[mention.start : mention.end + 1] in {"re-", "re:"}
        return language not in self.languages | {_ENGLISH} and bool(self.languages)

    def _is_and(self, mention: Mention) -> bool:
        starts = [word.start for word in self.found]
        place = starts.index(mention.start)
        if self._breaks_at(mention.end):
            return False
        before, behind = self.found[place - 1].end, starts[place + 1]
        parts = [other for other in self.candidates if other.entry.names_part]
        follows = place > 0 and any(other.end == before for other in parts)
        return not follows or any(other.start == behind for other in parts)

    def _may_be_view(self, mention: Mention) -> bool:
        """Return whether a projection is not part of a longer term, unlike the F of "F/U"."""
        return not any(
            other.letters > mention.letters
            and other.start < mention.end
            and mention.start < other.end
            for other in self.allowed
        )

    def _belongs_behind(self, mention: Mention) -> bool:
        """Return whether an English part comes right after a letter: "AP L Knee"."""
        return any(
            other.entry.names_part
            and other.entry.language == _ENGLISH
            and mention.end < other.start
            and not self.folded[mention.end : other.start].strip()
            for other in self.candidates
        )

    def _follows_projection(self, mention: Mention) -> bool:
        """Return whether only punctuation or small words stand between a projection and a letter.

        After "lateral" and a blank the letter is a side, because nobody names that view twice.
        """
        if mention.end - mention.start > 1 or not self.folded[mention.start].isascii():
            return False
        belongs_behind = self._belongs_behind(mention)
        for other in self.allowed:
            if other.entry.kind not in VIEWS or not 0 <= mention.start - other.end <= _FARTHEST:
                continue
            between = self.folded[other.end : mention.start]
            joined = between.strip(" ,;:") or not belongs_behind
            if (
                joined
                and (between.strip() or other.entry.kind != "lateral")
                and all(word.text in self.small_words for word in words(between))
                and self._may_be_view(other)
            ):
                return True
        return False


def _unexplained(found: Sequence[Word], candidates: Sequence[Mention]) -> tuple[Word, ...]:
    known = {mention.span for mention in candidates if not mention.entry.names_part}
    return tuple(
        word
        for word in found
        if not word.text.isdigit()
        and not any(start <= word.start and word.end <= end for start, end in known)
    )


def _covers(mention: Mention, found: Sequence[Word]) -> bool:
    return all(mention.start <= word.start and word.end <= mention.end for word in found)
