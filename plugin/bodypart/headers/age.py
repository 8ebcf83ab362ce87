"""The patient's age in years."""

from __future__ import annotations

import re
from datetime import date

_AGE = re.compile(r"(\d{1,3})\s*([DWMY])", re.IGNORECASE)
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_OLDEST = 130


def age_in_years(age: str, birth: str, exposure: str) -> float | None:
    """Return the age at the exposure.

    Parameters
    ----------
    age : str
        Patient's Age (0010,1010), VR AS, for example ``018M``.
    birth, exposure : str
        Patient's Birth Date and the date of the exposure, VR DA; used where ``age`` is unusable.

    Returns
    -------
    float or None
        Years; None if the headers do not tell, or tell an age nobody reaches.
    """
    found = _AGE.fullmatch(age.strip())
    if found:
        years = int(found[1]) / _PER_YEAR[found[2].upper()]
        return years if years <= _OLDEST else None
    born, exposed = _day(birth), _day(exposure)
    if born is None or exposed is None:
        return None
    years = (exposed - born).days / 365.25
    return years if 0 <= years <= _OLDEST else None


def _day(text: str) -> date | None:
    digits = text.strip().replace(".", "").replace("-", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
