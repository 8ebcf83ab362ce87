"""Orthanc as the service uses it: instances, their metadata, labels, attachments and changes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from service.errors import ArchiveError, LostFileError, NotFoundError
from service.orthanc_api.annotation_text import annotation_in, roll_up_in
from service.orthanc_api.client import Client
from service.orthanc_api.file_on_disk import MAGIC, MAGIC_AT, FileOnDisk
from service.orthanc_api.places import Places
from service.orthanc_api.resources import Change, Content, Glance, Held, Parents, Stored, StoredFile
from service.orthanc_api.studies import StudyDescription, study_description

if TYPE_CHECKING:
    from pathlib import Path

    from bodypart.record import AnnotationRecord, RollUpRecord
    from service.orthanc_api.resources import Piece

LEVELS = ("instances", "series", "studies", "patients")
ANNOTATION = "BodyPart"
CODE = "BodyPartExamined"
DICOMWEB_CACHE = "4301"
"""Attachment of a series in which the DICOMweb plugin keeps the headers of its files."""
_SIDE_BY_SIDE = 4


class Archive:
    """The calls to Orthanc that the service needs.

    Parameters
    ----------
    client : Client
        Sends the requests.
    registered_metadata, registered_attachments : frozenset of str
        Names that the operator registered for user-defined metadata and attachments.
    storage : Path or None
        Folder in which Orthanc stores files, if that is on this machine.

    Attributes
    ----------
    version : str
        Orthanc's version.
    has_labels : bool
        Whether this Orthanc has labels (1.12 and later).
    has_patients : bool
        Whether it has routes for patients (``PatientLevelEnabled``).
    """

    def __init__(
        self,
        client: Client,
        *,
        registered_metadata: frozenset[str] = frozenset(),
        registered_attachments: frozenset[str] = frozenset(),
        storage: Path | None = None,
    ) -> None:
        self.client = client
        self._storage = storage
        self._registered_metadata = registered_metadata
        self._registered_attachments = registered_attachments
        self._side_by_side = ThreadPoolExecutor(_SIDE_BY_SIDE, "bodypart-ask")
        self._places = Places(client)
        system = client.get_json("/system")
        self.version = str(system["Version"])
        self.has_labels = _at_least(self.version, (1, 12))
        self.has_patients = bool(system.get("PatientLevelEnabled", True))

    def stored_file(self, instance: str) -> StoredFile:
        """Return an instance's parents, and which file it has; NotFoundError if it is gone."""
        return self._stored_file(self.client.get_json(f"/instances/{instance}"))

    def glance(self, instances: list[str]) -> dict[str, Glance]:
        """Return what Orthanc has on some instances, in one request; those gone are left out."""
        question = {"Resources": instances, "Metadata": True}
        seen: dict[str, Glance] = {}
        answer = self.client.question("/tools/bulk-content", question)
        # Orthanc accepts ids of any level; a person may have given one of a series, say.
        answer = [found for found in answer if "ParentSeries" in found]
        self._places.learn(found["ParentSeries"] for found in answer)
        for found in answer:
            metadata = found["Metadata"]
            # Instances of a series that was deleted meanwhile are left out.
            with suppress(NotFoundError):
                seen[found["ID"]] = Glance(
                    self._stored_file({**metadata, **found}),
                    annotation_in(metadata.get(ANNOTATION), found["ID"]),
                    metadata.get("ReceptionDate", ""),
                )
        return seen

    def _stored_file(self, found: dict[str, Any]) -> StoredFile:
        return StoredFile.of(found, self._places.of_series(found["ParentSeries"]))

    def parents(self, instance: str) -> Parents:
        """Return an instance's parents; errors as in ``stored_file``."""
        return self.stored_file(instance).parents

    def stations(self, series: list[str]) -> dict[str, str]:
        """Return the Station Name of some series, empty if one has none or is gone."""
        self._places.learn(series)
        return {one: self._station(one) for one in series}

    def _station(self, series: str) -> str:
        try:
            return self._places.of_series(series).station
        except NotFoundError:
            return ""

    def forget(self, series: str) -> None:
        """Ask again for the parents of a series when needed, because its files are others."""
        self._places.forget(series)

    def content(self, instance: str, stored: StoredFile, *, old_stock: bool = False) -> Content:
        """Return a stored file: on this machine's disk, still to be read, or else as ``dicom``."""
        found = self._storage and FileOnDisk.found(self._storage, stored.version, stored.size)
        return Content(stored.version, found or self.dicom(instance, old_stock=old_stock))

    def dicom(self, instance: str, *, old_stock: bool = False) -> bytes:
        """Return the stored DICOM file.

        Parameters
        ----------
        instance : str
            Orthanc id.
        old_stock : bool
            Whether it is old stock: then Orthanc's cache is bypassed, from which a back-fill would
            otherwise push out the files that people are looking at.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        LostFileError
            If only its file is.
        """
        try:
            return self._dicom(instance, old_stock=old_stock)
        except NotFoundError:
            if self.exists("instances", instance):
                raise LostFileError(f"Orthanc's storage has no file of {instance}") from None
            raise

    def _dicom(self, instance: str, *, old_stock: bool) -> bytes:
        if old_stock:
            as_stored = self.client.get(f"/instances/{instance}/attachments/dicom/compressed-data")
            # Otherwise Orthanc has compressed it (``StorageCompression``), or it has no preamble.
            if as_stored.startswith(MAGIC, MAGIC_AT):
                return as_stored
        return self.client.get(f"/instances/{instance}/file")

    def md5(self, instance: str) -> str:
        """Return the MD5 of the stored DICOM file; NotFoundError if the instance is gone."""
        noted = b""
        with suppress(NotFoundError):
            noted = self.client.get(f"/instances/{instance}/attachments/dicom/md5").strip()
        if noted:
            return noted.decode()
        # Orthanc has none if ``StoreMD5ForAttachments`` is, or was, false.
        return hashlib.md5(self.dicom(instance), usedforsecurity=False).hexdigest()

    def store(self, *file: Piece) -> Stored:
        """Store a DICOM file, which may be in pieces.

        Raises
        ------
        StorageFullError
            If there is no room.
        ArchiveError
            If Orthanc does not say what it did.
        """
        answer = self.client.post("/instances", *file)
        if not isinstance(answer, dict):
            raise ArchiveError("POST /instances: no single instance in the answer")
        return Stored(str(answer.get("ID", "")), str(answer.get("Status", "")))

    def exists(self, level: str, resource: str) -> bool:
        """Return whether Orthanc has a resource at this level."""
        try:
            self.client.get(f"/{level}/{resource}/metadata")
        except NotFoundError:
            return False
        return True

    def instances_of(self, level: str, resource: str) -> list[str]:
        """Return the ids of the instances below a resource, in a stable order.

        Raises
        ------
        NotFoundError
            If Orthanc knows no such resource.
        """
        # For an id of another level Orthanc returns no instances, or fails.
        if not self.exists(level, resource):
            raise NotFoundError(resource)
        if level == "instances":
            return [resource]
        found = self.client.get_json(f"/{level}/{resource}/instances")
        return sorted(item["ID"] for item in found)

    def instance_ids(self, since: int, limit: int) -> list[str]:
        """Return one page of the ids of all stored instances."""
        ids: list[str] = self.client.get_json(f"/instances?since={since}&limit={limit}")
        return ids

    def count(self) -> int:
        """Return how many instances are stored."""
        return int(self.client.get_json("/statistics")["CountInstances"])

    def delete_instance(self, instance: str) -> None:
        """Delete an instance; one that is gone is fine."""
        self.client.delete(f"/instances/{instance}")

    def reconstruct(self, series: str) -> None:
        """Have Orthanc read the main tags of a series from its files again."""
        self.client.post(f"/series/{series}/reconstruct", b"{}")

    def series_part(self, series: str) -> str:
        """Return the Body Part Examined in Orthanc's main tags of a series."""
        found = self.client.get_json(f"/series/{series}")
        return str(found["MainDicomTags"].get("BodyPartExamined", ""))

    def instance_part(self, instance: str) -> str:
        """Return the Body Part Examined in a stored file."""
        try:
            return self.client.get(f"/instances/{instance}/content/0018-0015").decode().strip("\0 ")
        except (NotFoundError, UnicodeDecodeError):
            return ""

    def changes(self, since: int, limit: int) -> tuple[list[Change], int]:
        """Return the changes after ``since``, and the number of the newest change."""
        answer = self.client.get_json(f"/changes?since={since}&limit={limit}")
        found = [Change(c["Seq"], c["ChangeType"], c["ID"]) for c in answer["Changes"]]
        return found, int(answer["Last"])

    def last_change(self) -> int:
        """Return the number of the newest change."""
        return int(self.client.get_json("/changes?last")["Last"])

    def received_at(self, instance: str) -> str:
        """Return when Orthanc received an instance, UTC, like ``20261120T120000``."""
        return self.metadata("instances", instance, "ReceptionDate") or ""

    def sender(self, instance: str) -> tuple[str, str]:
        """Return AET and IP of an instance's sender; empty where Orthanc did not note them."""
        found = self.client.get_json(f"/instances/{instance}/metadata?expand")
        ip = str(found.get("RemoteIP", "")).removeprefix("::ffff:")  # RFC 4291, section 2.5.5.2
        return str(found.get("RemoteAET", "")), ip

    def node(self, kind: str, name: str) -> tuple[str, str]:
        """Return AET and host of a modality, or the host of a peer; empty if there is none.

        Parameters
        ----------
        kind : str
            ``modalities`` or ``peers``.
        name : str
            Orthanc's name for it.
        """
        try:
            found = self.client.get_json(f"/{kind}/{quote(name, safe='')}/configuration")
        except NotFoundError:
            return "", ""
        host = found.get("Host") or urlsplit(str(found.get("Url", ""))).hostname
        return str(found.get("AET", "")), str(host or "")

    def is_stable(self, series: str) -> bool:
        """Return whether nothing was added to a series for Orthanc's ``StableAge``."""
        return self.client.get_json(f"/series/{series}").get("IsStable") is True

    def metadata(self, level: str, resource: str, name: str) -> str | None:
        """Return one metadata value, None if it is not set or no UTF-8, and so not ours."""
        try:
            return self.client.get(f"/{level}/{resource}/metadata/{name}").decode()
        except (NotFoundError, UnicodeDecodeError):
            return None

    def annotation(self, instance: str) -> AnnotationRecord | None:
        """Return the annotation in Orthanc's metadata, None if there is none that we wrote."""
        return annotation_in(self.metadata("instances", instance, ANNOTATION), instance)

    def annotations(self, instances: list[str]) -> list[AnnotationRecord | None]:
        """Return the `annotation` of each instance, asking for several at a time."""
        return list(self._side_by_side.map(self.annotation, instances))

    def roll_ups(self, ids: list[str], level: str) -> list[RollUpRecord | None]:
        """Return the roll-ups in Orthanc's metadata, as `annotations` does."""
        texts = self._side_by_side.map(lambda one: self.metadata(level, one, ANNOTATION), ids)
        return list(map(roll_up_in, texts, ids))

    def study_descriptions(self, studies: list[str]) -> dict[str, StudyDescription]:
        """Return patient's name and description of each study, only to be shown to people."""
        distinct = list(dict.fromkeys(studies))
        described = self._side_by_side.map(partial(study_description, self.client), distinct)
        return dict(zip(distinct, described, strict=True))

    def identifiers_of_study(self, study: str) -> tuple[str, str]:
        """Return Patient ID and Study Instance UID; NotFoundError if the study is gone."""
        found = self.client.get_json(f"/studies/{study}")
        patient, own = found["PatientMainDicomTags"], found["MainDicomTags"]
        return str(patient.get("PatientID", "")), str(own.get("StudyInstanceUID", ""))

    def set_metadata(self, level: str, resource: str, name: str, value: str) -> None:
        """Write one metadata value; NotFoundError if the resource is gone."""
        data = value.encode(errors="surrogateescape")
        self.client.put(f"/{level}/{resource}/metadata/{name}", data)

    def delete_metadata(self, level: str, resource: str, name: str) -> None:
        """Remove one metadata value; a missing one is fine."""
        self.client.delete(f"/{level}/{resource}/metadata/{name}")

    def held(self, places: list[tuple[str, str]]) -> list[Held]:
        """Return what users and plugins noted on some (level, resource), in one request.

        Raises
        ------
        NotFoundError
            If Orthanc knows no such resource.
        """
        if not places:
            return []
        question = {"Resources": [resource for _, resource in places], "Metadata": True}
        answer = self.client.question("/tools/bulk-content", question)
        found = {one["ID"]: one for one in answer}
        missing = next((resource for _, resource in places if resource not in found), None)
        if missing is not None:
            raise NotFoundError(missing)
        return [self._held(level, found[resource]) for level, resource in places]

    def _held(self, level: str, found: dict[str, Any]) -> Held:
        resource, metadata, own = found["ID"], found["Metadata"], self._registered_metadata
        labels = found["Labels"] if "Labels" in found else self.labels(level, resource)
        theirs = {name: text for name, text in metadata.items() if name in own or name.isdigit()}
        for name, text in theirs.items():
            # In JSON, Orthanc replaces bytes that are not UTF-8.
            if not text.isascii() and name not in (ANNOTATION, CODE):
                with suppress(NotFoundError):
                    data = self.client.get(f"/{level}/{resource}/metadata/{name}")
                    theirs[name] = data.decode(errors="surrogateescape")
        return Held.of(level, found, theirs, labels)

    def user_attachments(self, level: str, resource: str) -> list[str]:
        """Return the names of the attachments that users and plugins added.

        Raises
        ------
        NotFoundError
            If Orthanc knows no such resource.
        """
        found: list[str] = self.client.get_json(f"/{level}/{resource}/attachments")
        return [name for name in found if name in self._registered_attachments or name.isdigit()]

    def attachment(self, level: str, resource: str, name: str) -> bytes:
        """Return the content of an attachment; NotFoundError if it is gone."""
        return self.client.get(f"/{level}/{resource}/attachments/{name}/data")

    def set_attachment(self, level: str, resource: str, name: str, data: bytes) -> None:
        """Write an attachment; NotFoundError if the resource is gone."""
        self.client.put(f"/{level}/{resource}/attachments/{name}", data)

    def labels(self, level: str, resource: str) -> list[str]:
        """Return the Orthanc labels of a resource; none if this Orthanc does not support them."""
        if not self.has_labels:
            return []
        try:
            found: list[str] = self.client.get_json(f"/{level}/{resource}/labels")
        except NotFoundError:
            return []
        return found

    def set_label(self, level: str, resource: str, label: str, *, present: bool) -> None:
        """Add or remove one Orthanc label; a resource that is gone is fine."""
        path = f"/{level}/{resource}/labels/{label}"
        if present:
            with suppress(NotFoundError):
                self.client.put(path, b"")
        else:
            self.client.delete(path)

    def is_protected(self, patient: str) -> bool:
        """Return whether a patient is protected against recycling."""
        return self.client.get(f"/patients/{patient}/protected").strip() == b"1"

    def protect(self, patient: str) -> None:
        """Protect a patient against recycling."""
        self.client.put(f"/patients/{patient}/protected", b"1")


def _at_least(version: str, wanted: tuple[int, ...]) -> bool:
    """Compare versions; a build from the main line, without a number, counts as the newest."""
    parts = version.split(".")
    if not all(part.isdigit() for part in parts):
        return True
    return tuple(map(int, parts)) >= wanted
