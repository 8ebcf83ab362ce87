"""Memory in which a decoder finds a picture that a pipe would have to copy twice.

The service writes into it, the decoder reads: the memory is sealed before the decoder begins, so
that it can never write to it, whatever becomes of it. Each decoder has its own, and so sees no
picture but those that it is asked about.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import suppress
from typing import Protocol

from decoder.kernel import read_only

LARGEST = 64 * 2**20
"""Bytes of a picture, nearly all raw ones: 24 x 30 cm with 20 pixels a millimetre have 58 million.
The pipe takes what is larger. No more memory is taken than the largest that came."""

_NAMED = "BODYPART_SHELF"
_FUTURE_WRITE = 0x10
"""Linux 5.1; not in every Python's `fcntl`."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _FUTURE_WRITE


class Unread(Protocol):
    """A picture that is read when it is laid down: straight there, without a copy on the way."""

    @property
    def data(self) -> bytes:
        """All of it."""

    def __len__(self) -> int:
        """Return how many bytes it has."""

    def read_into(self, place: memoryview, /) -> bool:
        """Fill so many bytes with it if nobody has to wait; tell whether they are filled."""


class Shelf:
    """The asking side; the descriptor is what a decoder inherits.

    Attributes
    ----------
    descriptor : int
        Of the memory.

    Raises
    ------
    OSError
        If this kernel has no such memory.
    """

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("bodypart", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.descriptor, LARGEST)
            self._memory = mmap.mmap(self.descriptor, LARGEST)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except OSError:
            os.close(self.descriptor)
            raise
        self._there = 0

    @classmethod
    def made(cls) -> Shelf | None:
        """Return one, None where the kernel is too old or forbids it: the pipe does as well."""
        with suppress(OSError):
            return cls()
        return None

    def told(self) -> dict[str, str]:
        """Return what a decoder is told of it in its environment."""
        return {_NAMED: str(self.descriptor)}

    def put(self, payload: bytes | Unread) -> bool:
        """Lay a picture there; tell whether there was room for it, and it could be had at once."""
        length = len(payload)
        if length > LARGEST:
            return False
        if length > self._there:
            try:
                # Else a write for which there is no memory would end the process.
                os.posix_fallocate(self.descriptor, 0, length)
            except OSError:
                return False
            self._there = length
        if isinstance(payload, bytes):
            self._memory[:length] = payload
            return True
        with memoryview(self._memory) as whole, whole[:length] as place:
            return payload.read_into(place)

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
        os.close(self.descriptor)


def inherited() -> int | None:
    """Return the descriptor that a decoder was given, None if it was given none."""
    told = os.environ.get(_NAMED)
    return int(told) if told else None


def opened(descriptor: int) -> memoryview:
    """Return what is laid there, to be read; what is behind a picture is of no meaning."""
    pictures = read_only(descriptor)
    os.close(descriptor)
    return pictures
