"""Work for helpers on other machines: instances of the back-fill are lent, and answers taken.

The queue stays here, and only the service writes. A helper fetches files from Orthanc, reads them
with decoders of its own, and is trusted no more than a decoder. Instances that it does not return
in time are given out again; its answer on an instance that was annotated, removed or replaced
meanwhile is dropped.
"""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from bodypart import __version__
from bodypart.error_rates import digest
from bodypart.memory import MemoryFormatError, unpack_seen
from bodypart.memory.memory import UpdateRecord
from bodypart.record import ModelRecord
from bodypart.settings import AnswerSettings
from decoder.wire import Frame
from service.decoders import answers
from service.decoders.answers import SurpriseError
from service.decoders.lessons import LEARNING
from service.decoders.pool import EngineDownError
from service.errors import NotFoundError, ServiceError
from service.queue.lending import Lending
from service.records.annotations import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bodypart.record import AnnotationRecord
    from bodypart.settings import Settings
    from service.annotator import Annotator
    from service.decoders.greeting import Greeting
    from service.decoders.lessons import Lessons
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Glance
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.work.backfill import Backfill

_SIDE_BY_SIDE = 4
"""Answers that are written in parallel: Orthanc can write metadata of several instances at once."""
_GONE = "Orthanc has no such instance"
_INDESCRIBABLE = "Orthanc cannot describe the instance"
_NOT_LENT = "it was not lent, others did it as its time ran out, or the back-fill was cancelled"


class LessonRecord(TypedDict):
    """What a helper's decoders have to learn; the numbers are in base64."""

    record: UpdateRecord
    numbers: str


class HelperReference(TypedDict):
    """The version, model, settings and memory with which a helper answers as the service does.

    ``error_rates`` is the SHA-256 of the numbers that join picture and header. ``memory`` is null
    if the helper has it already, or if there is none.
    """

    version: str
    model: ModelRecord
    error_rates: str
    settings: AnswerSettings
    revision: str | None
    memory: LessonRecord | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A helper's answer on one instance.

    Attributes
    ----------
    annotation : dict
        As a decoder gives it; not checked yet.
    file : str
        ``FileUuid`` of the instance when its file was read.
    seen : dict or None
        What the model saw.
    """

    annotation: dict[str, Any]
    file: str
    seen: dict[str, Any] | None = None


class Leases:
    """Lends instances and takes answers.

    Parameters
    ----------
    settings, archive, tasks, backfill, annotator, annotations
        The service's other parts.
    lessons : Lessons
        What a helper's decoder has to learn.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive,
        tasks: Tasks,
        backfill: Backfill,
        annotator: Annotator,
        annotations: Annotations,
        lessons: Lessons,
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._tasks = tasks
        self._backfill = backfill
        self._annotator = annotator
        self._annotations = annotations
        self._lending = Lending(annotations.database)
        self._lessons = lessons
        self._side_by_side = ThreadPoolExecutor(_SIDE_BY_SIDE, "bodypart-take")

    def reference(self, hello: Greeting, after: str | None) -> HelperReference:
        """Return what a helper has to be, and to know.

        Parameters
        ----------
        hello : dict
            What a decoder of the service said about itself at its start.
        after : str or None
            Revision of the helper's memory.

        Raises
        ------
        EngineDownError
            If it is not known yet what the memory is.
        """
        if not self._lessons.ready:
            raise EngineDownError(LEARNING)
        lesson = self._lessons.after(after)
        memory = self._lessons.memory
        return {
            "version": __version__,
            "model": hello["model"],
            "error_rates": digest(),
            "settings": self._settings.of_an_answer(),
            "revision": memory.revision if memory else None,
            "memory": {"record": lesson[0], "numbers": base64.b64encode(lesson[1]).decode()}
            if lesson
            else None,
        }

    def lend(self, count: int, seconds: float, helper: str | None = None) -> list[str]:
        """Lend a helper instances for some seconds and return them; none if no back-fill runs."""
        self._backfill.make_tasks(count)
        return self._lending.lend(count, seconds, helper)

    def take_back(self, instances: Iterable[str], helper: str | None = None) -> None:
        """Free instances that a helper returns unread, so that they are given out again."""
        self._lending.take_back(instances, helper)

    def take(self, brought: Mapping[str, Answer], helper: str | None = None) -> dict[str, str]:
        """Take a helper's answers; return the instances whose answers were dropped, and why.

        Raises
        ------
        ArchiveError
            If Orthanc is away; then nothing was taken.
        """
        glances: Mapping[str, Glance] | None
        try:
            glances = self._archive.glance(list(brought))
        except Exception:
            self._archive.last_change()  # If Orthanc is away, this fails, too.
            # It fails with one of them, perhaps for ever: that must not hold up the others.
            glances = None
        outcomes = self._side_by_side.map(
            lambda instance: self._take(instance, brought[instance], glances, helper), brought
        )
        return {instance: why for instance, why in zip(brought, outcomes, strict=True) if why}

    def _take(
        self,
        instance: str,
        answer: Answer,
        glances: Mapping[str, Glance] | None,
        helper: str | None,
    ) -> str | None:
        # A helper may answer only on what it was lent, not on an instance that just arrived.
        task = self._lending.task(instance, helper)
        if task is None:
            return _NOT_LENT
        try:
            known = self._archive.glance([instance]) if glances is None else glances
        except Exception:
            self._tasks.retry(task, 0.0)
            return _INDESCRIBABLE
        glance = known.get(instance)
        if glance is None:
            self._annotator.gone(task)
            return _GONE
        brought = {name: value for name, value in answer.annotation.items() if name not in OURS}
        told: dict[str, Any] = {"annotation": brought, "seconds": {}, "seen": answer.seen}
        try:
            answers.check("annotate", {"instance": instance}, b"", Frame(told, b"", 0), 0)
            seen = unpack_seen(answer.seen) if answer.seen is not None else None
            annotation: AnnotationRecord = told["annotation"]
        except (SurpriseError, MemoryFormatError) as error:
            self._tasks.retry(task, 0.0)
            return f"this cannot be a decoder's answer: {error}"
        try:
            with self._annotations.lock(instance):
                # There is none if the instance was removed, or if the answer came twice.
                lent = self._lending.task(instance, helper)
                if lent is None:
                    return _NOT_LENT
                return self._annotator.take(lent, annotation, answer.file, seen, glance)
        except NotFoundError:
            self._annotator.gone(task)
            return _GONE
        except ServiceError as error:
            self.take_back([instance], helper)
            return str(error)
        except Exception as error:
            # Unforeseen: the batch's other answers are still taken; the service does this one.
            self._tasks.retry(task, 0.0)
            return f"it could not be written: {type(error).__name__}"
