"""Who decided what we wrote into a file, in a form that survives in its copies.

Original Attributes and Contributing Equipment record what was changed, but anonymising removes both
(PS3.15 table E.1-1), and our Body Part Examined would then pass for the modality's. The item of
Anatomic Region Sequence stays, so its Mapping Resource Name (0008,0122) says who decided (machine
or person), the side, and a digest of the pixel data that the decision was about.
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
        Whether a person did; the person's name is not written.
    side : str or None
        ``L``, ``R`` or ``B``.
    pixels : str or None
        Digest of the pixel data, see :mod:`bodypart.pixel_digest`.
    at : str or None
        UTC time of a person's word; it stands in Contributing Equipment, so no anonymised copy
        tells it.
    """

    by_person: bool
    side: Side | None = None
    pixels: str | None = None
    at: str | None = None

    @property
    def text(self) -> str:
        """The text to write, at most 64 characters (VR LO)."""
        who = "person" if self.by_person else "machine"
        return " ".join(filter(None, (PRODUCT, who, self.side, self.pixels)))

    @classmethod
    def read(cls, text: str) -> Decision | None:
        """Return the decision in a Mapping Resource Name, None if it is not one of ours."""
        found = _TEXT.fullmatch(text.strip(" \0"))
        return cls(found[1] == "person", side_in(found[2]), found[3]) if found else None
