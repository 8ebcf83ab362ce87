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
    from collections.abc import Iterable, Sequence

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
    """The words seen with one model.

    Parameters
    ----------
    model : str
        SHA-256 of the model whose numbers the words have.
    labels : tuple of str
        The model's labels, without "none".
    exemplars : Exemplars or None
        Pictures of the model's training.
    most : int
        Most words to keep.

    Attributes
    ----------
    exemplars : Exemplars or None
        As given.
    gains : list of Gain
        What the words on each part do for patients left out of the learning.
    """

    def __init__(
        self,
        model: str,
        labels: tuple[str, ...],
        exemplars: Exemplars | None = None,
        *,
        most: int = MOST_WORDS,
    ) -> None:
        self.model = model
        self.gains: list[Gain] = []
        self.exemplars = exemplars
        self._beside = [exemplars.digest()] if exemplars else []
        self._labels = labels
        self._outputs = len(labels) + 1
        self._most = most
        self._words: dict[str, Word] = {}
        self._rule: Rule | None = None
        self._revision = self._digest()

    @property
    def revision(self) -> str:
        """The memory's state: the same for the same words, model and exemplars."""
        return self._revision

    @property
    def words(self) -> tuple[Word, ...]:
        """The words, the oldest first."""
        return tuple(self._words.values())

    def change(self, add: Iterable[Word] = (), remove: Iterable[str] = ()) -> None:
        """Remove words by id, add others, and learn.

        A word on an instance replaces an earlier one. The rule depends only on the words, not on
        their order or on earlier states. A word with another number of outputs than this model's is
        dropped, as a single one must not make the learning fail.
        """
        for name in remove:
            self._words.pop(name, None)
        earlier = {word.instance: word.id for word in self._words.values()}
        for word in add:
            self._words.pop(earlier.get(word.instance, word.id), None)
            self._words[word.id] = word
            earlier[word.instance] = word.id
        self._leave_out_strangers()
        for name in most_repeated(self.words, len(self._words) - self._most):
            del self._words[name]
        self._rule, self.gains = None, []
        if len({word.patient for word in self._words.values()}) >= LEAST_PATIENTS:
            self._rule, self.gains = learn(self.words, self._labels, self.exemplars)
        self._revision = self._digest()

    def update(
        self, known: Sequence[str] | None = None, base: str | None = None
    ) -> tuple[UpdateRecord, bytes]:
        """Return what turns a decoder's memory into this one.

        Parameters
        ----------
        known : sequence of str, optional
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
        had = set(known or ()) if base is not None else set()
        fresh = [word for word in self.words if word.id not in had]
        rule, numbers = None, b""
        if self._rule is not None:
            rule, numbers = pack_rule(self._rule)
        record: UpdateRecord = {
            "revision": self.revision,
            "base": base,
            "model": self.model,
            "dimensions": len(self.words[0].embedding) if self._words else 0,
            "removed": sorted(had - set(self._words)),
            "added": [{"id": word.id, "instance": word.instance} for word in fresh],
            "rule": rule,
        }
        return record, b"".join(pack_floats(word.embedding) for word in fresh) + numbers

    def _leave_out_strangers(self) -> None:
        """Keep the words with a probability for each label and an embedding of the usual length."""
        words = self._words.items()
        known = {name: word for name, word in words if len(word.probabilities) == self._outputs}
        lengths = Counter(len(word.embedding) for word in known.values())
        usual = max(lengths, key=lengths.__getitem__, default=0)
        self._words = {name: word for name, word in known.items() if len(word.embedding) == usual}

    def _digest(self) -> str:
        text = "\n".join([self.model, *self._beside, *sorted(self._words)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]
