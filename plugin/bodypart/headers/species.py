"""Whether the patient is human: veterinary archives hold dogs beside their owners' children."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMAN_CODES = frozenset({"337915000", "L-85B00"})
"""Homo sapiens in SNOMED CT and SNOMED RT (CID 7454 of PS3.16 lists the others)."""

_HUMAN_WORDS = re.compile(r"homo\b|human|mensch|humain|umano", re.IGNORECASE)


def is_human(codes: Iterable[str], texts: Iterable[str], animal_only: Iterable[str]) -> bool:
    """Return whether no other species is named.

    Parameters
    ----------
    codes, texts : iterable of str
        Values of Patient Species Code Sequence (0010,2202) and Patient Species Description
        (0010,2201).
    animal_only : iterable of str
        Values of attributes that only animals have: breed, whether neutered (PS3.3 C.7.1.1).
    """
    codes, texts = [*codes], [*texts]
    if any(code.upper() in _HUMAN_CODES for code in codes):
        return True
    if texts:
        return any(_HUMAN_WORDS.search(text) for text in texts)
    return not codes and not any(animal_only)
