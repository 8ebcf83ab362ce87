"""Whether a picture shows two limbs, or one in two views."""

from types import SimpleNamespace

import numpy as np
import pytest

from bodypart.model.model_input import BlankPictureError
from bodypart.model.two_limbs import shows_both_limbs

FRONTAL, LATERAL, OBLIQUE = np.eye(3) * 8
UNSURE = np.array([0.0, 0.0, 0.0])


def limbs(*middles):
    y, x = np.mgrid[0:200, 0:240]
    grey = sum(np.exp(-(((x - middle - 0.05 * (y - 100)) / 26) ** 4)) for middle in middles)
    return (20 + 160 * np.asarray(grey)).astype(np.float32)


class Model:
    """Says from where each half is seen, the left one first; None: there is nothing to see."""

    parameters = SimpleNamespace(views=("frontal", "lateral", "oblique"))

    def __init__(self, *views):
        self.views, self.halves = list(views), []

    def answer(self, values):
        self.halves.append(values)
        view = self.views[len(self.halves) - 1]
        if view is None:
            raise BlankPictureError
        return SimpleNamespace(view=view)


@pytest.mark.parametrize(("middles", "both"), [((60, 180), True), ((120,), False), ((70,), False)])
def test_two_limbs_are_told_from_one(middles, both):
    assert shows_both_limbs(limbs(*middles)) is both


@pytest.mark.parametrize(
    ("views", "both"),
    [
        ((FRONTAL, LATERAL), False),
        ((LATERAL, FRONTAL), False),
        ((FRONTAL, FRONTAL), True),
        ((LATERAL, LATERAL), True),
        ((FRONTAL, OBLIQUE), True),
        ((FRONTAL, UNSURE), True),
        ((UNSURE, LATERAL), True),
        ((FRONTAL, None), True),
    ],
)
def test_one_limb_seen_from_the_front_and_from_the_side_is_not_two(views, both):
    assert shows_both_limbs(limbs(60, 180), Model(*views)) is both


def test_the_halves_are_those_beside_the_gap():
    model = Model(FRONTAL, LATERAL)
    picture = limbs(50, 170)
    shows_both_limbs(picture, model)
    left, right = model.halves
    assert left.shape[1] + right.shape[1] <= picture.shape[1]
    for half in model.halves:
        brightest = half.mean(axis=0).argmax() / half.shape[1]
        assert 0.3 < brightest < 0.7


def test_one_limb_is_looked_at_no_further():
    model = Model()
    assert not shows_both_limbs(limbs(120), model)
    assert not model.halves
