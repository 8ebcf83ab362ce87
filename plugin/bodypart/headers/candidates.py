"""The terms found in a text, and which of them the restriction of their row (``when``) allows."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bodypart.headers.folding import words
from bodypart.headers.mentions import SHORT, labels_named, mentions_in, shared_language
from bodypart.headers.vocabulary import ALONE, ONLY, SIDES, VIEWS
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.headers.folding import Word
    from bodypart.headers.mentions import Mention
    from bodypart.headers.vocabulary import Vocabulary

ENGLISH = "en"

COMMON = frozenset({ENGLISH, "la", "any"})
"""Languages whose words stand in texts of all languages."""

_EVERYWHERE = frozenset({ENGLISH, "fr"})
"""Languages whose Latin words for parts are used in most other languages, too."""


@dataclass(frozen=True)
class Text:
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
    def of(cls, folded: str, vocabulary: Vocabulary) -> Text:
        """Find the terms in a folded text, and what they tell of its language."""
        found = tuple(words(folded))
        candidates = _of_one_language(list(mentions_in(found, vocabulary)))
        candidates.sort(key=lambda mention: mention.weight)
        unexplained = _unexplained(found, candidates)
        telling = [mention for mention in candidates if mention.tells_language]
        # "Pelvis" is Spanish, too, but no proof that "radio" is the Spanish bone, not French.
        shared = {mention.span for mention in telling if mention.entry.language in _EVERYWHERE}
        alone = [m for m in candidates if m.entry.when == ALONE and _covers(m, unexplained)]
        sides = [m for m in candidates if m.entry.kind in SIDES and m.entry.when is None]
        everybodys = {m.span for m in sides if m.entry.language == ENGLISH}
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
        if when == ALONE:
            return _covers(mention, self.unexplained)
        if entry.names_part:
            return when in self._abbreviating
        return when in self.languages and not self._is_disputed(mention)

    @cached_property
    def _abbreviating(self) -> frozenset[str]:
        """Languages of a side whose abbreviations for parts are all that else is in the text."""
        found: dict[str, set[int]] = {language: set() for language in self.sided}
        for mention in self.candidates:
            if mention.entry.when in found:
                found[mention.entry.when].update(range(mention.start, mention.end))
        return frozenset(
            language
            for language, places in found.items()
            if all(
                word.text in self.small_words or places.issuperset(range(word.start, word.end))
                for word in self.unexplained
            )
        )

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


def _of_one_language(found: Sequence[Mention]) -> list[Mention]:
    """Return the terms without parts in another language than the text's.

    That is the one, among those that name a part, to which most letters of the text belong: "gegen"
    (against) is no Hungarian throat beside "Ellenbogen".
    """
    languages: dict[int, set[str]] = {}
    for mention in found:
        if mention.entry.when is None and mention.entry.names_part:
            languages.setdefault(mention.start, set()).add(mention.entry.language)
    own = [spoken for spoken in languages.values() if spoken.isdisjoint(COMMON)]
    if not own or set.intersection(*own):
        return list(found)
    letters: dict[str, dict[int, int]] = {it: {} for spoken in own for it in spoken}
    for mention in found:
        if mention.entry.when is None and mention.entry.language in letters:
            longest = letters[mention.entry.language]
            longest[mention.start] = max(mention.letters, longest.get(mention.start, 0))
    known = {language: sum(longest.values()) for language, longest in letters.items()}
    most = {language for language, count in known.items() if count == max(known.values())}
    return [
        mention
        for mention in found
        if mention.entry.when is not None
        or not mention.entry.names_part
        or not languages[mention.start].isdisjoint(most | COMMON)
    ]


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
