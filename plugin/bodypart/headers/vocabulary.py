"""The words of the headers: ``vocabulary.csv`` and the operator's own terms, ready to search.

The file is made to be read and extended by a radiographer. Each row gives the meaning of some
terms, separated by semicolons. Case, accents and umlauts do not matter. A term is made of whole
words; ``*`` stands for any letters (``becken*`` is found in *Beckenübersicht*). Chinese,
Japanese and Korean terms are found anywhere. Small words such as "of" may stand between the
words of a term.

Meanings: one or more labels (``tspine lspine``), somewhere in a region (``in upper_limb``),
``left``, ``right``, ``both``, ``frontal``, ``lateral``, ``oblique``, ``several`` (several of these
views), ``other`` (known, but no body part), ``elsewhere`` (a part that no label covers: a breast),
``not`` (what follows, or stands before "excl.", is not shown),
``background`` (what follows, to the next comma, is what the patient had before), ``suspected``
(what follows is what the patient may have), ``aside`` (the part right before it is where it hurts,
or of another picture: *hip pain*, *knee MRI*), ``now`` (parts before it are background),
``department`` (the parts right before it tell who asks: *Handchirurgie*), ``comparison`` (the other
side, or an earlier picture, is named, too), ``phantom`` (no patient at all), ``small`` (may stand
between the words of a term).

``when`` restricts a row: the name of a label means "only if the text also names that part", a
language "only if the text also names a part in that language" (a part also counts if all else in
the text is known words, with a side in that language among them), ``alone`` "only if all else in
the text is sides, views and other known words", ``only`` "only if the text spells out no part".
Without ``when`` a part of a language other than English and Latin (``la``, ``any``) counts unless
the text also names a part in another language, to which more of its letters belong.
"""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bodypart import evidence
from bodypart.headers.folding import fold, is_ideographic, spellings, words
from bodypart.headers.spelling import Speller
from bodypart.labels import BY_LABEL
from bodypart.regions import PLACES

_TABLE = Path(__file__).with_name("vocabulary.csv")

SIDES = {"left": "L", "right": "R", "both": "B"}
VIEWS = frozenset(evidence.VIEWS)
OTHER, ELSEWHERE, NOT, SMALL = "other", "elsewhere", "not", "small"
BACKGROUND, SUSPECTED, COMPARISON = "background", "suspected", "comparison"
ASIDE, NOW, PHANTOM = "aside", "now", "phantom"
SEVERAL, DEPARTMENT = "several", "department"
ALONE, ONLY = "alone", "only"

_MEANINGS = (
    set(SIDES)
    | VIEWS
    | {SEVERAL, OTHER, ELSEWHERE, NOT, SMALL, BACKGROUND, SUSPECTED, COMPARISON, DEPARTMENT}
    | {ASIDE, NOW, PHANTOM}
)
_IN = "in "
_LANGUAGE_LETTERS = 2
_STAR = "*"
_LAST = "\uffff"
_SHORTEST_GLUED = 5
_SHORTEST_FREE = 3
_SHORTEST_STEM = 7
"""Fewest letters of a stem that is also found misspelt; shorter ones match too much."""


