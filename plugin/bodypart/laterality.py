"""The sides of the body as DICOM codes them: CID 244 of PS3.16."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from bodypart.labels import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

OneSide = Literal["L", "R"]
Side = Literal["L", "R", "B"]
"""Left, right, both (PS3.3 C.7.3.1.1 and C.8.11.7.1, without U)."""

CODE_OF_SIDE: Mapping[Side, Code] = MappingProxyType(
    {
        "L": Code("7771000", "Left"),
        "R": Code("24028007", "Right"),
        "B": Code("51440002", "Bilateral"),
    }
)
"""The code by the letter of Image Laterality (0020,0062)."""

SIDE_OF_CODE: Mapping[str, Side] = MappingProxyType(
    {
        **{code.value: side for side, code in CODE_OF_SIDE.items()},
        "G-A100": "R",
        "G-A101": "L",
        "G-A102": "B",
    }
)
"""The letter by the code; with the SNOMED RT identifiers of older files."""


def side_in(text: object) -> Side | None:
    """Return a value that is the letter of a side, None for any other."""
    return next((side for side in CODE_OF_SIDE if side == text), None)
