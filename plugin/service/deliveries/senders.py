"""What carries a delivery to its destination: a job of Orthanc, or a file in a folder.

A sender returns once it is proved that the destination has it, else it raises `SendError`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from service.errors import ArchiveError, NotFoundError, ServiceError

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.deliveries.delivery import Delivery
    from service.deliveries.outbox import Outbox
    from service.orthanc_api.client import Client

_FIRST_LOOK, _LONGEST_LOOK = 0.01, 1.0
_EXTEND_EVERY = 60.0
_LONGEST_JOB = 3600.0
_LONGEST_ERROR = 300


class SendError(ServiceError):
    """A delivery did not arrive.

    Attributes
    ----------
    pause : float
        Seconds that the receiver asked to be left alone; 0 where it did not.
    """

    def __init__(self, text: str, pause: float = 0.0) -> None:
        super().__init__(" ".join(text.split())[:_LONGEST_ERROR])
        self.pause = pause


class JobGoneError(ServiceError):
    """Orthanc does not know a job any more: whether it delivered is not known."""


class StoppedError(ServiceError):
    """The service stops; what is being sent is resumed at the next start."""


class Sender(Protocol):
    """Carries one delivery at a time."""

    def send(self, delivery: Delivery, annotation: AnnotationRecord | None) -> None:
        """Return when it arrived.

        Parameters
        ----------
        delivery : Delivery
            What is to be carried.
        annotation : dict or None
            The instance's; None where a job carries it already.

        Raises
        ------
        SendError, JobGoneError
            If the destination did not take it, or may have.
        ArchiveError
            If Orthanc cannot give it: no fault of the destination.
        StoppedError
            If the service stops meanwhile.
        """


class JobSender:
    """Has Orthanc send: C-STORE to a modality, to a peer, STOW-RS to a DICOMweb server.

    Parameters
    ----------
    client : Client
        Orthanc.
    outbox : Outbox
        Remembers the job.
    path : str
        Route that starts the job.
    asynchronous : dict
        How that route is told to answer at once.
    stopping : Event
        Set when the service stops.
    """

    def __init__(
        self,
        client: Client,
        outbox: Outbox,
        path: str,
        asynchronous: dict[str, bool],
        stopping: threading.Event,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._path = path
        self._asynchronous = asynchronous
        self._stopping = stopping

    @classmethod
    def of(
        cls, kind: str, name: str, client: Client, outbox: Outbox, stopping: threading.Event
    ) -> JobSender:
        """Return the sender to a node that Orthanc knows by name."""
        path, asynchronous = {
            "modality": ("/modalities/{}/store", {"Asynchronous": True}),
            "peer": ("/peers/{}/store", {"Asynchronous": True}),
            "dicomweb": ("/dicom-web/servers/{}/stow", {"Synchronous": False}),
        }[kind]
        return cls(client, outbox, path.format(quote(name, safe="")), asynchronous, stopping)

    def send(self, delivery: Delivery, annotation: AnnotationRecord | None) -> None:
        """Start a job, or wait for the one that carries it already, until its success is proved."""
        job = delivery.job
        if job is None:
            job = self._start(delivery.instance)
            self._outbox.note_job(delivery, job)
        self._watch(delivery, job)

    def _start(self, instance: str) -> str:
        # Without "Permissive": with it Orthanc reports success even for a job that delivered
        # nothing.
        body = {"Resources": [instance], **self._asynchronous}
        try:
            answer = self._client.post(self._path, json.dumps(body).encode())
        except NotFoundError:
            raise SendError(f"Orthanc has no {self._path}: is the node configured?") from None
        except ArchiveError as error:
            raise SendError(str(error)) from None
        if not isinstance(answer, dict) or not isinstance(answer.get("ID"), str):
            raise SendError(f"Orthanc started no job for {self._path}")
        return str(answer["ID"])

    def _watch(self, delivery: Delivery, job: str) -> None:
        started = extended = time.monotonic()
        pause = _FIRST_LOOK
        while True:
            try:
                found = self._client.get_json(f"/jobs/{job}")
            except NotFoundError:
                raise JobGoneError(job) from None
            except ArchiveError:
                found = {"State": "unknown"}  # Orthanc is busy, or about to end, and we with it.
            if found["State"] in ("Success", "Failure"):
                failed = failure_of(found)
                if failed:
                    raise SendError(failed)
                return
            if self._stopping.wait(pause):
                raise StoppedError
            now = time.monotonic()
            if now - extended > _EXTEND_EVERY:
                extended = now
                self._outbox.extend(delivery)
            if now - started > _LONGEST_JOB:
                self._end(job)
                raise SendError(f"its job did not end within {_LONGEST_JOB:.0f} s")
            pause = min(_LONGEST_LOOK, pause * 1.5)

    def _end(self, job: str) -> None:
        try:
            self._client.post(f"/jobs/{job}/cancel", b"{}")
        except (ArchiveError, NotFoundError):
            return


def failure_of(job: dict[str, Any]) -> str | None:
    """Return why a job of Orthanc did not deliver, None if it delivered everything.

    Parameters
    ----------
    job : dict
        What ``/jobs/{id}`` says of a job that ended.
    """
    content = job.get("Content") or {}
    missing = int(content.get("FailedInstancesCount") or 0)
    if job["State"] == "Success" and not missing:
        return None
    words = [
        content.get("FunctionErrorDetails") or content.get("FunctionErrorDescription"),
        job.get("ErrorDetails") or job.get("ErrorDescription"),
    ]
    if job["State"] == "Success":
        return f"{missing} of {content.get('InstancesCount', '?')} instances failed"
    return next((str(text) for text in words if text), "the job failed")


class FolderSender:
    """Writes the file into a folder: whole, or not at all.

    Parameters
    ----------
    folder : Path
        Where to.
    read : callable
        Gives the file of an instance as it may leave, with its corrected tags.
    """

    def __init__(self, folder: Path, read: Callable[[str], bytes]) -> None:
        self._folder = folder
        self._read = read

    def send(self, delivery: Delivery, annotation: AnnotationRecord | None) -> None:
        """Write ``INSTANCE.dcm``; readers see the old file or the new one."""
        path = self._folder / f"{delivery.instance}.dcm"
        part = self._folder / f".{delivery.instance}.{delivery.number}.part"
        data = self._read(delivery.instance)
        try:
            # Others may write to the folder, too: a link that they put under this name is not
            # followed.
            part.unlink(missing_ok=True)
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            self._sync_folder()
        except OSError as error:
            # On a read-only disk, or with a file in place of the folder, there is nothing to
            # remove.
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise SendError(f"the folder cannot be written to: {error.strerror}") from None

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
