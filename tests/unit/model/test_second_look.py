"""What is rejected as a whole is looked at in parts, and no more often than can change anything."""

import numpy as np
import pytest

from bodypart.model import second_look
from bodypart.model.model_input import Box, Placement
from bodypart.model.parameters import Parameters, Rejection
from bodypart.model.raw_answer import RawAnswer

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
PARTS = [np.full((4, 4), number, np.float32) for number in range(6)]


class Network:
    """Says of each part what it is told to; None is rejected."""

    def __init__(self, *told):
        self.told, self.looks = told, 0

    def ask(self, values):
        self.looks += 1
        label, probability = self.told[int(values[0, 0])] or ("hand", 0.9)
        rest = (1 - probability) / len(OWN.labels)
        shares = [probability if name == label else rest for name in (*OWN.labels, "none")]
        unlike = self.told[int(values[0, 0])] is None
        one = np.ones(3, np.float32)
        nowhere = Placement(Box(0, 1, 0, 1), Box(0, 1, 0, 1))
        logits = np.log(np.array(shares, np.float32))
        return RawAnswer(logits, one[:0], 0.0, one, 1.0 if unlike else 0.0, one, one, nowhere)


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
