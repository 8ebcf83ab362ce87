"""The memory for the decoders: what each of them still has to learn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from bodypart.memory import Memory, Recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bodypart.memory import Word
    from bodypart.memory.exemplars import Exemplars
    from bodypart.memory.memory import UpdateRecord

LEARNING = "what people said is being learned"
"""Why no picture is read yet."""
_REMEMBERED = 50
"""Recent states of the memory for which there is a small update; others get all of it."""


class Lessons:
    """The memory as the decoders get it.

    Parameters
    ----------
    exemplars : Exemplars or None
        What lies beside the model.

    Attributes
    ----------
    memory : Memory or None
        The words and what was learned from them; None until the model is known.
    ready : bool
        Whether what was learned before the start is there, as far as it can be: until then no
        picture is read, as its answer would lack it.
    """

    def __init__(self, exemplars: Exemplars | None = None) -> None:
        self.memory: Memory | None = None
        self.ready = False
        self._exemplars = exemplars
        self._words: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._lock = threading.Lock()

    def learn(self, model: str, labels: tuple[str, ...], words: Sequence[Word]) -> list[Word]:
        """Learn from these words, and from no others.

        Returns
        -------
        list of Word
            Those that are beyond what the memory keeps.
        """
        exemplars = self._exemplars
        if exemplars is not None and not exemplars.fit(model, labels):
            exemplars = None
        memory = Memory(model, labels, words, exemplars)
        kept = {word.id for word in memory.words}
        with self._lock:
            self.memory = memory
            self._words[memory.revision] = frozenset(kept)
            while len(self._words) > _REMEMBERED:
                self._words.popitem(last=False)
        return [word for word in words if word.id not in kept]

    def after(self, revision: str | None) -> tuple[UpdateRecord, bytes] | None:
        """Return the update for a decoder at a revision, None where there is nothing new."""
        with self._lock:
            memory = self.memory
            if memory is None or memory.revision == revision:
                return None
            if revision is None and not memory.words:
                return None
            known = self._words.get(revision or "")
            return memory.update(known, revision) if known is not None else memory.update()

    def recall(self) -> Recall | None:
        """Return the memory as decoders have it, None until the model is known."""
        with self._lock:
            if self.memory is None:
                return None
            recall = Recall(self.memory.model)
            recall.apply(*self.memory.update())
            return recall
