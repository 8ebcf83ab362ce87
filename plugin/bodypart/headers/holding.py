"""Which of the terms found in a text hold: one that its language, place and neighbours allow."""

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
"""Languages whose Latin words for parts are most other languages' words as well."""

_ENGLISH = "en"
_FARTHEST = 12
"""Signs between two projections, an "and" among them."""

_PARTED = re.compile(r".*[,;:+].*|[^\W\d_]{3,}\s*/.*|\w+\s*\.\s*\w+")
"""Two sides with a sign between them; "L/R" is one word for both, and the full stops of "re. u. li"
are those of abbreviations."""

_DANGLING = re.compile(r"[^\W\d_]+ +[^\W\d_]+ *[,;:].*")
"""A small word before the comma between two sides is none: Turkish "sağ el, sol" has a hand."""

_LISTED = re.compile("[,;:/(]")
"""What a further part is listed with."""

_CUT = re.compile("[,;:]")
_CUTTING = frozenset({BACKGROUND, SUSPECTED, NOT})
"""Kinds of words whose reach ends at such a sign."""

_LATERAL = Entry(kind="lateral")
_APOSTROPHES = frozenset("'\u2018\u2019\u02bc`")
"""Behind a letter they make it an article: "l'épaule droite"."""

_LATIN_LEFT = "sin"
"""The only negation that is a side as well."""

_THREE_QUARTERS = re.compile(r"3 ?/? ?4")
"""Not "3-4 views", nor the third of April."""

_MODALITIES = frozenset({"dx", "dr"})

_COUNT = re.compile(r"[1-6](?:eb?|p|pr|inc|v(?:ws?)?)(?![^\W\d_])")
"""A number of projections glued to a side: ``L2E``, ``D2P``."""

_NUMBERED = labels_in("hand") | labels_in("foot")
"""Parts whose rays have numbers: "D2" beside them is the second one."""


def holding(folded: str, vocabulary: Vocabulary) -> list[Mention]:
    """Return the mentions that hold, in the order of the text: longest first, none overlapping."""
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
    """What is known of a text before any of its mentions holds.

    A hostile text is all mentions: what is asked of each of them looks at the others once.

    Attributes
    ----------
    folded : str
        The text.
    found : tuple of Word
        Its words.
    unexplained : tuple of Word
        Those that are no numbers, and in no term but for a part.
    candidates : tuple of Mention
        All terms in it, the weightiest first.
    named : frozenset of str
        Labels that it may name, if a mention asks for one.
    languages : frozenset of str
        Languages that it may be in.
    certain : frozenset of str
        Languages of which it has a word that is no other language's.
    sided : frozenset of str
        Languages of its words for a side, those left out that everybody writes ("bilat").
    small_words : set of str
        The vocabulary's.
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
        # "Pelvis" is Spanish, too, but tells nobody that "radio" is a bone rather than French.
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
        """The candidates of which what their row asks for is there."""
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
        """Return whether it is two letters for a part in a text that spells out a part.

        Beside one "OA" is osteoarthritis or the senior physician, "US" an ultrasound, and "Os" the
        first word of a bone's Latin name.
        """
        return mention.entry.names_part and mention.letters <= SHORT and self._spells_part

    @cached_property
    def _spells_part(self) -> bool:
        """Whether it holds a term that names a part in any text."""
        return any(it.entry.names_part and it.entry.when is None for it in self.candidates)

    @property
    def _has_background(self) -> bool:
        """Whether one part of it may be examined and another one not: "Prior CT abdomen, chest"."""
        return any(it.entry.kind in _CUTTING for it in self.candidates)

    def _is_disputed(self, mention: Mention) -> bool:
        """Return whether languages that the text may be in take a letter for different things."""
        meanings = {
            other.entry.kind
            for other in self.candidates
            if other.span == mention.span
            and other.entry.kind in VIEWS | SIDES.keys()
            and (other.entry.when is None or other.entry.when in self.languages)
        }
        return len(meanings) > 1

    def contradicts(self, mention: Mention) -> bool:
        """Return whether a short word stands where it cannot mean this.

        At the end, or before a comma, "sin" is no negation but the left side, and a Portuguese "no"
        means "in the"; "dx" and "dr" before all else are modalities rather than the right side; a
        Portuguese "e" means "and" unless it follows a part and none follows it before a comma; a
        letter before an apostrophe is an article ("l'épaule"), one glued to a digit a number of
        projections ("2R"), a vertebra ("L4/5"), a finger ("D3") or a room ("R2"); "re" beside a
        French part is a rotation; left and right of two parts are not both ("Hand left, right
        foot"). "3-4 views" are no oblique. Nor does a longer term reach over the comma where ends
        what is left out ("No abdomen, chest").
        """
        kind, text = mention.entry.kind, self.folded[mention.start : mention.end]
        if kind == "oblique" and text[-1].isdigit():
            return not _THREE_QUARTERS.fullmatch(text)
        if mention.entry.names_part and _CUT.search(text):
            return self._has_background
        last = mention.end == self.found[-1].end
        if kind == NOT:
            if text == _LATIN_LEFT:
                return last or self._breaks_at(mention.end)
            return text == "no" and "pt" in self.languages and _ENGLISH not in self.languages
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
        """Return a mention with the meaning that its place gives it: "L" in "AP/L" is lateral."""
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
        """Return whether left and right that a sign parts belong to a part before and one behind.

        They do not where the part behind is listed apart or has its own side ("Hand re, li, Fuß",
        "Hand re, li Fuß re"). A negation before goes with the first of them alone.
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
            # "Re-check", "RE: knee"; elsewhere German borrows ("Mortise re").
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
        """Return whether a projection is no piece of a longer term, as the F of "F/U"."""
        return not any(
            other.letters > mention.letters
            and other.start < mention.end
            and mention.start < other.end
            for other in self.allowed
        )

    def _belongs_behind(self, mention: Mention) -> bool:
        """Return whether an English part follows a letter directly: "AP L Knee"."""
        return any(
            other.entry.names_part
            and other.entry.language == _ENGLISH
            and mention.end < other.start
            and not self.folded[mention.end : other.start].strip()
            for other in self.candidates
        )

    def _follows_projection(self, mention: Mention) -> bool:
        """Return whether only signs, or an "and", stand between a projection and a letter.

        After a blank alone it is a side behind "lateral": that is not named twice.
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
