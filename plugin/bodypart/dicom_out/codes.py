"""Codes that the written objects need beside those of the labels."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bodypart.labels import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCT = "orthanc-bodypart"
"""How this software signs what it writes."""

SIDES: Mapping[str, Code] = MappingProxyType(
    {
        "R": Code("24028007", "Right"),
        "L": Code("7771000", "Left"),
        "B": Code("51440002", "Bilateral"),
    }
)
"""Laterality by the letter of Image Laterality (PS3.16 CID 244)."""

SIDE_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        **{code.value: side for side, code in SIDES.items()},
        "G-A100": "R",
        "G-A101": "L",
        "G-A102": "B",
    }
)
"""The letter of a laterality code, the SNOMED RT identifiers of older files included."""

MODIFYING_EQUIPMENT = Code("109103", "Modifying Equipment", "DCM")
"""Purpose of reference for a gateway that coerces attributes (PS3.16 CID 7005)."""
