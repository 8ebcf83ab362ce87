"""What is rejected as a whole is looked at in parts, and no more often than can change anything."""

from dataclasses import replace

import numpy as np
import pytest

from bodypart.model import second_look
from bodypart.model.detailed_field import detailed_field
from bodypart.model.model_input import Box, Placement
from bodypart.model.panels import panels
from bodypart.model.parameters import Parameters, Rejection
from bodypart.model.raw_answer import RawAnswer
from unit.model.test_detailed_field import fogged

OWN = Parameters(
    name="told",
    version="1",
    sha256="",
    size=4,
    labels=("hand", "foot", "pelvis"),
    visible_labels=(),
    visible_thresholds={},
    views=("frontal", "lateral", "oblique"),
    temperature=1.0,
    visible_temperature=1.0,
    sides=(4,),
    mirrored=False,
    field_tone=None,
    rejection=Rejection(distance=0.5, none=0.5),
)
ALL = (*OWN.labels, "none")
PARTS = [np.full((4, 4), number, np.float32) for number in range(6)]


def told(said):
    """Return the network's answer that means this part and probability; None is rejected."""
    label, probability = said or ("hand", 0.9)
    rest = (1 - probability) / len(OWN.labels)
    return answer(0.0 if said else 1.0, *(probability if name == label else rest for name in ALL))


def answer(distance, *shares):
    one, box = np.ones(3, np.float32), Box(0, 1, 0, 1)
    logits = np.log(np.array(shares, np.float32))
    return RawAnswer(logits, one[:0], 0.0, one, distance, one, one, Placement(box, box))


class Network:
    """Says of each part what it is told to."""

    def __init__(self, *readings):
        self.readings, self.looks = readings, 0

    def ask(self, values):
        self.looks += 1
        return told(self.readings[int(values[0, 0])])


HAND, UNSURE, FOOT, PELVIS = ("hand", 0.9), ("hand", 0.3), ("foot", 0.9), ("pelvis", 0.9)


@pytest.mark.parametrize(
    ("readings", "accepted", "looks"),
    [
        ((HAND, HAND), True, 2),
        ((None, HAND), False, 1),
        ((UNSURE, HAND), False, 1),
        ((HAND, FOOT), False, 2),
        ((PELVIS, PELVIS), False, 1),
        ((None, HAND, HAND), True, 3),
        ((None, None, HAND), False, 2),
        ((None, None, None, HAND, HAND, HAND), True, 6),
        ((None, None, None, None, HAND, HAND), False, 4),
        ((HAND, FOOT, HAND, HAND, HAND, HAND), False, 2),
        ((HAND,), False, 0),
        ((), False, 0),
    ],
)
def test_several_exposures_are_looked_at_until_it_is_settled(readings, accepted, looks):
    network = Network(*readings)
    answer = second_look._of_panels(network.ask, OWN, PARTS[: len(readings)])
    assert (answer is not None) is accepted
    assert network.looks == looks


def test_exposures_that_touch_are_read_as_halves():
    noise = np.random.default_rng(0).normal(size=(300, 500)).astype(np.float32)

    def ask(values):
        return told(HAND if values.shape == (300, 250) else None)

    assert second_look.second_look(ask, OWN, noise).reading(OWN).top(1)[0].label == "hand"
    assert second_look.second_look(lambda _: told(None), OWN, noise) is None


@pytest.mark.parametrize(
    ("said", "accepted"), [(HAND, True), (("hand", 0.4), False), (None, False)]
)
def test_a_field_on_a_fogged_plate_must_be_surer_than_not(said, accepted):
    plate = fogged("hand")
    field = detailed_field(plate).cut(plate)

    def ask(values):
        return told(said if values.shape == field.shape else None)

    assert (second_look.second_look(ask, OWN, plate) is not None) is accepted


@pytest.mark.parametrize(("strip", "accepted"), [(0, True), (60, False)])
def test_a_single_film_is_turned_and_no_sheet_of_several(strip, accepted):
    plate = 5 + np.random.default_rng(0).normal(size=(300, 460)).astype(np.float32)
    plate[:, 200 : 200 + strip] = 0
    assert len(panels(plate)) == (2 if strip else 1)

    def ask(values):
        return told(HAND if values.shape == (460, 300) else None)

    assert (second_look.second_look(ask, OWN, plate) is not None) is accepted


def test_exposures_beside_each_other_are_read_each_by_itself():
    plate = 5 + np.random.default_rng(0).normal(size=(300, 460)).astype(np.float32)
    plate[:, 200:260] = 0
    shapes = [part.shape for part in panels(plate)]

    def ask(values):
        return told(HAND if values.shape in shapes else None)

    assert second_look.second_look(ask, OWN, plate).reading(OWN).top(1)[0].label == "hand"


def test_what_several_exposures_say_is_their_mean():
    """Only a unit vector is learned from."""
    first, second = told(HAND), told(HAND)
    left, right = np.eye(3, dtype=np.float32)[:2]
    first = first._replace(child=1.0, view=left, distance=0.1, embedding=left)
    second = second._replace(child=-2.0, view=right, distance=0.3, embedding=right)
    given = iter((first, second))
    mean = second_look._of_panels(lambda _: next(given), OWN, PARTS[:2])
    assert (mean.child, mean.distance) == pytest.approx((-0.5, 0.2))
    assert mean.view == pytest.approx([0.5, 0.5, 0])
    assert mean.embedding == pytest.approx([0.5**0.5, 0.5**0.5, 0])


def test_of_a_turned_film_the_surest_reading_counts_if_it_is_sure():
    film = np.arange(12, dtype=np.float32).reshape(4, 3)
    corners = {float(np.rot90(film, turn)[0, 0]): turn for turn in range(4)}

    def look(*sure):
        said = [None, *(("hand" if p < 0.95 else "foot", p) for p in sure)]
        return second_look._of_turned(lambda v: told(said[corners[float(v[0, 0])]]), OWN, film)

    for sure in ((0.96, 0.9, 0.85), (0.9, 0.96, 0.85), (0.85, 0.9, 0.96)):
        assert look(*sure).reading(OWN).top(1)[0].label == "foot"
    assert look(0.7, 0.6, 0.7) is None


def test_exposures_that_together_seem_to_show_nothing_stay_rejected():
    """Each is hardly accepted; what speaks against "none" in one of them does not in the other."""
    both = answer(0.0, 0.51, 0.001, 0.039, 0.45), answer(0.0, 0.51, 0.039, 0.001, 0.45)
    strict = replace(OWN, rejection=Rejection(distance=0.5, none=0.46))
    assert not any(one.reading(strict).rejected for one in both)
    given = iter(both)
    assert second_look._of_panels(lambda _: next(given), strict, PARTS[:2]) is None
