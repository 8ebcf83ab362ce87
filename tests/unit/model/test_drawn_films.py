"""The shipped networks read films that were drawn for the README: parts and side markers."""

from functools import cache

import numpy as np
import pytest

from bodypart.model.side_marker import MarkerReader
from drawn_films import PARTS, film


@cache
def drawn(part, seed, side):
    """Return a film's values; it takes a second to draw."""
    return film(part, seed, side).astype(np.float32)


@pytest.fixture(scope="module")
def markers():
    return MarkerReader.load()


@pytest.mark.parametrize("part", PARTS)
def test_the_part_is_read_and_no_side_is_mistaken(part, model, markers):
    sides = ("",) if part == "chest" else ("L", "R")
    for seed, side in enumerate(sides):
        values = drawn(part, seed, side)
        reading = model.read(values)
        assert not reading.rejected
        assert max(reading.probabilities, key=reading.probabilities.get) == part
        marker = markers.read(values)
        assert marker is None or marker.side == side


def test_the_sides_of_most_drawn_limbs_are_read(markers):
    limbs = [part for part in PARTS if part != "chest"]
    read = [markers.read(drawn(part, 1, "R")) for part in limbs]
    assert sum(marker is not None for marker in read) > len(limbs) / 2
