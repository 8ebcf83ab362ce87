"""How far each header attribute is to be trusted, and what it says about every label.

Headers come from three hands, and within one hand the attributes repeat each other (a console
fills Series Description and Protocol Name from one button), so of each hand only the most
trusted attribute counts:

* the console, where the technologist picks the exposure: nearest to the picture;
* the order: right, but it speaks of the whole study, which may hold several parts;
* the device's table of body parts, where defaults and neighbours stay uncorrected: Body Part
  Examined was wrong in 15.3 % of radiographs (Gueld et al. 2002, SPIE 4685).

No study tells how often the texts are wrong. They stand a little above the table, so that one
text does not outvote a confident picture, which is wrong in about two cases of a hundred; two
hands that say the same do.

Given the true part *y*, an attribute of reliability *r* names the part *s* with the likelihood
``r * LIKENESS(s, y) + (1 - r) / 36``: the second term is a header that speaks at random.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bodypart.evidence import HeaderMatch
from bodypart.headers.regions import compatible, labels_in
from bodypart.labels import BY_LABEL

CONSOLE, ORDER, TABLE = "console", "order", "table"

RELIABILITY: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "SeriesDescription": (CONSOLE, 0.92),
        "ProtocolName": (CONSOLE, 0.91),
        "AcquisitionDeviceProcessingDescription": (CONSOLE, 0.9),
        "PerformedProcedureStepDescription": (ORDER, 0.9),
        "RequestedProcedureDescription": (ORDER, 0.89),
        "StudyDescription": (ORDER, 0.89),
        "ProcedureCodeSequence": (ORDER, 0.89),
        "RequestedProcedureCodeSequence": (ORDER, 0.88),
        "PrimaryAnatomicStructureSequence": (TABLE, 0.87),
        "AnatomicRegionSequence": (TABLE, 0.87),
        "BodyPartExamined": (TABLE, 0.85),
    }
)
"""Hand and reliability of each attribute, the most trusted first."""

SAME = 1.0
ENCLOSING = 0.1
"""A header names the hand where the finger was examined: now and then."""

ENCLOSED = 0.03
"""A header names the finger where the whole hand was examined: rare."""

NEIGHBOUR = 0.05
"""A header names the wrist where the hand was examined."""


def likeness(said: str, true: str) -> float:
    """Return how readily a header that means part ``true`` names part ``said``, 0 to 1."""
    if said == true:
        return SAME
    if true in labels_in(said):
        return ENCLOSING
    if said in labels_in(true):
        return ENCLOSED
    return NEIGHBOUR if compatible(said, true) else 0.0


def likelihood(evidence: Iterable[HeaderMatch]) -> dict[str, float]:
    """Return the likelihood of all headers for each of the 36 labels (not normalised)."""
    best: dict[str, HeaderMatch] = {}
    for match in evidence:
        hand = RELIABILITY[match.attribute][0]
        if hand not in best or _rank(match) > _rank(best[hand]):
            best[hand] = match
    product = dict.fromkeys(BY_LABEL, 1.0)
    for match in best.values():
        reliability = RELIABILITY[match.attribute][1]
        noise = (1 - reliability) / len(BY_LABEL)
        for label in product:
            product[label] *= reliability * _share(match, label) + noise
    return product


def _rank(match: HeaderMatch) -> tuple[bool, bool, float]:
    """One label outranks several, several outrank a region, then reliability decides."""
    return len(match.labels) == 1, bool(match.labels), RELIABILITY[match.attribute][1]


def _share(match: HeaderMatch, label: str) -> float:
    if match.labels:
        return max(likeness(said, label) for said in match.labels) / len(match.labels)
    inside = labels_in(match.region) if match.region else frozenset()
    return 1 / len(inside) if label in inside else 0.0


def posterior(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights scaled to a sum of 1."""
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}
