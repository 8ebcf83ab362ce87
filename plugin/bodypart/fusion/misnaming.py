"""What the headers say about the examined part, allowing for a wrong click.

If the click was wrong, so is every attribute that repeats it. Two attributes that agree make it
more certain what the headers are about, but not that this part was examined. So with ``z`` for what
they are about and ``y`` for the examined part,

    P(headers | y) = sum over z of P(headers | z) * P(z | y)

where ``P(z | y)`` comes from the share of headers that are right, and of each kind of wrong ones:
the enclosing part for a piece of it or the reverse, a neighbour, the device's default, or any part.
The numbers are in ``error_rates.json``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bodypart.error_rates import HeaderRates, shipped
from bodypart.headers.reliability import about
from bodypart.labels import LABELS
from bodypart.regions import labels_in, near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bodypart.evidence import HeaderMatch

    Floats = NDArray[np.float64]


def kind_of_error(said: str, true: str) -> str | None:
    """Return the kind of a wrong header among whole, piece, neighbour and any; None if right."""
    if said == true:
        return None
    if true in labels_in(said):
        return "whole"
    if said in labels_in(true):
        return "piece"
    return "neighbour" if near(said, true) else "any"


def header_evidence(evidence: Iterable[HeaderMatch], rates: HeaderRates | None = None) -> Floats:
    """Return for each label the likelihood of all headers if it is the examined part.

    Parameters
    ----------
    evidence : iterable of HeaderMatch
        What the attributes name.
    rates : HeaderRates, optional
        How headers err; the shipped numbers by default.

    Returns
    -------
    ndarray of float64, shape (labels,)
        In the order of the label table, not normalised.
    """
    rates = rates or shipped().header
    numbers = tuple(rates.wrong.items()), tuple(rates.defaults.items())
    return np.asarray(np.array(about(evidence, rates)) @ _meant(*numbers))


@lru_cache(maxsize=4)
def _meant(
    wrong_items: tuple[tuple[str, float], ...], default_items: tuple[tuple[str, float], ...]
) -> Floats:
    """Return P(z | y): rows are what headers are about, columns the examined part."""
    wrong, defaults = dict(wrong_items), dict(default_items)
    names = [part.label for part in LABELS]
    default = np.array([defaults.get(name, 0.0) for name in names])
    table = np.zeros((len(names), len(names)))
    for column, true in enumerate(names):
        kinds = np.array([kind_of_error(said, true) for said in names])
        left = wrong["any"]
        for kind in ("whole", "piece", "neighbour"):
            members = kinds == kind
            if members.any():
                table[members, column] += wrong[kind] / members.sum()
            else:
                left += wrong[kind]
        table[:, column] += left / (len(names) - 1)
        table[:, column] += wrong["default"] * default
        table[column, column] = 0
        table[column, column] = 1 - table[:, column].sum()
    return table
