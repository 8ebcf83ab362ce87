"""What the headers of an exposure are about, and how far they agree on it.

A technologist picks one button, and the console fills description, protocol and body part from
it: the attributes repeat one click. Those of one origin (`FILLED_BY`) repeat each other literally,
so of each origin only the most trusted one counts:

* the console, where the technologist picks the exposure: nearest to the picture;
* the order, which speaks of the whole study: it may name other parts of it as well;
* the device's table of body parts, with its defaults.

A share of each attribute's values goes astray, to another part of the study's order or to the
device's default (``error_rates.json``). So the headers of a series that agree with the picture hold
out against such an order. Whether the part that the headers are about is the one examined is
another question: `bodypart.fusion.misnaming`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bodypart.error_rates import HeaderRates, shipped
from bodypart.evidence import FILLED_BY, TABLE
from bodypart.labels import LABELS
from bodypart.regions import labels_in

if TYPE_CHECKING:
    from bodypart.evidence import HeaderMatch

_RANK = {attribute: -place for place, attribute in enumerate(FILLED_BY)}


def about(evidence: Iterable[HeaderMatch], rates: HeaderRates | None = None) -> list[float]:
    """Return for each label the likelihood of all headers if it is the one that they are about.

    Parameters
    ----------
    evidence : iterable of HeaderMatch
        What the attributes name.
    rates : HeaderRates, optional
        How headers err; the shipped numbers by default.

    Returns
    -------
    list of float
        In the order of the label table, not normalised.
    """
    rates = rates or shipped().header
    product = [1.0] * len(LABELS)
    for match in leading(evidence):
        astray = rates.astray[match.attribute]
        inside = match.labels or (labels_in(match.region) if match.region else ())
        named = (1 - astray) / max(1, len(inside))
        by_chance = astray * _by_chance(match, rates)
        for place, part in enumerate(LABELS):
            product[place] *= named * (part.label in inside) + by_chance
    return product


def leading(evidence: Iterable[HeaderMatch]) -> tuple[HeaderMatch, ...]:
    """Return of each origin (`FILLED_BY`) the one match that counts.

    One label outranks several, several outrank a region, then the more trusted decides.
    """
    best: dict[str, HeaderMatch] = {}
    for match in evidence:
        origin = FILLED_BY[match.attribute]
        if origin not in best or _rank(match) > _rank(best[origin]):
            best[origin] = match
    return tuple(best.values())


def _rank(match: HeaderMatch) -> tuple[bool, bool, int]:
    return len(match.labels) == 1, bool(match.labels), _RANK[match.attribute]


def _by_chance(match: HeaderMatch, rates: HeaderRates) -> float:
    """Return how likely an attribute that went astray names this part."""
    chance = 1 / len(LABELS)
    if FILLED_BY[match.attribute] == TABLE and len(match.labels) == 1:
        return max(chance, rates.defaults.get(match.labels[0], 0.0))
    return chance


def posterior(weights: Iterable[float]) -> dict[str, float]:
    """Return weights over the labels scaled to a sum of 1, by label."""
    given = list(weights)
    total = sum(given)
    return {part.label: weight / total for part, weight in zip(LABELS, given, strict=True)}
