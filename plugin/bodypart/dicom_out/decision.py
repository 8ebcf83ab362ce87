"""Who decided what we wrote into a file, in a form that its copies keep.

Original Attributes and Contributing Equipment tell what was changed, but anonymising removes both
(PS3.15 table E.1-1), and our Body Part Examined would then pass for the modality's. The item of
Anatomic Region Sequence stays, so it carries who decided as the name of its mapping resource
(0008,0122): the machine or a person, the side, and a digest of the pixel data that it was said of.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from bodypart.dicom_out.codes import PRODUCT

_DIGITS = 32
_ITEM = b"\xfe\xff\x00\xe0"
_HEADER = 8
_TEXT = re.compile(rf"{PRODUCT} (machine|person)(?: ([LRB]))?(?: ([0-9a-f]{{{_DIGITS}}}))?")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided.

    Attributes
    ----------
    by_person : bool
        Whether a person did; who it was is not written.
    side : str or None
        ``L``, ``R`` or ``B``.
    pixels : str or None
        Digest of the pixel data, see :func:`pixel_digest`.
    """

    by_person: bool
    side: str | None = None
    pixels: str | None = None

    @property
    def text(self) -> str:
        """What is written, at most 64 characters (VR LO)."""
        who = "person" if self.by_person else "machine"
        return " ".join(filter(None, (PRODUCT, who, self.side, self.pixels)))

    @classmethod
    def read(cls, text: str) -> Decision | None:
        """Return what a mapping resource's name says, None if it is none of ours."""
        found = _TEXT.fullmatch(text.strip(" \0"))
        return cls(found[1] == "person", found[2], found[3]) if found else None


def pixel_digest(value: bytes | memoryview) -> str:
    """Return 128 bits of the SHA-256 of pixel data, in hexadecimal digits.

    Parameters
    ----------
    value : bytes-like
        Value of Pixel Data. Of encapsulated data the offset table does not count, which programs
        rewrite at will: only the fragments after it.
    """
    digest = hashlib.sha256()
    view = memoryview(value)
    if bytes(view[:4]) != _ITEM:
        digest.update(view)
        return digest.hexdigest()[:_DIGITS]
    at, first = 0, True
    while bytes(view[at : at + 4]) == _ITEM:
        length = int.from_bytes(view[at + 4 : at + _HEADER], "little")
        if not first:
            digest.update(view[at + _HEADER : at + _HEADER + length])
        at, first = at + _HEADER + length, False
    return digest.hexdigest()[:_DIGITS]
