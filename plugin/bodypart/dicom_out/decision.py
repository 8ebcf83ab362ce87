"""Who decided what we wrote into a file, in a form that its copies keep.

Original Attributes and Contributing Equipment tell what was changed, but anonymising removes both
(PS3.15 table E.1-1), and our Body Part Examined would then pass for the modality's. The item of
Anatomic Region Sequence stays, so it carries who decided as the name of its mapping resource
(0008,0122): the machine or a person, the side, and a digest of the pixel data that it was said of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bodypart.dicom_out.codes import PRODUCT
from bodypart.laterality import side_in

if TYPE_CHECKING:
    from bodypart.laterality import Side

_DIGEST = r"(?:b3:)?[0-9a-f]{32}"
_TEXT = re.compile(rf"{PRODUCT} (machine|person)(?: ([LRB]))?(?: ({_DIGEST}))?")


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
        Digest of the pixel data, see :mod:`bodypart.pixel_digest`.
    """

    by_person: bool
    side: Side | None = None
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
        return cls(found[1] == "person", side_in(found[2]), found[3]) if found else None