class VocabularyError(ValueError):
    """A row of the vocabulary is wrong or contradicts another one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a term means.

    Attributes
    ----------
    labels : tuple of str
        Labels it names.
    region : str or None
        Region it names, where it is too vague for a label.
    kind : str or None
        Any other meaning of the file, for example ``left`` or ``other``.
    when : str or None
        Restriction of the row.
    language : str
        Language of the row (ISO 639-1), or ``any``.
    """

    labels: tuple[str, ...] = ()
    region: str | None = None
    kind: str | None = None
    when: str | None = None
    language: str = "any"

    @classmethod
    def parse(cls, meaning: str, when: str = "", language: str = "any") -> Entry:
        """Read the columns ``meaning``, ``when`` and ``language``.

        Raises
        ------
        VocabularyError
            If one of them is unknown.
        """
        known = when in {"", ALONE, ONLY} or when in BY_LABEL or len(when) == _LANGUAGE_LETTERS
        if not known:
            raise VocabularyError(f"{when!r} is no label, no language and not 'alone' or 'only'")
        names = tuple(meaning.split())
        if names and all(name in BY_LABEL for name in names):
            return cls(labels=names, when=when or None, language=language)
        if meaning.startswith(_IN) and (region := meaning.removeprefix(_IN)) in PLACES:
            return cls(region=region, when=when or None, language=language)
        if meaning in _MEANINGS:
            return cls(kind=meaning, when=when or None, language=language)
        raise VocabularyError(f"{meaning!r} is neither a label nor a region nor a known meaning")

    @property
    def meaning(self) -> tuple[object, ...]:
        """All but the language."""
        return self.labels, self.region, self.kind

    @property
    def names_part(self) -> bool:
        """Whether it speaks of a body part at all."""
        return bool(self.labels or self.region)


@dataclass(slots=True)
class Node:
    """A node in the tree of terms: the entries that end here, and the nodes by the next word."""

    entries: list[Entry] = field(default_factory=list)
    after: dict[str, Node] = field(default_factory=dict)


