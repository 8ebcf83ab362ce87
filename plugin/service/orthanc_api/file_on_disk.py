"""A stored file, read where Orthanc keeps it: in a folder of this machine, under its own name.

Orthanc never changes what it stored: another file of the same instance has another name. So what is
read there is the very file that was asked for, and costs one copy in the place of six. Nothing is
written there, and where there is no such file (compressed, kept by a storage plugin, on another
machine) Orthanc is asked for it.
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
"""How a DICOM file says that it is one (PS3.10, 7.1)."""


class FileOnDisk:
    """One file, kept open: what is in it can be read even after Orthanc has deleted it.

    Parameters
    ----------
    descriptor : int
        Closed with this object.
    size : int
        Its bytes.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def found(cls, storage: Path, name: str, size: int) -> FileOnDisk | None:
        """Return the file of a name, None unless it lies there as a modality would send it.

        Parameters
        ----------
        storage : Path
            Orthanc's ``StorageDirectory``.
        name : str
            ``FileUuid`` of the instance.
        size : int
            Bytes that it has by Orthanc's index: one that was compressed has others.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            # Without waiting: whoever wrote to a pipe that somebody laid there may never come.
            descriptor = os.open(storage / name[:2] / name[2:4] / name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        found = cls(descriptor, size)
        try:
            if os.fstat(descriptor).st_size != size:
                return None
            if os.pread(descriptor, len(MAGIC), MAGIC_AT) != MAGIC:
                return None
            # It is read once a decoder is free: till then the disk may have brought it.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        except OSError:
            return None
        return found

    def __len__(self) -> int:
        return self._size

    @cached_property
    def data(self) -> bytes:
        """All of it, however long the disk takes.

        Raises
        ------
        LostFileError
            If the disk fails, or somebody cut the file short.
        """
        pieces: list[bytes] = []
        left = self._size
        try:
            while left:
                # The kernel gives two gigabytes at most at a time.
                pieces.append(os.pread(self._descriptor, left, self._size - left))
                if not pieces[-1]:
                    raise LostFileError("a file in Orthanc's storage is shorter than it was")
                left -= len(pieces[-1])
        except OSError as error:
            raise LostFileError(f"a file in Orthanc's storage: {error.strerror}") from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def mapped(self) -> memoryview:
        """Return all of it, where the kernel has it, without a copy.

        Only of a file that was read to its end a moment ago: what the disk fails of, or somebody
        cut off, has shown then; here it would end the process.
        """
        return memoryview(mmap.mmap(self._descriptor, self._size, access=mmap.ACCESS_READ))

    def read_into(self, place: memoryview) -> bool:
        """Fill memory of its size with it if that needs no disk; tell whether it is filled."""
        done = 0
        try:
            while done < self._size:
                count = os.preadv(self._descriptor, [place[done:]], done, os.RWF_NOWAIT)
                if not count:
                    return False
                done += count
        except OSError:
            return False  # Not read yet, or a file system that cannot tell: `data` may wait.
        return True
