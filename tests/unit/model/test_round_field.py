"""Round fields: what lies around the circle has no shape to the model; all else stays as it is."""

import numpy as np
import pytest

from bodypart.model.model_input import network_input
from bodypart.model.round_field import without_round_frame
from phantoms import DRAWINGS, draw

ROWS, COLUMNS = 400, 320
DOWN, ACROSS = np.mgrid[0.5:ROWS, 0.5:COLUMNS]


def rounded(part="chest", radius=170.0, centre=(200.0, 160.0), around=0.0):
    outside = np.hypot(DOWN - centre[0], ACROSS - centre[1]) > radius
    values = draw(part, ROWS, COLUMNS).astype(np.float32)
    values[outside] = around
    return values, outside


@pytest.mark.parametrize("part", ["chest", "pelvis"])
@pytest.mark.parametrize("around", [0.0, 4095.0])
@pytest.mark.parametrize(
    ("radius", "centre"), [(170, (200, 160)), (140, (200, 160)), (150, (220, 150))]
)
def test_what_lies_around_a_round_field_gets_its_middle_grey(part, around, radius, centre):
    values, outside = rounded(part, radius, centre, around)
    filled = without_round_frame(values)
    middle = np.median(values[~outside])
    assert np.mean(np.abs(filled[outside] - middle) < 200) > 0.97
    inner = np.hypot(DOWN - centre[0], ACROSS - centre[1]) < radius - 12
    np.testing.assert_array_equal(filled[inner], values[inner])


def test_letters_beside_the_circle_do_not_matter():
    values, outside = rounded(radius=150)
    values[6:14, 6:30] = 4095
    filled = without_round_frame(values)
    assert np.mean(np.abs(filled[outside] - np.median(values[~outside])) < 200) > 0.97


def test_the_network_sees_no_black_corners():
    values, _ = rounded(radius=155)
    square = network_input(values, 160)[0][0, 0]
    field = network_input(values, 160)[1].inside
    corner = square[field.top : field.top + 8, field.left : field.left + 8]
    assert corner.min() > -0.9


@pytest.mark.parametrize("part", DRAWINGS)
def test_a_picture_without_a_circle_stays_as_it_is(part):
    values = draw(part, ROWS, COLUMNS).astype(np.float32)
    assert without_round_frame(values) is values


def test_an_oval_head_over_air_is_no_field():
    inside = ((DOWN - 200) / 180) ** 2 + ((ACROSS - 160) / 130) ** 2 < 1
    values = np.where(inside, draw("pelvis", ROWS, COLUMNS), 0).astype(np.float32)
    assert without_round_frame(values) is values


def test_a_coin_on_a_plate_is_no_field():
    values, _ = rounded(radius=40)
    assert without_round_frame(values) is values


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (48, 48)])
def test_flat_and_narrow_pictures_stay(shape):
    values = np.full(shape, 7, np.float32)
    assert without_round_frame(values) is values
    ramp = np.arange(values.size, dtype=np.float32).reshape(shape)
    assert without_round_frame(ramp) is ramp
