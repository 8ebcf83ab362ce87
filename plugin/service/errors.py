"""What can go wrong in the service; no text holds a value of a header."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord


class ServiceError(Exception):
    """The base of the errors that the service raises on purpose and expects."""


class NotFoundError(ServiceError):
    """Orthanc has no such resource (any more)."""


class UnannotatedError(NotFoundError):
    """Orthanc has the instance, which has no annotation (any more)."""

    def __init__(self, instance: str) -> None:
        super().__init__(f"instances {instance} has no annotation: POST here, or back-fill")


class ConflictError(ServiceError):
    """The state of what is asked for does not allow it; the text says why."""


class ArchiveError(ServiceError):
    """Orthanc could not do what it was asked; another try may work."""


class LostFileError(ArchiveError):
    """Orthanc knows an instance whose file its storage has not."""


class StorageFullError(ArchiveError):
    """Orthanc has no room left for what it was to store."""


class RecordError(ServiceError):
    """A record could not be written; nothing was changed."""


class UnreachableError(RecordError):
    """The database server of the records cannot be reached.

    Its address and user are a note of the exception: only a traceback in the log shows them, no
    answer and no reason of a failed annotation.
    """

    def __init__(self, said: str) -> None:
        super().__init__("the records cannot be kept: their database cannot be reached")
        self.add_note(said)


class StaleError(ServiceError):
    """The annotation to be changed is not the one that the client had seen.

    Attributes
    ----------
    present : dict
        The annotation as it is now.
    """

    def __init__(self, present: AnnotationRecord) -> None:
        super().__init__("the annotation was changed since")
        self.present = present


class DamagedError(RecordError):
    """The file of a database is damaged.

    Attributes
    ----------
    place : str
        The database's address.
    """

    def __init__(self, place: str) -> None:
        super().__init__(f"{PurePath(place).name} is damaged: see docs/operations.md")
        self.place = place


class DamagedEventError(ServiceError):
    """One event of the audit trail cannot be read any more; the rest can."""

    def __init__(self, number: int) -> None:
        super().__init__(f"event {number} of the audit trail is damaged: see docs/operations.md")


class NewerError(RecordError):
    """A database was written by a newer version."""
