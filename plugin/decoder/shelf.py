"""Shared memory for the pictures sent to a decoder, as a pipe would copy each twice.

The service writes and the decoder reads: the memory is sealed before the decoder starts, so that
even a compromised decoder can never write to it. Each decoder has its own, and so sees only the
pictures that it is asked about.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import suppress
from typing import Protocol

from decoder.kernel import read_only

LARGEST = 64 * 2**20
"""Most bytes of a picture here; larger ones go through the pipe. Nearly all raw pictures fit: 24 x
30 cm with 20 pixels a millimetre have 58 million. Only as much memory is taken as the largest
picture so far needed."""

_NAMED = "BODYPART_SHELF"
_FUTURE_WRITE = 0x10
"""Linux 5.1; not in every Python's `fcntl`."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _FUTURE_WRITE


class Unread(Protocol):
    """A picture that is not read yet: it is read straight into the memory, without another copy."""

    @property
    def data(self) -> bytes:
        """All of it."""

    def __len__(self) -> int:
        """Return how many bytes it has."""

    def read_into(self, place: memoryview, /) -> bool:
        """Fill the place with the picture, if that needs no waiting; tell whether it is filled."""


class Shelf:
    """The service's side of the memory.

    Attributes
    ----------
    descriptor : int
        File descriptor of the memory, which the decoder inherits.

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
        """Return a new one, None if the kernel is too old or forbids it: the pipe will do."""
        with suppress(OSError):
            return cls()
        return None

    def environment(self) -> dict[str, str]:
        """Return the environment variable that tells a decoder of it."""
        return {_NAMED: str(self.descriptor)}

    def put(self, payload: bytes | Unread) -> bool:
        """Store a picture; return False if there is no room, or if it cannot be had at once."""
        length = len(payload)
        if length > LARGEST:
            return False
        if length > self._there:
            try:
                # Without it, a write that finds no memory left would end the process.
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
    """Return the descriptor that this decoder inherited, None if there is none."""
    told = os.environ.get(_NAMED)
    return int(told) if told else None


def opened(descriptor: int) -> memoryview:
    """Return the memory for reading; what comes after the current picture has no meaning."""
    pictures = read_only(descriptor)
    os.close(descriptor)
    return pictures
