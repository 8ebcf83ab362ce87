"""A stored file, read directly from the folder on this machine in which Orthanc keeps it.

Orthanc never changes a file that it stored: another file of the same instance has another name. So
the file found there is the one that was asked for, and reading it costs one copy instead of six.
Nothing is written there. If there is no such file (it is compressed, kept by a storage plugin, or
on another machine), Orthanc is asked for it.
"""

from __future__ import annotations

import mmap
import os
import re
import weakref
from functools import cached_property
from typing import TYPE_CHECKING

from service.errors import LostFileError

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAGIC_AT, MAGIC = 128, b"DICM"
"""The prefix of a DICOM file, and its offset (PS3.10, 7.1)."""


class FileOnDisk:
    """One file, kept open, so that it can be read even after Orthanc has deleted it.

    Parameters
    ----------
    descriptor : int
        File descriptor; closed with this object.
    size : int
        Size of the file in bytes.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._copied = False
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def found(cls, storage: Path, name: str, size: int) -> FileOnDisk | None:
        """Return the file of a name, None unless it is there as an uncompressed DICOM file.

        Parameters
        ----------
        storage : Path
            Orthanc's ``StorageDirectory``.
        name : str
            ``FileUuid`` of the instance.
        size : int
            Uncompressed size in bytes by Orthanc's index: a compressed file has another one.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            # Non-blocking: if somebody put a named pipe there, opening it could block for ever.
            descriptor = os.open(storage / name[:2] / name[2:4] / name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        found = cls(descriptor, size)
        try:
            if os.fstat(descriptor).st_size != size:
                return None
            if os.pread(descriptor, len(MAGIC), MAGIC_AT) != MAGIC:
                return None
            # It is read only once a decoder is free: until then the kernel can read ahead.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        except OSError:
            return None
        return found

    def __len__(self) -> int:
        return self._size

    @cached_property
    def data(self) -> bytes:
        """The whole file, however long the disk takes.

        Raises
        ------
        LostFileError
            If the disk fails, or the file was truncated.
        """
        pieces: list[bytes] = []
        left = self._size
        try:
            while left:
                # The kernel reads two gigabytes at most at a time.
                pieces.append(os.pread(self._descriptor, left, self._size - left))
                if not pieces[-1]:
                    raise LostFileError("a file in Orthanc's storage is shorter than it was")
                left -= len(pieces[-1])
        except OSError as error:
            raise LostFileError(f"a file in Orthanc's storage: {error.strerror}") from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def whole(self) -> bytes | memoryview:
        """Return ``data`` or, after ``read_into``, the same mapped from the kernel's cache.

        The latter is no copy, but kills the process if the disk fails or the file was truncated:
        that it was read to its end a moment ago says that it was not.
        """
        if not self._copied:
            return self.data
        return memoryview(mmap.mmap(self._descriptor, self._size, access=mmap.ACCESS_READ))

    def read_into(self, place: memoryview) -> bool:
        """Copy the file into memory of its size if it is cached; return whether it was copied."""
        done = 0
        try:
            while done < self._size:
                count = os.preadv(self._descriptor, [place[done:]], done, os.RWF_NOWAIT)
                if not count:
                    return False
                done += count
        except OSError:
            return False  # Not cached, or the file system cannot tell: `data` waits for the disk.
        self._copied = True
        return True
