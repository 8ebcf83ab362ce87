"""Thumbnails: small in pixels and in bytes, whatever the picture."""

import io

import numpy as np
import pytest
from PIL import Image

from bodypart.drawn.thumbnail import LARGEST_BYTES, thumbnail


def opened(data):
    return Image.open(io.BytesIO(data))


def test_the_longest_side_is_at_most_what_was_asked_for():
    for shape, size in (((640, 400), (120, 192)), ((400, 640), (192, 120)), ((90, 60), (60, 90))):
        picture = opened(thumbnail(np.random.default_rng(1).random(shape, np.float32), 192))
        assert picture.size == size
        assert picture.format == "JPEG"


@pytest.mark.parametrize("side", [192, 512])
def test_even_noise_stays_small(side):
    noise = np.random.default_rng(2).random((700, 700), np.float32)
    assert len(thumbnail(noise, side)) <= LARGEST_BYTES


def test_grey_values_reach_from_dark_to_bright_without_the_outliers():
    values = np.linspace(0, 100, 40_000, dtype=np.float32).reshape(200, 200)
    values[0, 0] = 1e6
    grey = np.asarray(opened(thumbnail(values, 192)))
    assert grey.min() < 5
    assert grey[-1].mean() > 240


def test_a_flat_picture_is_drawn():
    assert opened(thumbnail(np.full((300, 200), 7, np.float32), 192)).size == (128, 192)
