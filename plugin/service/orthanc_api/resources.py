"""Records for what Orthanc returns on its resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.orthanc_api.file_on_disk import FileOnDisk


_CHILDREN = ("Instances", "Series", "Studies")
_COPY_LINKS = ("AnonymizedFrom", "ModifiedFrom")
Piece = bytes | memoryview
"""A part of a file sent in pieces: joining eight megabytes costs as much as sending them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of Orthanc's change log."""

    sequence: int
    kind: str
    resource: str


@dataclass(frozen=True, slots=True)
class Parents:
    """Orthanc ids of an instance's parents, and their attributes for the work list."""

    series: str
    study: str
    patient: str
    modality: str = ""
    study_date: str = ""
    station: str = ""

    def levels(self) -> list[tuple[str, str]]:
        """Return level and id of each parent, the series first."""
        return [("series", self.series), ("studies", self.study), ("patients", self.patient)]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An instance as Orthanc has it now.

    Attributes
    ----------
    parents : Parents
        Its parents.
    version : str
        Identifies this very file (``FileUuid``): another file under the same UIDs has another one.
    size : int
        Size of the file in bytes.
    originals : tuple of str
        Ids of the instances from which it was copied, according to Orthanc's metadata.
    anonymized : bool
        Whether it is an anonymised copy.
    """

    parents: Parents
    version: str
    size: int
    originals: tuple[str, ...] = ()
    anonymized: bool = False

    @classmethod
    def of(cls, found: dict[str, Any], parents: Parents) -> StoredFile:
        """Return it as Orthanc describes it, with its metadata or with their links alone."""
        links, size = _copy_links(found), int(found["FileSize"])
        anonymized = "AnonymizedFrom" in links
        return cls(parents, str(found["FileUuid"]), size, tuple(links.values()), anonymized)


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a stored file, in memory or still to be read from the disk.

    Attributes
    ----------
    version : str
        The file, as in `StoredFile`.
    source : bytes or FileOnDisk
        Where its bytes are.
    """

    version: str
    source: bytes | FileOnDisk

    @property
    def data(self) -> Piece:
        """All bytes, however long the disk takes; LostFileError if it fails."""
        return self.source if isinstance(self.source, bytes) else self.source.whole()


@dataclass(frozen=True, slots=True)
class Glance:
    """An instance and its metadata, from one request for many.

    Attributes
    ----------
    stored : StoredFile
        Its parents, and which file it has.
    annotation : dict or None
        Our annotation in the metadata.
    received_at : str
        When Orthanc received it, UTC, like ``20261120T120000``.
    """

    stored: StoredFile
    annotation: AnnotationRecord | None
    received_at: str


@dataclass(frozen=True, slots=True)
class Held:
    """What users and plugins noted on a resource.

    Attributes
    ----------
    level, id : str
        The resource.
    metadata : dict of str to str
        Metadata of users and plugins; Orthanc's own cannot be written. Bytes that are not UTF-8
        are escaped (``surrogateescape``), and written back as they were.
    labels : list of str
        Orthanc labels; empty if this Orthanc does not support them.
    link : str or None
        Name of the metadata that links to the resource from which it was copied.
    original : str
        Id of that resource.
    version : str
        For an instance, its file (``FileUuid``).
    alone : bool
        Whether it has only one child, with which it goes.
    """

    level: str
    id: str
    metadata: dict[str, str]
    labels: list[str]
    link: str | None
    original: str = ""
    version: str = ""
    alone: bool = False

    @classmethod
    def of(
        cls, level: str, found: dict[str, Any], metadata: dict[str, str], labels: list[str]
    ) -> Held:
        """Return it as Orthanc describes the resource."""
        links = _copy_links({**found["Metadata"], **found})
        link, original = next(iter(links.items()), (None, ""))
        version = found.get("FileUuid", "")
        children = next((found[name] for name in _CHILDREN if name in found), ())
        alone = len(children) == 1
        return cls(level, found["ID"], metadata, labels, link, original, version, alone)


@dataclass(frozen=True, slots=True)
class Stored:
    """Orthanc's answer to a file that was sent to it."""

    instance: str
    status: str

    @property
    def stands(self) -> bool:
        """Whether the file is stored now, by this or before; else a filter may have refused it."""
        return self.status in ("Success", "AlreadyStored")


def _copy_links(found: dict[str, Any]) -> dict[str, str]:
    """Return the ids of those from which a resource was copied, by the name of the link.

    What ``/modify`` changed in its place is linked to itself: that is no copy.
    """
    links = {name: str(found.get(name) or "") for name in _COPY_LINKS}
    return {name: of for name, of in links.items() if of not in ("", found["ID"])}
