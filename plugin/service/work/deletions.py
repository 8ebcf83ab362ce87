"""What Orthanc deleted: it leaves the index, and nothing of it waits to be restored."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING

from service.errors import NotFoundError, ServiceError
from service.lasting import kind_and_place

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from service.dicom_tags.in_place import InPlace
    from service.orthanc_api.archive import Archive
    from service.records.annotations import Annotations


class Deletions:
    """Takes in deletions, one after the other.

    Parameters
    ----------
    archive, annotations : Archive, Annotations
        The service's other parts.
    rewriter : InPlace or None
        Drops what an overwrite wiped of what is gone.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        annotations: Annotations,
        rewriter: InPlace | None,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._annotations = annotations
        self._rewriter = rewriter
        self._log = log
        self._told: SimpleQueue[str | None] = SimpleQueue()

    def tell(self, instance: str) -> None:
        """Tell that an instance was deleted; returns at once."""
        self._told.put(instance)

    def stop(self) -> None:
        """Wake ``follow``, so that it sees that the service stops."""
        self._told.put(None)

    def follow(self, stopping: threading.Event) -> None:
        """Take in what is told, until the service stops; the next sweep finds the rest."""
        while (instance := self._told.get()) is not None and not stopping.is_set():
            self._take_in(instance)

    def _take_in(self, instance: str) -> None:
        try:
            # An overwritten instance is deleted and stored again at once: then it is still there.
            if not self._archive.exists("instances", instance):
                self._annotations.gone(instance)
                if self._rewriter:
                    self._rewriter.mend(instance)
        except NotFoundError:
            return  # Then there is nothing left to restore to it either.
        except ServiceError as error:
            # The next sweep finds it gone.
            self._log(
                f"instance {instance} could not be removed from the index, which the next sweep "
                f"does: {kind_and_place(error)}"
            )
