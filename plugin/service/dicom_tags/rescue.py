"""While a file is being rewritten, Orthanc's side keeps a file that another sender stores.

Between the last check of a file and the storing of its successor there are milliseconds in which
another file may come in, which ours would then replace. Orthanc's store hook sees that file: it
knows which instances are being rewritten, and keeps the bytes of files that are not ours. It knows
by a file in a folder of the storage, which is there for all nodes that share the storage.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.errors import ArchiveError, StorageFullError

if TYPE_CHECKING:
    from service.dicom_tags.file_mark import FileMark

_ACKNOWLEDGED_WITHIN = 2.0
KEPT_WITHIN = 2.0
_LOOK_EVERY = 0.02
_RECENT = 1.0
"""Seconds within which Orthanc may still carry out a deletion that it announced."""
_GIVEN_WAY = 0.2
_KEPT_ENTRIES = 1000
_SUFFIXES = (".dcm", ".part", ".json", ".new")
"""Of a file that was kept, and of what is told of a rewrite; each of them whole or begun."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ROOM = 16 * 2**20
"""Bytes that must be free on the disk of Orthanc's index. Where SQLite finds none amid an
overwrite, Orthanc 1.10 deletes the file that it could not store over."""


class Rescue:
    """The files that came in while others were rewritten.

    Parameters
    ----------
    folder : Path
        Folder in which Orthanc's side keeps them; as private as the archive itself.
    say : callable
        Sends a message to Orthanc's side.
    shared : bool
        Whether other nodes have the same folder.
    disk : Path or None
        Folder of Orthanc's index, if that is a file; else only this folder needs room.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[dict[str, Any]], None],
        *,
        shared: bool = False,
        disk: Path | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in () if shared else folder.glob("*.json"):
            left.unlink(missing_ok=True)
        self._folder = folder
        self._disk = disk if disk and disk.is_dir() else folder
        self._say = say
        say({"rescued": str(folder)})
        self._acknowledged: dict[str, threading.Event] = {}
        self._own: OrderedDict[str, int] = OrderedDict()

    @contextmanager
    def watching(self, instance: str, ours: FileMark) -> Iterator[None]:
        """Have the hook keep files that are stored under an instance, except ours.

        A deletion in Orthanc waits for the end of this block; if one was announced just before,
        this waits a moment for it.

        Parameters
        ----------
        instance : str
            Orthanc id.
        ours : FileMark
            Mark of the file that is about to be stored. If its beginning is enough to recognise it,
            the hook need not digest the whole file while it holds Orthanc's lock.

        Raises
        ------
        ArchiveError
            If Orthanc's side does not confirm that it watches, or cannot be told; StorageFullError
            if there is no room for that.
        """
        heard = self._acknowledged[instance] = threading.Event()
        try:
            self._announce(instance, ours)
            self._say({"rewriting": instance})
            if not heard.wait(_ACKNOWLEDGED_WITHIN):
                raise ArchiveError(
                    "Orthanc's side of the plugin did not confirm that it watches over the rewrite"
                )
            if self._deleting(instance):
                time.sleep(_GIVEN_WAY)
            yield
        finally:
            self._place(instance, ".json").unlink(missing_ok=True)
            self._acknowledged.pop(instance, None)

    def _announce(self, instance: str, ours: FileMark) -> None:
        whole = self._place(instance, ".new")
        try:
            disk = os.statvfs(self._disk)
            if disk.f_blocks and disk.f_bavail * disk.f_frsize < _ROOM:
                raise OSError(errno.ENOSPC, "nearly full")
            whole.write_text(json.dumps(asdict(ours)))
            whole.replace(self._place(instance, ".json"))
        except OSError as error:
            with suppress(OSError):
                whole.unlink(missing_ok=True)
            if error.errno in _FULL:
                raise StorageFullError("no room to announce a rewrite") from None
            raise ArchiveError(f"a rewrite cannot be announced: {error.strerror}") from None

    def _deleting(self, instance: str) -> bool:
        """Tell whether a deletion was announced just before, by the clock of the folder's disk.

        Who announces one then looks for rewrites: so either waits for the other.
        """
        # Opened: of a file that another node has touched, NFS may keep the old time for a minute.
        with suppress(OSError), (self._folder / "deleting").open("rb") as announced:
            at = os.fstat(announced.fileno()).st_mtime
            # Not of a later time either: the clock was set back since then.
            return abs(self._place(instance, ".json").stat().st_mtime - at) < _RECENT
        return False

    def is_own(self, instance: str, entry: int) -> bool | None:
        """Return whether a change log entry is of our file; None if that is not known yet."""
        if self._own.get(instance) == entry:
            return True
        return None if self.watches(instance) else False

    def note_own(self, instance: str, entry: int) -> None:
        """Note the log's entry of a file of ours, which needs no annotating."""
        self._own[instance] = entry
        while len(self._own) > _KEPT_ENTRIES:
            self._own.popitem(last=False)

    def watches(self, instance: str) -> bool:
        """Return whether an instance is being rewritten just now."""
        return instance in self._acknowledged

    def acknowledge(self, instance: str) -> None:
        """Note that Orthanc's side watches an instance."""
        heard = self._acknowledged.get(instance)
        if heard:
            heard.set()

    def kept(self, instance: str, limit: float = KEPT_WITHIN) -> bytes | None:
        """Return the file that another sender stored meanwhile, None if there is none.

        Parameters
        ----------
        instance : str
            Orthanc id.
        limit : float
            Seconds to wait for the hook to write it.
        """
        end = time.monotonic() + limit
        place = self._place(instance)
        while not place.exists():
            if time.monotonic() > end:
                return None
            time.sleep(_LOOK_EVERY)
        return place.read_bytes()

    def drop(self, instance: str) -> None:
        """Delete the kept file of an instance, and what a node left that was killed."""
        for suffix in _SUFFIXES:
            self._place(instance, suffix).unlink(missing_ok=True)

    def _place(self, instance: str, suffix: str = ".dcm") -> Path:
        return self._folder / f"{instance}{suffix}"
