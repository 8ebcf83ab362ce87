"""What can go wrong in the service; no text holds a value of a header."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord


class ServiceError(Exception):
    """The base of what the service raises on purpose while it works, and foresees."""


class NotFoundError(ServiceError):
    """Orthanc has no such resource (any more)."""


class UnannotatedError(NotFoundError):
    """Orthanc has the instance, which has no annotation (any more)."""

    def __init__(self, instance: str) -> None:
        super().__init__(f"instances {instance} has no annotation: POST here, or back-fill")


class ConflictError(ServiceError):
    """The state of what is asked for does not allow it; the text says why."""


class ArchiveError(ServiceError):
    """Orthanc could not do what it was asked; a further try may work."""


class LostFileError(ArchiveError):
    """Orthanc knows an instance whose file its storage has not."""


class StorageFullError(ArchiveError):
    """Orthanc has no room left for what it was to store."""


class RecordError(ServiceError):
    """A record could not be written; nothing was changed."""


class UnreachableError(RecordError):
    """The server of the records cannot be reached.

    Which it is, and as whom the service is there, is a note: only a traceback in the log shows it,
    and nobody who asks, or reads why an annotation failed, is told.
    """

    def __init__(self, said: str) -> None:
        super().__init__("the records cannot be kept: their database cannot be reached")
        self.add_note(said)


class StaleError(ServiceError):
    """What was to be changed is not what the client had seen.

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
    """What a person said cannot be read any more out of the audit trail, whose rest can."""

    def __init__(self, number: int) -> None:
        super().__init__(f"event {number} of the audit trail is damaged: see docs/operations.md")


class NewerError(RecordError):
    """A database is of a version that came after this one."""
