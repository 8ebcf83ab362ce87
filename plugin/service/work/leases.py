"""Work for helpers on other machines: instances of the back-fill lent for a while, answers taken.

The queue and the one writer stay here. A helper reads files from Orthanc, looks at them with
decoders of its own, and is trusted no more than a decoder. What it does not bring back in time is
given out again; what was annotated, removed or replaced meanwhile is not taken from it.
"""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bodypart import __version__
from bodypart.memory import MemoryFormatError, unpack_seen
from decoder.wire import Frame
from service.decoders import answers
from service.decoders.answers import SurpriseError
from service.errors import NotFoundError, ServiceError
from service.queue.lending import Lending
from service.records.annotations import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bodypart.record import AnnotationRecord
    from bodypart.settings import Settings
    from service.annotator import Annotator
    from service.decoders.lessons import Lessons
    from service.orthanc_api.resources import Glance
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.work.backfill import Backfill

_SIDE_BY_SIDE = 4
"""Answers that are written at once: Orthanc writes metadata of several instances side by side."""
_GONE = "Orthanc has no such instance"
_NOT_LENT = "it was not lent, or its time ran out and others did it"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a helper's decoder said.

    Attributes
    ----------
    annotation : dict
        As a decoder gives it; not looked at yet.
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
    settings, tasks, backfill, annotator, annotations
        The service's other parts.
    lessons : Lessons
        What a helper's decoder has to learn.
    """

    def __init__(
        self,
        settings: Settings,
        tasks: Tasks,
        backfill: Backfill,
        annotator: Annotator,
        annotations: Annotations,
        lessons: Lessons,
    ) -> None:
        self._settings = settings
        self._tasks = tasks
        self._backfill = backfill
        self._annotator = annotator
        self._annotations = annotations
        self._lending = Lending(annotations.database, tasks)
        self._lessons = lessons
        self._side_by_side = ThreadPoolExecutor(_SIDE_BY_SIDE, "bodypart-take")

    def reference(self, hello: Mapping[str, Any], after: str | None) -> dict[str, Any]:
        """Return what a helper must be, and know, to answer as the service does.

        Parameters
        ----------
        hello : mapping
            What a decoder of the service told of itself.
        after : str or None
            Revision of the memory that the helper has.
        """
        lesson = self._lessons.after(after)
        memory = self._lessons.memory
        return {
            "version": __version__,
            "model": hello["model"],
            "settings": self._settings.of_an_answer(),
            "revision": memory.revision if memory else None,
            "memory": lesson
            and {"record": lesson[0], "numbers": base64.b64encode(lesson[1]).decode()},
        }

    def lend(self, count: int, seconds: float, helper: str | None = None) -> list[str]:
        """Return instances that are a helper's for some seconds; none while no back-fill runs."""
        self._backfill.make_tasks(count)
        return self._lending.lend(count, seconds, helper)

    def take_back(self, instances: Iterable[str], helper: str | None = None) -> None:
        """Give out again what a helper brings back unread."""
        self._lending.take_back(instances, helper)

    def take(self, brought: Mapping[str, Answer], helper: str | None = None) -> dict[str, str]:
        """Take a helper's answers; return of which instances they were dropped, and why.

        Raises
        ------
        ArchiveError
            If Orthanc is away: nothing was taken then.
        """
        glances = self._annotations.glance(list(brought))
        outcomes = self._side_by_side.map(
            lambda instance: self._take(instance, brought[instance], glances.get(instance), helper),
            brought,
        )
        return {instance: why for instance, why in zip(brought, outcomes, strict=True) if why}

    def _take(
        self, instance: str, answer: Answer, glance: Glance | None, helper: str | None
    ) -> str | None:
        # What was not lent is not for a helper to say: it may be a picture that just came in.
        task = self._lending.task(instance, helper)
        if task is None:
            return _NOT_LENT
        if glance is None:
            self._annotations.gone(instance)
            return _GONE
        brought = {name: value for name, value in answer.annotation.items() if name not in OURS}
        told: dict[str, Any] = {"annotation": brought, "seconds": {}}
        if answer.seen is not None:
            told["seen"] = answer.seen
        try:
            answers.check("annotate", {"instance": instance}, b"", Frame(told, b"", 0), 0)
            seen = unpack_seen(answer.seen) if answer.seen is not None else None
            annotation: AnnotationRecord = told["annotation"]
        except (SurpriseError, MemoryFormatError) as error:
            self._tasks.retry(task, 0.0)
            return f"no decoder answers that: {error}"
        try:
            with self._annotations.lock(instance):
                # A removal takes the task away, and an answer that came twice finds none.
                lent = self._lending.task(instance, helper)
                if lent is None:
                    return _NOT_LENT
                return self._annotator.take(lent, annotation, answer.file, seen, glance)
        except NotFoundError:
            self._annotations.gone(instance)
            return _GONE
        except ServiceError as error:
            self._lending.take_back([instance], helper)
            return str(error)
        except Exception as error:
            # Nobody foresaw it: the others of its batch are taken, and the service does this one.
            self._tasks.retry(task, 0.0)
            return f"it could not be written: {type(error).__name__}"
