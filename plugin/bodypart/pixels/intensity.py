"""How grey values relate to X-rays and to the screen: linear or not, and which end is dense.

PS3.3 C.8.11.3.1.2 (Pixel Intensity Relationship), C.11.6 (Presentation LUT Shape).
"""

from __future__ import annotations

import numpy as np
import pydicom.uid as uids
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bodypart.pixels.layout import Layout, optional_value

LARGEST_VALUE = 1e18
"""Floating-point pixels beyond this are treated as errors: their squares overflow float32."""

_FOR_PROCESSING = frozenset(
    {
        uids.DigitalXRayImageStorageForProcessing,
        uids.DigitalIntraOralXRayImageStorageForProcessing,
    }
)

_DEEPEST = 1 / 4096
"""Share of the brightest exposure below which there is only noise."""


def is_mirrored(dataset: Dataset, layout: Layout) -> bool:
    """Tell whether small values are dense, or are shown white, which should mean the same.

    For raw exposures Pixel Intensity Relationship Sign decides, not how they are displayed; else
    Photometric Interpretation, and the Presentation LUT Shape INVERSE with MONOCHROME2.
    """
    if is_for_processing(dataset):
        sign = _text(dataset, "PixelIntensityRelationshipSign")
        if sign in ("1", "-1"):
            return sign == "1"
    if layout.photometric == "MONOCHROME1":
        return True
    grey = layout.photometric == "MONOCHROME2"
    return grey and _text(dataset, "PresentationLUTShape") == "INVERSE"


def is_for_processing(dataset: Dataset) -> bool:
    """Tell whether an image is meant for further processing, not for display."""
    intent = _text(dataset, "PresentationIntentType")
    return intent == "FOR PROCESSING" or _text(dataset, "SOPClassUID") in _FOR_PROCESSING


def is_linear_exposure(dataset: Dataset) -> bool:
    """Tell whether values grow with the exposure itself: attenuation is then their logarithm."""
    return (
        is_for_processing(dataset)
        and _text(dataset, "PixelIntensityRelationship") == "LIN"
        and _text(dataset, "PixelIntensityRelationshipSign") != "-1"
    )


def are_values(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which values are finite and smaller than `LARGEST_VALUE`."""
    return np.asarray(np.abs(values) < LARGEST_VALUE)


def logarithm(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithm of exposures; unchanged if none is above 0."""
    valid = are_values(values)
    most = float(values.max(initial=0, where=valid))
    if not most > 0:
        return values
    logarithms = np.log(np.maximum(values, np.float32(most * _DEEPEST)))
    return np.where(valid, logarithms, np.float32(np.nan)).astype(np.float32)


def _text(dataset: Dataset, keyword: str) -> str:
    return str(optional_value(dataset, keyword)).strip().upper()
