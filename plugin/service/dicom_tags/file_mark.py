"""The mark by which store hook, rewrite and backup recognise a file that we wrote."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.orthanc_api.resources import Piece

_BEGINNING = 65_536
"""Bytes at the beginning of a file; a correction has its time there, unlike any other file."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file's length and the digest of its beginning.

    Attributes
    ----------
    length, beginning : int
        Size of the file in bytes, and how many of its first bytes are digested.
    md5 : str
        Digest of these.
    """

    length: int
    beginning: int
    md5: str

    @classmethod
    def of(cls, *file: Piece, signed: bool) -> FileMark:
        """Return the mark of a file.

        Parameters
        ----------
        file : bytes-like
            The file, or its pieces.
        signed : bool
            Whether it is a correction, which contains the time at which it was made: then its
            beginning distinguishes it from all others, and the rest need not be digested, which
            would take far longer.
        """
        length = sum(map(len, file))
        beginning = min(_BEGINNING, length) if signed else length
        return cls(length, beginning, md5(*_first(beginning, file)))

    @classmethod
    def read(cls, text: str) -> FileMark | None:
        """Return the mark that `str` wrote as a text; None for another text."""
        parts = text.split()
        if len(parts) != 3:
            return None
        return cls(int(parts[0]), int(parts[1]), parts[2])

    def __str__(self) -> str:
        """Return the mark as a text for `read`."""
        return f"{self.length} {self.beginning} {self.md5}"

    def fits(self, data: bytes) -> bool:
        """Return whether a file has this mark."""
        return len(data) == self.length and md5(data[: self.beginning]) == self.md5


def md5(*file: Piece) -> str:
    """Return the MD5 of a file, by which Orthanc knows it; the file may be in pieces."""
    digest = hashlib.md5(usedforsecurity=False)
    for piece in file:
        digest.update(piece)
    return digest.hexdigest()


def _first(count: int, file: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the first ``count`` bytes of a file in pieces."""
    for piece in file:
        yield piece[:count]
        count -= min(count, len(piece))
