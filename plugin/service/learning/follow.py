"""Learning goes on: the audit trail tells the words, and the decoders learn them a moment later."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from bodypart.memory import Recall
from bodypart.memory.learning import Gain
from service.decoders.pool import EngineDownError
from service.errors import ServiceError
from service.lasting import kind_and_place
from service.learning.alike import read_otherwise
from service.learning.changes import changes_of
from service.queue.tasks import Kind, Mode, Priority

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    from bodypart.evidence import Seen
    from bodypart.memory import Memory
    from service.decoders.lessons import Lessons
    from service.decoders.pool import DecoderPool
    from service.learning.changes import Change
    from service.learning.hearing import Hearing
    from service.learning.sightings import Sightings
    from service.queue.tasks import Tasks

_PAGE = 500
_LOOK_EVERY = 5.0
"""Seconds after which another node's words are found without a call."""

_FIRST_LOOK = 0.02
_PATIENCE = 4
"""So many times as long as it has just taken, learning pauses, when words come without end."""

_LONGEST_PAUSE = 120.0


class Learned(TypedDict):
    """How many words there are, how many wait to be learned, and what they gain, by part."""

    learn: str
    model: str | None
    revision: str | None
    words: int
    waiting: int
    exemplars: int
    parts: list[Gain]


class Learning:
    """Keeps the memory in step with what people say.

    Parameters
    ----------
    mode : str
        ``on``, ``suggest`` or ``off``, as the setting ``Learn`` says. Words are kept in any case,
        so that the switch can be turned on later.
    decoders, tasks : DecoderPool, Tasks
        The service's other parts.
    hearing, sightings, lessons : Hearing, Sightings, Lessons
        What people said, what the model saw, what was learned.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        mode: str,
        decoders: DecoderPool,
        tasks: Tasks,
        hearing: Hearing,
        sightings: Sightings,
        lessons: Lessons,
        log: Callable[[str], None],
    ) -> None:
        self._mode = mode
        self._decoders = decoders
        self._tasks = tasks
        self._hearing = hearing
        self.words = hearing.words
        self.sightings = sightings
        self._lessons = lessons
        self._log = log
        self._woken = threading.Event()
        self._learned: tuple[str, set[int]] | None = None
        self._step_lock = threading.Lock()

    @property
    def model(self) -> str | None:
        """SHA-256 of the model in use, None until a decoder told it."""
        hello = self._decoders.hello
        return hello["model"]["sha256"] if hello else None

    @property
    def memory(self) -> Memory | None:
        """The words and what was learned from them, None until the model is known."""
        return self._lessons.memory

    def read_otherwise(self, since: str) -> list[str]:
        """Return the pictures without a word that would be read otherwise by now.

        Parameters
        ----------
        since : str
            UTC time: only what is like pictures on which something was said from then on, and what
        words had changed that were taken back.

        Raises
        ------
        EngineDownError
            If the model or the memory is not known yet.
        """
        hello = self._decoders.hello
        if hello is None or not self._lessons.ready:
            raise EngineDownError(self._decoders.down_reason)
        model, memory = hello["model"]["sha256"], self.memory
        recall = self._lessons.recall() or Recall(model)
        fresh = self.words.since(since)
        rows = [word.embedding for word in memory.words if word.instance in fresh] if memory else []
        return read_otherwise(self.sightings, model, hello["labels"], recall, rows)

    def keep(self, connection: Connection, instance: str, seen: Seen | None) -> None:
        """Keep what the model saw in the present picture, in a transaction of the caller's."""
        model = self.model
        if seen is not None and model is not None:
            self.sightings.put(connection, instance, model, seen)

    def tell_word(self, instance: str, seen: Seen | None) -> None:
        """Have a word learned that waited for what the model saw in its very picture.

        If that fails, a later step finds what was kept, or has the picture looked at again.
        """
        model = self.model
        if model is None or seen is None:
            return
        try:
            if self.words.waits_for(instance, model):
                self.words.saw(instance, model, seen)
                self.wake()
        except ServiceError as error:
            self._log(
                f"the word on instance {instance} is not learned yet: {kind_and_place(error)}"
            )

    def saw_nothing(self, instance: str) -> None:
        """Note that the model sees nothing in a picture: only another model is to look again.

        Raises
        ------
        RecordError
            If that cannot be noted: it would be looked at again and again.
        """
        if model := self.model:
            self.words.saw_nothing(instance, model)

    def wake(self) -> None:
        """Tell that a person said something, or took it back."""
        self._woken.set()

    def follow(self, stopping: threading.Event) -> None:
        """Learn what people say until the service stops."""
        while self.model is None and not stopping.wait(_FIRST_LOOK):
            pass
        self._begin()
        while not stopping.is_set():
            begun = time.monotonic()
            try:
                self.step()
            except ServiceError as error:
                self._log(f"learning failed and starts again: {kind_and_place(error)}")
            stopping.wait(min(_LONGEST_PAUSE, _PATIENCE * (time.monotonic() - begun)))
            self._woken.wait(_LOOK_EVERY)
            self._woken.clear()

    def _begin(self) -> None:
        """Learn what is known before anything else: pictures wait for that, but not for Orthanc."""
        try:
            with self._step_lock:
                self._learn()
        except ServiceError as error:
            self._log(f"pictures are read without what people said: {kind_and_place(error)}")
        finally:
            self._lessons.ready = True

    def step(self) -> None:
        """Take in what was said, have looked at what no model saw yet, and learn.

        Raises
        ------
        ServiceError
            If the records cannot be read or written; the next step goes on.
        """
        model = self.model
        if model is None:
            return
        with self._step_lock:
            self._hearing.hear()
            self._have_looked_at(model)
            self.sightings.prune()
            self._learn()

    def _learn(self) -> None:
        """Learn from the words that are known, if they are others than before."""
        hello = self._decoders.hello
        if hello is None or self._mode == "off":
            return
        model = hello["model"]["sha256"]
        # Before the words themselves: what comes in from now on is learned by the next step.
        numbers = self.words.numbers(model)
        if (model, numbers) == self._learned:
            return
        words = self.words.seen_by(model)
        try:
            beyond = self._lessons.learn(model, tuple(hello["labels"]), words)
        except Exception as error:
            # The same words would fail again: what was learned before stays until others come.
            self._log(
                f"learning failed, and what was learned before stays: {kind_and_place(error)}"
            )
            self._learned = model, numbers
            return
        self.words.drop(beyond)
        self._learned = model, numbers - {int(word.id) for word in beyond}

    def forget(self, instance: str) -> None:
        """Forget the word on one picture; what was said stays said."""
        with self._step_lock:
            self.words.take_back(instance)
        self.wake()

    def changes(self) -> list[Change]:
        """Return what the memory made of the model's answers, the most frequent change first."""
        hello = self._decoders.hello
        if hello is None:
            return []
        return changes_of(self.sightings, hello["model"]["sha256"], hello["labels"])

    def forget_all(self) -> None:
        """Forget every word that was said so far; the audit trail and the annotations stay."""
        with self._step_lock:
            self._hearing.forget_all()
        self.step()

    def learned(self) -> Learned:
        """Return what was learned, part by part."""
        model, memory = self.model, self._lessons.memory
        waiting = len(self.words.unseen(model)) if model else 0
        return {
            "learn": self._mode,
            "model": model,
            "revision": memory.revision if memory else None,
            "words": len(memory.words) if memory else 0,
            "waiting": waiting,
            "exemplars": len(memory.exemplars.labels) if memory and memory.exemplars else 0,
            "parts": memory.gains if memory else [],
        }

    def _have_looked_at(self, model: str) -> None:
        """Give words what the model saw; where that is not known, have a decoder look again."""
        unknown = []
        for instance in self.words.unseen(model):
            seen = self.sightings.get(instance, model, reviewed=True)
            if seen is None:
                unknown.append(instance)
            else:
                self.words.saw(instance, model, seen)
        for start in range(0, len(unknown), _PAGE):
            page = unknown[start : start + _PAGE]
            standing = self._tasks.standing(Kind.LOOK, page)
            if fresh := [instance for instance in page if instance not in standing]:
                self._tasks.ask_now(Kind.LOOK, fresh, mode=Mode.ASKED, priority=Priority.LOOK)
