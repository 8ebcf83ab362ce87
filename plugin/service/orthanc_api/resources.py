"""What Orthanc tells of its resources, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.orthanc_api.file_on_disk import FileOnDisk


Piece = bytes | memoryview
"""Of a file that is sent as it lies in memory: to put eight megabytes together costs as much as to
send them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of Orthanc's change log."""

    sequence: int
    kind: str
    resource: str


@dataclass(frozen=True, slots=True)
class Parents:
    """Orthanc ids of what an instance belongs to, and what a work list shows of them."""

    series: str
    study: str
    patient: str
    modality: str = ""
    study_date: str = ""
    station: str = ""

    def levels(self) -> list[tuple[str, str]]:
        """Return level and id of each, the series first."""
        return [("series", self.series), ("studies", self.study), ("patients", self.patient)]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An instance as Orthanc holds it now.

    Attributes
    ----------
    parents : Parents
        What it belongs to.
    version : str
        Names this very file: another file under the same UIDs has another one.
    size : int
        Bytes of the file.
    originals : tuple of str
        Ids of what it is said to be a copy of.
    """

    parents: Parents
    version: str
    size: int
    originals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was just read, and the version that it had before."""

    version: str
    content: bytes | FileOnDisk

    @property
    def data(self) -> Piece:
        """Its bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.mapped()


@dataclass(frozen=True, slots=True)
class Glance:
    """An instance and its metadata, as one question about many shows them.

    Attributes
    ----------
    stored : StoredFile
        What it belongs to, and which file it is.
    annotation : dict or None
        What the metadata hold of ours.
    received_at : str
        When Orthanc received it, UTC, like ``20261120T120000``.
    """

    stored: StoredFile
    annotation: AnnotationRecord | None
    received_at: str


@dataclass(frozen=True, slots=True)
class Held:
    """What users and plugins noted of a resource.

    Attributes
    ----------
    level, id : str
        Which one.
    metadata : dict of str to str
        Theirs; Orthanc's own cannot be written. Bytes that are not UTF-8 are escaped
        (``surrogateescape``), and written back as they were.
    labels : list of str
        Empty where Orthanc has no labels.
    link : str or None
        Name of the link that it carries to what it was copied from.
    version : str
        Of an instance, which file it is.
    alone : bool
        Of a series, whether it has one instance.
    """

    level: str
    id: str
    metadata: dict[str, str]
    labels: list[str]
    link: str | None
    version: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """Orthanc's answer to a file that was sent to it."""

    instance: str
    status: str

    @property
    def stands(self) -> bool:
        """Whether the file stands there now, by this or before; else a filter refused it, say."""
        return self.status in ("Success", "AlreadyStored")
