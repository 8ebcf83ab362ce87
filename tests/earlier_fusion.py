"""The fusion of version 0.1, with which the table of `fusion.py` compares.

It assumed that a picture is wrong in two of a hundred cases, evenly spread over all labels, and
that the people and devices which fill a header err independently of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bodypart.evidence import CONSOLE, FILLED_BY, ORDER
from bodypart.fusion.fuse import LEAST
from bodypart.headers.reliability import leading
from bodypart.labels import BY_LABEL
from bodypart.regions import compatible, labels_in

if TYPE_CHECKING:
    from bodypart.evidence import HeaderMatch, HeaderReading, ImageReading

SURPRISE, UNTRAINED = 0.02, 0.03
TRUST = {CONSOLE: 0.91, ORDER: 0.89}
TRUST_IN_TABLES = 0.86


def label_of(image: ImageReading, header: HeaderReading) -> tuple[str | None, float]:
    """Return label and probability, as version 0.1 did."""
    if (image.rejected or not image.probabilities) and header.label is None:
        return None, 0.0
    weights = _header(header.evidence)
    if not image.rejected:
        known = image.probabilities
        seen = {
            label: (1 - SURPRISE) * value + SURPRISE / len(BY_LABEL)
            for label, value in known.items()
        }
        for label in header.labels:
            if label not in known:
                near = sum(value for other, value in known.items() if compatible(other, label))
                seen[label] = SURPRISE / len(BY_LABEL) + UNTRAINED * near
        weights = {label: weights[label] * value for label, value in seen.items()}
    best = max(weights, key=lambda label: weights[label])
    probability = weights[best] / sum(weights.values())
    return (best, probability) if probability >= LEAST else (None, 0.0)


def _header(evidence: Iterable[HeaderMatch]) -> dict[str, float]:
    product = dict.fromkeys(BY_LABEL, 1.0)
    for match in leading(evidence):
        trust = TRUST.get(FILLED_BY[match.attribute], TRUST_IN_TABLES)
        for label in product:
            product[label] *= trust * _share(match, label) + (1 - trust) / len(BY_LABEL)
    return product


def _share(match: HeaderMatch, label: str) -> float:
    if match.labels:
        return max(_likeness(said, label) for said in match.labels) / len(match.labels)
    inside = labels_in(match.region) if match.region else frozenset()
    return 1 / len(inside) if label in inside else 0.0


def _likeness(said: str, true: str) -> float:
    if said == true:
        return 1.0
    if true in labels_in(said):
        return 0.1
    if said in labels_in(true):
        return 0.03
    return 0.05 if compatible(said, true) else 0.0
