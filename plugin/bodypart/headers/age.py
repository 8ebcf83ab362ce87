"""The patient's age in years, told apart from what devices write if they do not know it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

_AGE = re.compile(r"(\d{1,3})\s*([DWMY])", re.IGNORECASE)
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_OLDEST = 112
"""Years; beyond it a birth date is rather the 1900 that consoles fill in than a person's."""
_NEAR = 2.0
"""Years: a first of January this close to the study is what a console fills in; an age that
differs by more from the birth date's contradicts it."""
_GROWN_UP = 18.0
"""Years; differences between the ages of adults do not matter here."""


class Age(NamedTuple):
    """Years, None if unknown; ``unusable`` if the headers have a value that is no credible age."""

    years: float | None
    unusable: bool


def age_at(age: str, birth: str, exposures: Iterable[str]) -> Age:
    """Return the age at the exposure.

    ``000Y`` and ages that nobody reaches are what devices write when they do not know; so is a
    birth date of the first of January shortly before the study. If one of age and birth date is a
    child's and the other is not, neither is believed: one is another patient's, or a default.

    Parameters
    ----------
    age : str
        Patient's Age (0010,1010), VR AS, for example ``018M``.
    birth : str
        Patient's Birth Date, VR DA.
    exposures : iterable of str
        Dates of the exposure, VR DA; the first one that is a date counts.
    """
    stated, counted = _stated(age), _between(birth, exposures)
    if stated is None:
        return Age(counted, unusable=counted is None and bool(age.strip() or birth.strip()))
    contradicted = (
        counted is not None
        and abs(stated - counted) > _NEAR
        and (stated < _GROWN_UP) != (counted < _GROWN_UP)
    )
    if contradicted and not (stated and _is_default(birth)):
        return Age(None, unusable=True)
    return Age(stated, unusable=False)


def _stated(age: str) -> float | None:
    found = _AGE.fullmatch(age.strip())
    if not found:
        return None
    number, unit = int(found[1]), found[2].upper()
    years = number / _PER_YEAR[unit]
    # A newborn is 000D, never 000Y.
    return years if years <= _OLDEST and (number or unit != "Y") else None


def _between(birth: str, exposures: Iterable[str]) -> float | None:
    born, exposed = _day(birth), next(filter(None, map(_day, exposures)), None)
    if born is None or exposed is None:
        return None
    birthdays = exposed.year - born.year - ((exposed.month, exposed.day) < (born.month, born.day))
    # On a birthday itself, leap days may leave the first number just short of a whole year.
    years = max((exposed - born).days / 365.25, birthdays)
    if not 0 <= years <= _OLDEST or (_is_default(birth) and years < _NEAR):
        return None
    return years


def _is_default(birth: str) -> bool:
    """Tell whether a birth date is a first of January, which anonymisers and consoles fill in."""
    born = _day(birth)
    return born is not None and (born.month, born.day) == (1, 1)


def _day(text: str) -> date | None:
    digits = text.strip().replace(".", "").replace("-", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
