"""The network's input: what is cropped, how it is windowed, where it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodypart.model.model_input import (
    BlankPictureError,
    Box,
    exposed_field,
    network_input,
    placement,
    windowed,
)
from phantoms import draw


def hand() -> np.ndarray:
    return draw("hand", 300, 240).astype(np.float32)


def framed(picture, border, value):
    return np.pad(picture, border, constant_values=value)


@pytest.mark.parametrize("grey", ["darkest", "brightest"])
def test_a_collimated_border_of_either_grey_is_cut_off(grey):
    picture = hand()
    bare = exposed_field(picture)
    value = picture.min() if grey == "darkest" else picture.max()
    field = exposed_field(framed(picture, 60, value))
    assert field.top >= 50
    assert field.left >= 50
    assert field.bottom <= 370
    assert field.right <= 310
    assert field.height >= 0.75 * bare.height
    assert field.width >= 0.75 * bare.width


def test_a_marker_in_the_border_does_not_keep_the_border():
    picture = framed(hand(), 60, float(hand().min()))
    picture[20:30, 40:52] = picture.max()
    assert exposed_field(picture).top > 40


def test_a_white_strip_along_one_edge_is_cut_off():
    picture = hand()
    picture = np.vstack([picture, np.full((40, picture.shape[1]), picture.max(), np.float32)])
    assert exposed_field(picture).bottom <= 310


def test_a_picture_without_borders_stays_whole():
    picture = np.random.default_rng(0).normal(size=(200, 150)).astype(np.float32)
    assert exposed_field(picture) == Box(0, 200, 0, 150)


def test_a_field_too_small_to_believe_is_not_cropped():
    picture = np.zeros((200, 200), np.float32)
    picture[100:104, 100:104] = 1
    assert exposed_field(picture) == Box(0, 200, 0, 200)


def dark_film():
    """Return a film whose soft tissue, on the left, is nearly black."""
    film = np.random.default_rng(0).uniform(0, 1, (150, 200)).astype(np.float32)
    film[:, :60] = 0.2 + 0.2 * film[:, :60]
    return film**3


def test_soft_tissue_of_a_dark_film_is_no_border_at_a_tone():
    assert exposed_field(dark_film()).left > 40
    assert exposed_field(dark_film(), 0.65) == Box(0, 150, 0, 200)
    assert network_input(dark_film(), 128, (), 0.65)[1].field == Box(0, 150, 0, 200)


def test_beside_a_large_white_border_the_tone_is_not_that_of_the_border():
    plate = 0.97 + np.random.default_rng(0).normal(0, 0.004, (400, 500)).astype(np.float32)
    plate[160:, :200] = 0.05 + 0.9 * draw("chest", 240, 200) / 4095
    field = exposed_field(plate, 0.65)
    assert 150 <= field.top <= 165
    assert field.bottom == 400
    assert field.left <= 5
    assert 195 <= field.right <= 205


@pytest.mark.parametrize("gamma", [0.6, 1.8])
def test_the_field_at_a_tone_does_not_depend_on_how_light_the_film_is(gamma):
    film = np.pad(windowed(draw("pelvis", 300, 240).astype(np.float32)) / 2 + 0.5, 40)
    there, here = exposed_field(film, 0.65), exposed_field(film**gamma, 0.65)
    assert here == there
    assert there.top > 30


def test_a_tone_of_the_field_changes_the_field_alone():
    bare, at_a_tone = (network_input(hand(), 128, (), tone) for tone in (None, 0.65))
    assert np.array_equal(bare[0], at_a_tone[0]) == (bare[1] == at_a_tone[1])
    picture = np.random.default_rng(0).normal(size=(200, 150)).astype(np.float32)
    assert np.array_equal(network_input(picture, 96)[0], network_input(picture, 96, (), 0.65)[0])


@given(st.integers(1, 2000), st.integers(1, 2000), st.sampled_from([96, 160, 224]))
def test_the_field_lies_inside_the_square_and_touches_two_opposite_edges(rows, columns, size):
    inside = placement(Box(0, rows, 0, columns), size).inside
    assert 0 <= inside.top < inside.bottom <= size
    assert 0 <= inside.left < inside.right <= size
    assert inside.height == size or inside.width == size


def test_the_aspect_ratio_is_kept():
    inside = placement(Box(0, 300, 0, 150), 160).inside
    assert (inside.height, inside.width) == (160, 80)
    assert inside.left == 40


def test_a_smaller_view_lies_in_the_middle_with_black_around():
    tensor, where = network_input(hand(), 128, (128, 96))
    assert tensor.shape == (2, 1, 128, 128)
    assert where.inside.height == 128
    assert (tensor[1, 0, :16] == -1).all()
    assert (tensor[1, 0, 112:] == -1).all()
    assert tensor[1, 0, 16:112].max() > 0


def test_the_window_does_not_depend_on_offset_and_scale_of_the_values():
    picture = hand()
    assert np.allclose(windowed(picture), windowed(picture * 40 - 1000), atol=1e-3)


def test_a_few_dead_pixels_do_not_move_the_window():
    picture = hand()
    spoiled = picture.copy()
    spoiled[0, :10] = 1e6
    assert np.abs(windowed(spoiled)[1:] - windowed(picture)[1:]).max() < 0.1


def test_the_input_is_a_square_from_minus_one_to_one_with_black_padding():
    tensor, where = network_input(hand(), 128)
    assert tensor.shape == (1, 1, 128, 128)
    assert tensor.dtype == np.float32
    assert tensor.min() == -1
    assert tensor.max() == pytest.approx(1, abs=0.05)
    assert (tensor[0, 0, :, : where.inside.left] == -1).all()


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((40, 30), np.float32),
        np.full((40, 30), 7, np.float32),
        np.full((40, 30), np.nan, np.float32),
        np.zeros((0, 0), np.float32),
        np.arange(1200, dtype=np.float32).reshape(40, 30) * np.float32(1e-44),
    ],
)
@pytest.mark.parametrize("tone", [None, 0.65])
def test_a_blank_picture_says_so(values, tone):
    with pytest.raises(BlankPictureError):
        network_input(values, 128, (), tone)


@pytest.mark.parametrize("shape", [(1, 400), (400, 1), (2, 2), (16, 16)])
@pytest.mark.parametrize("tone", [None, 0.65])
def test_odd_shapes_are_read(shape, tone):
    picture = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    assert network_input(picture, 96, (), tone)[0].shape == (1, 1, 96, 96)
