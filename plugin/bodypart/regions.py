"""Where parts are: the regions that vague headers name instead of a label, and neighbours."""

from __future__ import annotations

from functools import cache
from typing import Literal

from bodypart.labels import BY_LABEL, LABELS, parts_of

EXTREMITY = "extremity"
"""Any limb."""

WHOLE_BODY = "whole_body"
"""Everything, as in a skeletal survey of a child."""

PLACES = frozenset({place for part in LABELS for place in part.part_of} | {EXTREMITY, WHOLE_BODY})
"""All regions that a header may name: what encloses a label, and the two above."""


@cache
def labels_in(place: str) -> frozenset[str]:
    """Return the labels that lie in a region or a label, the label itself included."""
    if place == WHOLE_BODY:
        return frozenset(BY_LABEL)
    if place == EXTREMITY:
        return labels_in("upper_limb") | labels_in("lower_limb")
    return frozenset(parts_of(place))


def narrowest(regions: list[str]) -> str | None:
    """Return the region with the fewest labels, the first if several have; None for no regions."""
    return min(regions, key=lambda region: len(labels_in(region)), default=None)


@cache
def compatible(first: str, second: str) -> bool:
    """Return whether two labels may name the same exposure.

    They may if one part encloses the other, if a standard exposure of one shows the other, or if
    each often shows the other and both are in one region. Parts of different router groups (chest,
    abdomen, spine) may not, unless one encloses the other.
    """
    if second in labels_in(first) or first in labels_in(second):
        return True
    one, other = BY_LABEL[first], BY_LABEL[second]
    groups = {one.router_group, other.router_group}
    if len(groups) == 2 and "others" not in groups:
        return False
    if second in one.visible or first in other.visible:
        return True
    mutual = second in one.often_visible and first in other.often_visible
    return mutual and not set(one.part_of).isdisjoint(other.part_of)


@cache
def near(first: str, second: str) -> bool:
    """Return whether two parts are so close that a picture of one may be taken for the other.

    Wider than :func:`compatible`: an exposure of one at least often shows the other, or both are
    parts of a hand or of a foot. The thoracic spine is near the chest, the lumbar spine near the
    abdomen.
    """
    one, other = BY_LABEL[first], BY_LABEL[second]
    shown = (
        second in one.visible + one.often_visible or first in other.visible + other.often_visible
    )
    pieces = {place for place in one.part_of if place in other.part_of} & {"hand", "foot"}
    return shown or bool(pieces) or compatible(first, second)


Relation = Literal["same", "near", "other limb", "far"]


@cache
def relation(first: str, second: str) -> Relation:
    """Return how a part relates to another one with which it may be confused.

    ``other limb`` is for an arm's and a leg's part, whose bones look alike: elbow and knee, wrist
    and ankle.
    """
    if first == second:
        return "same"
    if near(first, second):
        return "near"
    arm, leg = labels_in("upper_limb"), labels_in("lower_limb")
    across = (first in arm and second in leg) or (first in leg and second in arm)
    return "other limb" if across else "far"
