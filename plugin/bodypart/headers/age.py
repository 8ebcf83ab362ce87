"""The patient's age in years, and what stands in its place without being one."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

_AGE = re.compile(r"(\d{1,3})\s*([DWMY])", re.IGNORECASE)
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_OLDEST = 120
_NEAR = 2.0
"""Years: a first of January so near the study is what a console fills in."""


class Age(NamedTuple):
    """Years, None if unknown; ``unusable`` if something stands there that is no age."""

    years: float | None
    unusable: bool


def age_at(age: str, birth: str, exposure: str) -> Age:
    """Return the age at the exposure.

    ``000Y`` and ages that nobody reaches are what devices write when they do not know; so is a
    birth date of the first of January shortly before the study.

    Parameters
    ----------
    age : str
        Patient's Age (0010,1010), VR AS, for example ``018M``.
    birth, exposure : str
        Patient's Birth Date and the date of the exposure, VR DA; used where ``age`` is unusable.
    """
    years = _stated(age)
    if years is not None:
        return Age(years, unusable=False)
    years = _between(birth, exposure)
    return Age(years, unusable=years is None and bool(age.strip() or birth.strip()))


def _stated(age: str) -> float | None:
    found = _AGE.fullmatch(age.strip())
    if not found:
        return None
    number, unit = int(found[1]), found[2].upper()
    years = number / _PER_YEAR[unit]
    # A newborn is 000D, never 000Y.
    return years if years <= _OLDEST and (number or unit != "Y") else None


def _between(birth: str, exposure: str) -> float | None:
    born, exposed = _day(birth), _day(exposure)
    if born is None or exposed is None:
        return None
    birthdays = exposed.year - born.year - ((exposed.month, exposed.day) < (born.month, born.day))
    # Leap days alone may put the birthday itself a few hours before its year is full.
    years = max((exposed - born).days / 365.25, birthdays)
    if not 0 <= years <= _OLDEST or ((born.month, born.day) == (1, 1) and years < _NEAR):
        return None
    return years


def _day(text: str) -> date | None:
    digits = text.strip().replace(".", "").replace("-", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
