"""Rejects pictures that are no radiograph of a known part, by distance and "none" output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bodypart.model.parameters import Rejection


def rejection_reason(distance: float, none: float, label: str, limits: Rejection) -> str | None:
    """Return why a picture is rejected, None if it is accepted.

    Parameters
    ----------
    distance : float
        Distance to the nearest training radiographs in the embedding (deep nearest neighbours,
        Sun et al. 2022).
    none : float
        Calibrated probability of "none of the labels".
    label : str
        The most probable label.
    limits : Rejection
        The model's thresholds.
    """
    if not distance <= limits.distance:  # also if it is NaN
        return (
            "the picture is unlike the radiographs that the model knows "
            f"(distance {distance:.3g}, limit {limits.distance:.3g})"
        )
    largest = limits.largest_none(label)
    if not none <= largest:
        return (
            "the picture seems to show no body part that the model knows "
            f"(probability of none {none:.3g}, limit {largest:.3g})"
        )
    return None
