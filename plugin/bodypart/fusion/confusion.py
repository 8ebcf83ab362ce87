"""What a picture says about every label, corrected by the errors that the model really makes.

A classifier trained with smoothed labels gives all other labels the same small remainder, as if it
mistook a knee for a skull as readily as for a femur. In fact it mistakes a part for one near it, or
for the corresponding part of the other limb. So the remainder of each relation is scaled to the
share of such mistakes that was measured, at this confidence, on pictures that the model had not
seen; and a part with next to no probability gets the share of pictures on which such a part was the
right one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bodypart.error_rates import MISTAKES, RELATIONS, Band, ErrorRates, shipped
from bodypart.labels import LABELS, PLACE
from bodypart.regions import compatible, relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

RELATION: Integers = np.array(
    [[RELATIONS.index(relation(one.label, other.label)) for other in LABELS] for one in LABELS]
)
"""Place in ``RELATIONS`` of each label (columns) seen from the most probable one (rows)."""


def picture_evidence(
    probabilities: Mapping[str, float],
    named: Collection[str] = (),
    rates: ErrorRates | None = None,
) -> Floats:
    """Return the probability of each label being the examined part, given the picture.

    Parameters
    ----------
    probabilities : mapping of str to float
        The model's answer for the labels that it learned.
    named : collection of str
        Labels that the header names. Among them, labels that the model never learned, or learned
        only from cut-outs, are considered, too.
    rates : ErrorRates, optional
        How the picture errs; the shipped numbers by default.

    Returns
    -------
    ndarray of float64, shape (labels,)
        In the order of the label table, not normalised: what the header names comes on top.
    """
    rates = rates or shipped()
    given = spread(probabilities)
    learned = tuple(PLACE[label] for label in probabilities)
    evidence = corrected(given, rates.band(float(given.max())), learned)
    habits = rates.habits.get(LABELS[int(given.argmax())].label, {})
    evidence *= 1 - sum(habits.values())
    for label, share in habits.items():
        evidence[PLACE[label]] += share
    for label in named:
        if label not in probabilities or label in rates.from_cut_outs:
            kin = [PLACE[known] for known in probabilities if compatible(known, label)]
            least = rates.unlearned * evidence[kin].sum()
            evidence[PLACE[label]] = max(evidence[PLACE[label]], least)
    return evidence


def spread(probabilities: Mapping[str, float]) -> Floats:
    """Return the model's answer in the order of the label table, scaled to a sum of 1."""
    given = np.zeros(len(LABELS))
    given[[PLACE[label] for label in probabilities]] = list(probabilities.values())
    return np.asarray(given / given.sum())


def corrected(given: Floats, band: Band, learned: tuple[int, ...]) -> Floats:
    """Return one answer of the model, corrected by the mistakes of its band of confidence."""
    top = int(given.argmax())
    scaled = given * np.array([band.scale[name] for name in RELATIONS])[RELATION[top]]
    mistakes = np.array([band.unforeseen[name] for name in MISTAKES])
    return np.asarray((1 - mistakes.sum()) * scaled / scaled.sum() + mistakes @ even(learned)[top])


@lru_cache(maxsize=4)
def even(learned: tuple[int, ...]) -> Floats:
    """Return the even spread over the learned labels of each relation.

    Returns
    -------
    ndarray of float64, shape (labels, mistakes, labels)
        By the most probable label, the relation of a mistake, and the true label.
    """
    knows = np.zeros(len(LABELS), dtype=bool)
    knows[list(learned)] = True
    members = np.stack([(RELATIONS.index(name) == RELATION) & knows for name in MISTAKES], axis=1)
    return np.asarray(members / np.maximum(members.sum(axis=2, keepdims=True), 1))


def plausible(probabilities: Mapping[str, float], least: float) -> Iterable[str]:
    """Yield the labels that a picture may show: the most probable one, and those above `least`."""
    best = max(probabilities, key=lambda label: probabilities[label])
    for label, probability in probabilities.items():
        if label == best or probability >= least:
            yield label
