"""The sides of the body as DICOM codes them: CID 244 of PS3.16."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bodypart.labels import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDES: Mapping[str, Code] = MappingProxyType(
    {
        "R": Code("24028007", "Right"),
        "L": Code("7771000", "Left"),
        "B": Code("51440002", "Bilateral"),
    }
)
"""The code by the letter of Image Laterality (0020,0062)."""

SIDE_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        **{code.value: side for side, code in SIDES.items()},
        "G-A100": "R",
        "G-A101": "L",
        "G-A102": "B",
    }
)
"""The letter by the code, the SNOMED RT identifiers of older files included."""
