"""Child or adult: what header and picture say about the age, and when a person must review it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.error_rates import ErrorRates
    from bodypart.evidence import HeaderReading, ImageReading

GREY = (0.4, 0.6)
"""Outputs for "child" between which the age is open, if no header tells it."""

MARGIN = 2.0
"""Years around the limit at which a picture cannot contradict an age."""


def is_child(picture: ImageReading | None, header: HeaderReading, child_age: float) -> bool | None:
    """Return whether the patient counts as a child; None if unknown, and for an animal."""
    if not header.human:
        return None
    if header.age_years is not None:
        return header.age_years < child_age
    if picture is None or picture.child is None:
        return None
    return picture.child > 0.5


def age_in_doubt(
    label: str | None,
    picture: ImageReading | None,
    header: HeaderReading,
    child_age: float,
    rates: ErrorRates,
) -> str | None:
    """Return why a person should review the age, or None."""
    if picture is None or picture.child is None or not header.human:
        return None
    chest = label is not None and BY_LABEL[label].router_group == "chest"
    age = header.age_years
    if age is not None:
        if age >= child_age + MARGIN and picture.child > rates.child_above:
            return f"The header says {age:.0f} years, but the picture looks like a child's."
        if chest and age < child_age - MARGIN and picture.child < rates.adult_below:
            return f"The header says {age:.0f} years, but the picture looks like an adult's."
        return None
    if not chest:
        return None
    if header.age_unusable and picture.child > GREY[0]:
        return "The picture may be a child's, and the age in the header cannot be believed."
    if GREY[0] < picture.child < GREY[1]:
        return "Neither the header nor the picture tells whether this is a child."
    return None
