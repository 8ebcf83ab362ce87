"""What kind of object an instance is: its SOP class decides, or Modality if that leaves it open.

A device is built and tested for a SOP class. Modality is filled in by worklists, gateways and
people, and radiographs come as XC, DR, OT, CT or without one (PS3.3 C.7.3.1.1.1).
"""

from __future__ import annotations

from typing import Literal

import pydicom.uid as uids
from pydicom.dataset import Dataset
from pydicom.uid import UID

from bodypart.element_values import value_of

Kind = Literal["radiograph", "possible", "foreign"]
"""A plain radiograph; perhaps one, as the picture decides; certainly something else."""

RADIOGRAPHIC_MODALITIES = frozenset({"CR", "DX", "DR", "IO", "PX"})
"""Modalities of plain radiographs; DR is no defined term, but in use."""

OPEN_MODALITIES = frozenset({"RF", "XA", "OT", "SC", "RG", ""})
"""Modalities under which radiographs arrive among other things."""

_RADIOGRAPHIC = frozenset(
    {
        uids.ComputedRadiographyImageStorage,
        uids.DigitalXRayImageStorageForPresentation,
        uids.DigitalXRayImageStorageForProcessing,
        uids.DigitalIntraOralXRayImageStorageForPresentation,
        uids.DigitalIntraOralXRayImageStorageForProcessing,
    }
)
_FLUOROSCOPIC = frozenset(
    {
        uids.XRayAngiographicImageStorage,
        uids.EnhancedXAImageStorage,
        uids.XRayRadiofluoroscopicImageStorage,
        uids.EnhancedXRFImageStorage,
        UID("1.2.840.10008.5.1.4.1.1.12.3"),  # X-Ray Angiographic Bi-plane, retired
    }
)
_SECONDARY_CAPTURE = frozenset(
    {
        uids.SecondaryCaptureImageStorage,
        uids.MultiFrameSingleBitSecondaryCaptureImageStorage,
        uids.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uids.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uids.MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_LONGEST = 64
"""Characters of a UID (PS3.5 9.1); Modality has 16."""


def kind_of(dataset: Dataset) -> Kind:
    """Return what kind of object an instance is.

    With a private, unknown or missing SOP class, or a secondary capture, Modality decides.
    """
    sop_class, modality = _sop_class(dataset), modality_of(dataset)
    if sop_class in _RADIOGRAPHIC:
        return "radiograph"
    left_open = sop_class in _FLUOROSCOPIC | _SECONDARY_CAPTURE
    if sop_class.startswith(_STORAGE) and not left_open:
        return "foreign"
    if modality in RADIOGRAPHIC_MODALITIES:
        return "radiograph"
    return "possible" if modality in OPEN_MODALITIES or sop_class in _FLUOROSCOPIC else "foreign"


def is_fluoroscopic(dataset: Dataset) -> bool:
    """Tell whether an instance is X-ray angiography or radiofluoroscopy."""
    sop_class = _sop_class(dataset)
    if sop_class.startswith(_STORAGE):
        return sop_class in _FLUOROSCOPIC
    return modality_of(dataset) in ("XA", "RF")


def shown_class(dataset: Dataset) -> str:
    """Return an instance's kind in words: the name of its SOP class, else its Modality."""
    sop_class = _sop_class(dataset)
    return sop_class.name if sop_class.startswith(_STORAGE) else modality_of(dataset)


def modality_of(dataset: Dataset) -> str:
    """Return Modality in capitals; empty if it is absent or not a text."""
    return _text(dataset, "Modality").upper()[:_LONGEST]


def _sop_class(dataset: Dataset) -> UID:
    return UID(_text(dataset, "SOPClassUID"))


def _text(dataset: Dataset, keyword: str) -> str:
    """Return a value as a short text without NUL, which databases refuse; empty if it is none."""
    value = value_of(dataset, keyword)
    return value.replace("\0", " ").strip(" ")[:_LONGEST] if isinstance(value, str) else ""
