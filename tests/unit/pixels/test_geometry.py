"""Pixels become square."""

import numpy as np
import pytest

from bodypart.pixels import read_dataset, read_picture
from phantoms import dataset_of, draw, file_bytes, radiograph


def picture(rows=100, columns=80, long_side=320, **headers):
    dataset = radiograph("knee", rows, columns, **headers)
    return read_picture(read_dataset(file_bytes(dataset)), long_side=long_side)


@pytest.mark.parametrize(
    ("headers", "shape"),
    [
        ({}, (100, 80)),
        ({"PixelSpacing": [0.2, 0.2]}, (100, 80)),
        ({"PixelSpacing": [0.4, 0.2]}, (200, 80)),
        ({"ImagerPixelSpacing": [0.1, 0.15]}, (100, 120)),
        ({"PixelAspectRatio": [3, 2]}, (150, 80)),
        ({"PixelAspectRatio": [2, 1], "PixelSpacing": [0.1, 0.1]}, (100, 80)),
        ({"PixelSpacing": [0.2, 0.201]}, (100, 80)),
        ({"PixelSpacing": [0.2, 0]}, (100, 80)),
        ({"PixelSpacing": [1000, 0.1]}, (100, 80)),
        ({"PixelSpacing": [-1, 0.1]}, (100, 80)),
        ({"PixelSpacing": "0.2"}, (100, 80)),
    ],
)
def test_the_shape_follows_the_spacing(headers, shape):
    found = picture(**headers)
    assert found.values.shape == shape
    assert found.shape_original == (100, 80)


def test_stretching_interpolates_between_the_rows():
    ramp = picture(100, 80, PixelSpacing=[0.4, 0.2]).values
    plain = draw("knee", 100, 80).astype(float)
    np.testing.assert_allclose(ramp[1], 0.75 * plain[0] + 0.25 * plain[1], rtol=1e-5)
    np.testing.assert_array_equal(ramp[0], plain[0])


def test_a_small_picture_stays_as_it_is():
    np.testing.assert_array_equal(picture(100, 80).values, draw("knee", 100, 80))


@pytest.mark.parametrize("size", [(640, 400), (1_000, 10), (333, 3_001), (2_000, 2_000)])
def test_the_longest_side_is_as_long_as_asked_but_less_than_twice(size):
    assert 320 <= max(picture(*size).values.shape) < 640


def test_a_thin_strip_keeps_a_pixel_of_width():
    assert picture(4_000, 3).values.shape[1] >= 1


def test_the_stretched_side_counts():
    found = picture(400, 400, long_side=100, PixelSpacing=[0.8, 0.2])
    assert 100 <= max(found.values.shape) < 200
    assert found.values.shape[0] == pytest.approx(4 * found.values.shape[1], rel=0.03)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "RescaleSlope", "RescaleIntercept"])
def test_a_spacing_that_is_no_number_does_not_cost_the_picture(keyword):
    pixels = draw("knee", 30, 20)
    data = file_bytes(dataset_of(pixels, **{keyword: ["7777", "7777"]}))
    for wrong in (b"0,14\\0,14", b"          ", b"\xff" * 9, b"Infinity\\"):
        damaged = data.replace(b"7777\\7777", wrong[:9].ljust(9))
        np.testing.assert_array_equal(read_picture(read_dataset(damaged)).values, pixels)
