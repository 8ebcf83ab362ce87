"""Finds the vocabulary's terms in a text; `holding` decides which of them hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bodypart.headers.vocabulary import ONLY, OTHER, SIDES, Entry

if TYPE_CHECKING:
    from bodypart.headers.folding import Word
    from bodypart.headers.vocabulary import Node, Vocabulary

_LONGEST_WORD = 40
TELLING_LETTERS = 5
"""Fewest letters of a word that tells something: a side its language, an unknown word a gap."""

SHORT = 2
"""Most letters of a word that often means something else: "RE" is a rotation in French."""

_FEW_KANA = 2


class _Form(NamedTuple):
    """A word as the tree may spell it (``becken*``), and the span of the letters it matches."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A term found in a text: its place from ``start`` to ``end``, and its number of letters."""

    entry: Entry
    start: int
    end: int
    letters: int

    @property
    def weight(self) -> tuple[int, bool]:
        """Sort key: longer terms first, then restricted rows."""
        return (-self.letters, self.entry.when is None)

    @property
    def span(self) -> tuple[int, int]:
        """Start and end in the text."""
        return self.start, self.end

    @property
    def tells_language(self) -> bool:
        """Whether it is a part, in whichever text it stands."""
        return self.entry.when is None and self.entry.names_part


def mentions_in(found: Sequence[Word], vocabulary: Vocabulary) -> Iterator[Mention]:
    """Yield every term in a text of these words, also overlapping ones."""
    forms = [tuple(_forms(word, vocabulary)) for word in found]
    for number, word in enumerate(found):
        if word.ideographic:
            yield from _ideographs(word, vocabulary)
        yield from _terms_from(number, found, forms, vocabulary)


def labels_named(candidates: Sequence[Mention]) -> Iterator[str]:
    """Yield the labels and regions that a text may name, but none of a word for no part.

    For example, "unidad de columna" names no spine. What names a part only where no other part is
    spelt out does not count either: "Head Waters" is a skull.
    """
    others = [mention for mention in candidates if mention.entry.kind == OTHER]
    for mention in candidates:
        if (
            mention.entry.names_part
            and mention.entry.when != ONLY
            and not any(
                other.start <= mention.start
                and mention.end <= other.end
                and mention.letters < other.letters
                for other in others
            )
        ):
            yield from mention.entry.labels or (mention.entry.region or "",)


def shared_language(candidates: Sequence[Mention]) -> frozenset[str]:
    """Return the only language with both a part and a side in the text, if there is just one.

    "Coxa" is a hip in Latin and a thigh in Portuguese, "D" right in five languages: "Coxa D" is
    Portuguese.
    """
    if any(m.entry.labels and m.entry.when is None for m in candidates):
        return frozenset()
    parts = {
        m.entry.language
        for m in candidates
        if m.entry.names_part and m.letters > SHORT and m.entry.when == m.entry.language
    }
    sides = {
        m.entry.language
        for m in candidates
        if m.entry.kind in SIDES and m.entry.when == m.entry.language
    }
    shared = parts & sides
    return frozenset(shared) if len(shared) == 1 else frozenset()


def _forms(word: Word, vocabulary: Vocabulary) -> Iterator[_Form]:
    """Yield the forms in which the tree may have a word: whole, or a stem with ``*``."""
    text, start, end = word.text, word.start, word.end
    yield _Form(text, start, end)
    if len(text) > _LONGEST_WORD:
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
) -> Iterator[Mention]:
    """Yield the terms that begin with a word; small words between their words are skipped.

    Also those that begin another term: "head of bed" does not hide the "head radius" in "head of
    radius". But a letter may be a side: "Pé E AP".
    """
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
                    yield Mention(entry, begin, form.end, letters)
            skipped = start is not None and word.text in vocabulary.small_words
            if skipped and (not reached or len(word.text) > 1):
                further.append((node, start, before))
        paths = further
        if not paths:
            return


def _ideographs(word: Word, vocabulary: Vocabulary) -> Iterator[Mention]:
    """Yield the terms in a run of ideographs.

    One or two kana, which many words contain, count only with a boundary before and after.
    """
    text = word.text
    hits = [
        (first, first + length, entry)
        for first in range(len(text))
        for length in range(1, min(vocabulary.longest_ideograph, len(text) - first) + 1)
        for entry in vocabulary.ideographs.get(text[first : first + length], ())
    ]
    starts, ends = {len(text)}, {0}
    for first, end, _ in hits:
        starts.add(first)
        ends.add(end)
    for first, end, entry in hits:
        if (
            end - first > _FEW_KANA
            or not _is_kana(text[first:end])
            or (
                (first in ends or not _is_kana(text[first - 1]))
                and (end in starts or not _is_kana(text[end]))
            )
        ):
            yield Mention(entry, word.start + first, word.start + end, end - first)


def _is_kana(text: str) -> bool:
    return all("\u3040" <= sign <= "\u30ff" for sign in text)
