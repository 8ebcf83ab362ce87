"""What tells a file of ours from every other one, whoever holds it: the hook, Orthanc, a backup."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_BEGINNING = 65_536
"""Bytes in which a correction is told from every other file by the time at which it was made."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file's length and the digest of its beginning.

    Attributes
    ----------
    length, beginning : int
        Bytes of the file, and how many of them count.
    md5 : str
        Digest of those.
    """

    length: int
    beginning: int
    md5: str

    @classmethod
    def of(cls, data: bytes, *, signed: bool) -> FileMark:
        """Return the mark of a file.

        Parameters
        ----------
        data : bytes
            The file.
        signed : bool
            Whether it is a correction, which names the moment at which it was made: then its
            beginning tells it from all others, and the rest, which would take far longer, is not
            looked at.
        """
        beginning = min(_BEGINNING, len(data)) if signed else len(data)
        return cls(len(data), beginning, md5(data[:beginning]))

    @classmethod
    def read(cls, text: str) -> FileMark | None:
        """Return the mark that `str` made a text of; None of another text."""
        parts = text.split()
        if len(parts) != 3:
            return None
        return cls(int(parts[0]), int(parts[1]), parts[2])

    def __str__(self) -> str:
        """Return a text that `read` takes."""
        return f"{self.length} {self.beginning} {self.md5}"

    def fits(self, data: bytes) -> bool:
        """Tell whether a file is the one of this mark."""
        return len(data) == self.length and md5(data[: self.beginning]) == self.md5


def md5(data: bytes) -> str:
    """Return the digest by which Orthanc knows a file."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
