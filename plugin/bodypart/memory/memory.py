"""All words of the hospital, and what was learned from them: one memory for all decoders."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from bodypart.memory.learning import Gain, learn
from bodypart.memory.recall import PackedRule, pack_rule
from bodypart.memory.surplus import most_repeated
from bodypart.memory.words import Word, pack_floats

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bodypart.memory.exemplars import Exemplars
    from bodypart.memory.rule import Rule

MOST_WORDS = 10_000
"""Most words kept; of more, those that add least are dropped. 10,000 take less than 20 MB."""

LEAST_PATIENTS = 5
"""Fewest patients with words to learn from: with fewer, nothing could be tested."""


class AddedWord(TypedDict):
    """A word whose numbers are in the payload."""

    id: str
    instance: str


class UpdateRecord(TypedDict):
    """What turns the memory of ``base`` into this one; see `Memory.update`."""

    revision: str
    base: str | None
    model: str
    dimensions: int
    removed: list[str]
    added: list[AddedWord]
    rule: PackedRule | None


class Memory:
    """The words seen with one model, and what was learned from them.

    What was learned depends only on the words, not on their order. A word with another number of
    outputs than this model's is dropped, as a single one must not make the learning fail.

    Parameters
    ----------
    model : str
        SHA-256 of the model whose numbers the words have.
    labels : tuple of str
        The model's labels, without "none".
    words : sequence of Word
        The oldest first, one for each instance.
    exemplars : Exemplars or None
        Pictures of the model's training.
    most : int
        Most words to keep.

    Attributes
    ----------
    model, exemplars
        As given.
    words : tuple of Word
        Those that are kept, the oldest first.
    gains : list of Gain
        What the words on each part do for patients left out of the learning.
    revision : str
        The memory's state: the same for the same words, model and exemplars.
    """

    def __init__(
        self,
        model: str,
        labels: tuple[str, ...],
        words: Sequence[Word] = (),
        exemplars: Exemplars | None = None,
        *,
        most: int = MOST_WORDS,
    ) -> None:
        self.model = model
        self.exemplars = exemplars
        known = _without_strangers(words, len(labels) + 1)
        repeated = set(most_repeated(known, len(known) - most))
        self.words = tuple(word for word in known if word.id not in repeated)
        self.gains: list[Gain] = []
        self._rule: Rule | None = None
        if len({word.patient for word in self.words}) >= LEAST_PATIENTS:
            self._rule, self.gains = learn(self.words, labels, exemplars)
        beside = [exemplars.digest()] if exemplars else []
        text = "\n".join([model, *beside, *sorted(word.id for word in self.words)])
        self.revision = hashlib.sha256(text.encode()).hexdigest()[:16]

    def update(
        self, known: Collection[str] = (), base: str | None = None
    ) -> tuple[UpdateRecord, bytes]:
        """Return what turns a decoder's memory into this one.

        Parameters
        ----------
        known : collection of str
            Words that the decoder has; by default none.
        base : str, optional
            Revision of the decoder's memory; None tells the decoder to start from nothing.

        Returns
        -------
        record : dict
            JSON-ready.
        payload : bytes
            Embeddings of the new words, then the coefficients of the rule.
        """
        had = set(known)
        fresh = [word for word in self.words if word.id not in had]
        rule, numbers = None, b""
        if self._rule is not None:
            rule, numbers = pack_rule(self._rule)
        record: UpdateRecord = {
            "revision": self.revision,
            "base": base,
            "model": self.model,
            "dimensions": len(self.words[0].embedding) if self.words else 0,
            "removed": sorted(had - {word.id for word in self.words}),
            "added": [{"id": word.id, "instance": word.instance} for word in fresh],
            "rule": rule,
        }
        return record, b"".join(pack_floats(word.embedding) for word in fresh) + numbers


def _without_strangers(words: Sequence[Word], outputs: int) -> list[Word]:
    """Return the words with a probability for each label and an embedding of the usual length."""
    known = [word for word in words if len(word.probabilities) == outputs]
    lengths = Counter(len(word.embedding) for word in known)
    usual = max(lengths, key=lengths.__getitem__, default=0)
    return [word for word in known if len(word.embedding) == usual]
