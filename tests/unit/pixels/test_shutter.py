"""Display Shutter (PS3.3 C.7.6.11): what it hides is no part of the picture."""

import time

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

from bodypart.pixels import read_dataset, read_picture
from phantoms import dataset_of, draw, file_bytes

DOWN, ACROSS = np.mgrid[1:601, 1:481]
NOISE = np.random.default_rng(0).integers(3_000, 4_096, DOWN.shape).astype(np.uint16)
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 100,
    "ShutterRightVerticalEdge": 400,
    "ShutterUpperHorizontalEdge": 50,
    "ShutterLowerHorizontalEdge": 500,
}
CIRCLE = {
    "ShutterShape": "CIRCULAR",
    "CenterOfCircularShutter": [300, 200],
    "RadiusOfCircularShutter": 150,
}
POLYGON = {
    "ShutterShape": "POLYGONAL",
    "VerticesOfThePolygonalShutter": [100, 240, 500, 40, 500, 440],
}
IN_RECTANGLE = (DOWN > 50) & (DOWN < 500) & (ACROSS > 100) & (ACROSS < 400)
IN_CIRCLE = np.hypot(DOWN - 300, ACROSS - 200) <= 150
IN_POLYGON = (DOWN < 500) & (np.abs(ACROSS - 240) < (DOWN - 100) / 2)
SHUTTERS = [
    (RECTANGLE, IN_RECTANGLE),
    (CIRCLE, IN_CIRCLE),
    (POLYGON, IN_POLYGON),
    (
        {**RECTANGLE, **CIRCLE, "ShutterShape": ["RECTANGULAR", "CIRCULAR"]},
        IN_RECTANGLE & IN_CIRCLE,
    ),
]


def values(pixels, long_side=600, **options):
    dataset = read_dataset(file_bytes(dataset_of(pixels, **options)))
    return read_picture(dataset, long_side=long_side).values


@pytest.mark.parametrize(("attributes", "inside"), SHUTTERS)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_outside_there_is_nothing_but_darkness(attributes, inside, photometric):
    pixels = np.where(inside, draw("knee", 600, 480), NOISE)
    shown = pixels if photometric == "MONOCHROME2" else 4_095 - pixels
    picture = values(shown, photometric=photometric, **attributes)
    near = np.abs(np.gradient(inside.astype(float))).max(axis=0) > 0
    np.testing.assert_array_equal(picture[inside & ~near], pixels[inside & ~near])
    assert (picture[~inside & ~near] == picture.min()).all()


@pytest.mark.parametrize("options", [{}, {"syntax": JPEG2000Lossless}])
def test_a_shutter_of_a_reduced_picture(options):
    pixels = np.where(IN_CIRCLE, draw("knee", 600, 480), NOISE)
    picture = values(pixels, long_side=100, **CIRCLE, **options)
    step = 600 / picture.shape[0]
    down, across = (np.indices(picture.shape) + 0.5) * step
    assert (picture[np.hypot(down - 300, across - 200) > 150 + step] == picture.min()).all()


@pytest.mark.parametrize(
    "attributes",
    [
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "BITMAP"},
        {"ShutterShape": "TRIANGLE"},
        {**RECTANGLE, "ShutterRightVerticalEdge": 90},
        {**CIRCLE, "RadiusOfCircularShutter": 5},
        {**CIRCLE, "CenterOfCircularShutter": 300},
        {**CIRCLE, "CenterOfCircularShutter": None},
        {**POLYGON, "VerticesOfThePolygonalShutter": [1, 1]},
        {**POLYGON, "VerticesOfThePolygonalShutter": [1, 1, 300, 300, 5, 5, 9]},
        {**POLYGON, "VerticesOfThePolygonalShutter": [1, 1] * 2_000},
        {**RECTANGLE, **dict.fromkeys(list(RECTANGLE)[1:], 0)},
    ],
)
def test_a_shutter_that_says_nothing_hides_nothing(attributes):
    pixels = draw("knee", 600, 480)
    np.testing.assert_array_equal(values(pixels, **attributes), pixels)


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("ShutterShape", "US", 1),
        ("ShutterShape", "SQ", []),
        ("RadiusOfCircularShutter", "FD", 1e300),
        ("RadiusOfCircularShutter", "LO", "150 mm"),
        ("CenterOfCircularShutter", "SQ", []),
    ],
)
def test_a_shutter_of_another_vr_hides_nothing(keyword, vr, value):
    pixels = draw("knee", 600, 480)
    dataset = read_dataset(file_bytes(dataset_of(pixels, **CIRCLE)))
    del dataset[keyword]
    dataset.add_new(keyword, vr, value)
    np.testing.assert_array_equal(read_picture(dataset, long_side=600).values, pixels)


def test_a_shutter_that_leaves_padding_alone_hides_nothing():
    pixels = draw("knee", 600, 480) + np.uint16(1)
    pixels[IN_CIRCLE] = 0
    right = values(pixels, PixelPaddingValue=0)
    np.testing.assert_array_equal(values(pixels, PixelPaddingValue=0, **CIRCLE), right)


def test_a_shape_that_is_named_again_and_again_takes_no_longer():
    corners = np.random.default_rng(0).integers(1, 480, 2_000).tolist()
    polygon = {"VerticesOfThePolygonalShutter": corners, "ShutterShape": "POLYGONAL"}
    pixels = draw("knee", 600, 480)
    right = values(pixels, **polygon)
    started = time.process_time()
    again = values(pixels, **{**polygon, "ShutterShape": ["POLYGONAL"] * 200})
    assert time.process_time() - started < 3
    np.testing.assert_array_equal(again, right)