class Vocabulary:
    """All terms, ready to search.

    Attributes
    ----------
    tree : Node
        Terms word by word; words with a ``*`` stand there as they are in the file.
    starts, ends, insides : set of str
        Letters of the words ``x*``, ``*x`` and ``*x*``.
    ideographs : mapping of str to list of Entry
        Chinese, Japanese and Korean terms.
    small_words : set of str
        Words that may stand between the words of a term.
    speller : Speller
        Finds the one-word terms that name a part in spite of a misspelling.
    """

    def __init__(self) -> None:
        self.tree = Node()
        self.starts: set[str] = set()
        self.ends: set[str] = set()
        self.insides: set[str] = set()
        self.inside_lengths: tuple[int, ...] = ()
        self.ideographs: dict[str, list[Entry]] = {}
        self.longest_ideograph = 0
        self.small_words: set[str] = set()
        self.speller = Speller(())
        self._first_words: list[str] = []
        self._all_words: set[str] = set()
        self._meaning: dict[tuple[tuple[str, ...], str | None], tuple[Entry, str]] = {}

    @classmethod
    def load(cls, extra: Mapping[str, list[str]] | None = None) -> Vocabulary:
        """Return the vocabulary that comes with the package; it is read once, and not changed.

        Parameters
        ----------
        extra : mapping of str to list of str, optional
            The operator's own terms by label; they outrank the file's.

        Raises
        ------
        VocabularyError
            If a row is wrong, or one term means two labels.
        """
        own = ((label, term) for label, terms in (extra or {}).items() for term in terms)
        return cls._read(_TABLE, tuple(own))

    @classmethod
    @lru_cache(maxsize=2)
    def _read(cls, table: Path, extra: tuple[tuple[str, str], ...]) -> Vocabulary:
        vocabulary = cls()
        rows = [(Entry.parse(label), term) for label, term in extra]
        vocabulary._add_all(rows, "the setting Terms")
        own = set(vocabulary._meaning)
        for path_row in _rows(table):
            vocabulary._add_all([path_row], table.name, own)
        vocabulary._first_words = sorted(
            word for word, node in vocabulary.tree.after.items() if node.entries
        )
        vocabulary.inside_lengths = tuple(sorted({len(text) for text in vocabulary.insides}))
        vocabulary.speller = Speller(
            word.strip(_STAR)
            for word in vocabulary.tree.after
            if vocabulary._is_free_part(word) and (_STAR not in word or len(word) > _SHORTEST_STEM)
        )
        vocabulary.longest_ideograph = max(map(len, vocabulary.ideographs), default=0)
        return vocabulary

    def corrected(self, word: str) -> str | None:
        """Return the word that a misspelt one stands for, None if it may stand for other parts."""
        near = sorted(self.speller.corrected(word))
        meanings = {
            entry.meaning
            for other in near
            for key in (other, other + _STAR)
            if (node := self.tree.after.get(key))
            for entry in node.entries
            if entry.names_part and entry.when is None
        }
        return near[0] if len(meanings) == 1 else None

    def completed(self, cut: str) -> str | None:
        """Return the shortest known word that begins with these letters, or None.

        All other such words must mean the same, or begin with the shortest one in turn
        (``shoulderblade``). A word that is known itself is not completed.
        """
        if cut in self._all_words:
            return None
        words = self._first_words
        found = words[bisect_left(words, cut) : bisect_right(words, cut + _LAST)]
        shortest = min(found, key=len, default="").strip(_STAR)
        others = [
            word for word in found if not word.startswith(shortest) or word.strip(_STAR) == shortest
        ]
        meanings = {entry.meaning for word in others for entry in self.tree.after[word].entries}
        return shortest if len(meanings) == 1 else None

    def names_part(self, word: str, language: str) -> bool:
        """Tell whether a word of a language names a part by itself, in any text."""
        return self._is_free_part(word, language) or self._is_free_part(word + _STAR, language)

    def _is_free_part(self, word: str, language: str | None = None) -> bool:
        node = self.tree.after.get(word)
        return node is not None and any(
            entry.names_part and entry.when is None and language in {None, entry.language}
            for entry in node.entries
        )

    def _add_all(
        self,
        rows: Iterable[tuple[Entry, str]],
        origin: str,
        settled: set[tuple[tuple[str, ...], str | None]] | None = None,
    ) -> None:
        for entry, term in rows:
            if entry.kind == SMALL:
                self.small_words |= spellings(term)
                continue
            for pattern in _patterns(term):
                key = (pattern, entry.when)
                if settled and (pattern, None) in settled:
                    continue
                known = self._meaning.get(key)
                if known is None:
                    self._meaning[key] = (entry, term)
                    self._insert(pattern, entry)
                elif known[0].meaning == entry.meaning:
                    self._insert(pattern, entry)
                else:
                    raise VocabularyError(
                        f"{origin}: {term!r} means two things, here and as {known[1]!r}"
                    )

    def _insert(self, pattern: tuple[str, ...], entry: Entry) -> None:
        if len(pattern) == 1 and is_ideographic(pattern[0]):
            self.ideographs.setdefault(pattern[0], []).append(entry)
            return
        node = self.tree
        for word in pattern:
            bare = word.strip(_STAR)
            if word != bare:
                stems = (
                    self.insides
                    if word.startswith(_STAR) and word.endswith(_STAR)
                    else self.ends
                    if word.startswith(_STAR)
                    else self.starts
                )
                stems.add(bare)
            self._all_words.add(bare)
            node = node.after.setdefault(word, Node())
        node.entries.append(entry)


def _rows(path: Path) -> Iterator[tuple[Entry, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            entry = Entry.parse(row["meaning"], row["when"], row["language"])
            for term in filter(None, map(str.strip, row["terms"].split(";"))):
                letters = sum(sign.isalnum() for sign in fold(term))
                if (
                    letters < _SHORTEST_FREE
                    and term.isascii()
                    and entry.names_part
                    and not entry.when
                ):
                    raise VocabularyError(f"{term!r} is too short to do without a 'when'")
                yield entry, term


def _patterns(term: str) -> set[tuple[str, ...]]:
    """Return the sequences of folded words by which a term is found."""
    found = set()
    for spelling in spellings(term):
        parts = []
        for word in words(spelling):
            before = spelling[word.start - 1 : word.start] == _STAR
            behind = spelling[word.end : word.end + 1] == _STAR
            parts.append(_STAR * before + word.text + _STAR * behind)
        if not parts:
            raise VocabularyError(f"{term!r} holds no word")
        found.add(tuple(parts))
        glued = "".join(parts)
        if len(parts) > 1 and glued.isalpha() and len(glued) >= _SHORTEST_GLUED:
            found.add((glued,))
    return found
