"""Work for helpers on other machines: instances of the back-fill lent for a while, answers taken.

The queue and the one writer stay here. A helper reads files from Orthanc, looks at them with
decoders of its own, and is trusted no more than a decoder. What it does not bring back in time is
given out again; what was annotated, removed or replaced meanwhile is not taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decoder.wire import Frame
from service.decoders import answers
from service.decoders.answers import SurpriseError
from service.errors import NotFoundError, ServiceError
from service.queue.tasks import Kind, Priority

if TYPE_CHECKING:
    from service.annotator import Annotator
    from service.queue.backfill import Backfill
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations

_GONE = "Orthanc has no such instance"
_NOT_LENT = "it was not lent, or its time ran out and others did it"


class Leases:
    """Lends instances and takes answers.

    Parameters
    ----------
    tasks, backfill, annotator, annotations
        The service's other parts.
    """

    def __init__(
        self,
        tasks: Tasks,
        backfill: Backfill,
        annotator: Annotator,
        annotations: Annotations,
    ) -> None:
        self._tasks = tasks
        self._backfill = backfill
        self._annotator = annotator
        self._annotations = annotations

    def lend(self, count: int, seconds: float) -> list[str]:
        """Return instances that are a helper's for some seconds; none while no back-fill runs."""
        self._backfill.make_tasks(count)
        return self._tasks.lend(Kind.ANNOTATE, Priority.BACKFILL, count, seconds)

    def take(self, instance: str, annotation: dict[str, Any], file: str) -> str | None:
        """Take an answer; return why it is dropped, None if it was written.

        Parameters
        ----------
        instance : str
            Orthanc id.
        annotation : dict
            What a decoder said.
        file : str
            ``FileUuid`` of the instance when its file was read.
        """
        task = self._tasks.standing_task(Kind.ANNOTATE, instance)
        if task is None:
            return _NOT_LENT
        frame = Frame({"annotation": annotation, "seconds": {}}, b"", 0)
        try:
            answers.check("annotate", {"instance": instance}, b"", frame, 0)
        except SurpriseError as error:
            return f"no decoder answers that: {error}"
        try:
            return self._annotator.take(task, annotation, file)
        except NotFoundError:
            self._annotations.gone(instance)
            return _GONE
        except ServiceError as error:
            return str(error)
