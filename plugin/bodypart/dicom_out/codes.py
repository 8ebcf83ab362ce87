"""Codes that the written objects need besides those of labels and sides."""

from __future__ import annotations

from bodypart.labels import Code

PRODUCT = "orthanc-bodypart"
"""How this software signs what it writes."""

MODIFYING_EQUIPMENT = Code("109103", "Modifying Equipment", "DCM")
"""Purpose of reference for a gateway that coerces attributes (PS3.16 CID 7005)."""
