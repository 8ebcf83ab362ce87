"""What is rejected as a whole is looked at in parts, and no more often than can change anything."""

from types import SimpleNamespace

import numpy as np
import pytest

from bodypart.evidence import ImageReading
from bodypart.model import second_look
from bodypart.model.session import RawAnswer

PARTS = [np.full((4, 4), number, np.float32) for number in range(6)]


class Model:
    """Reads of each part what it is told to; None is rejected."""

    def __init__(self, *readings):
        self.readings, self.looks = readings, 0

    def answer(self, values):
        self.looks += 1
        number = int(values[0, 0])
        one = np.ones(3, np.float32)
        return RawAnswer(one, one, float(number), one, 0.0, one, one), SimpleNamespace()

    def reading(self, answer):
        told = self.readings[int(answer.child)] if answer.child.is_integer() else ("hand", 0.9)
        if told is None:
            return ImageReading({}, rejected=True, reason="unlike")
        return ImageReading({told[0]: told[1]}, rejected=False)


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
    model = Model(*readings)
    answer = second_look._of_panels(model, PARTS[: len(readings)])
    assert (answer is not None) is accepted
    assert model.looks == looks
