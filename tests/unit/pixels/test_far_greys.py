"""Greys far from all others take nothing of a picture's contrast."""

import numpy as np
import pytest

from bodypart.pixels import is_blank, read_dataset, read_picture
from bodypart.pixels.far_greys import without_far_greys
from phantoms import DRAWINGS, dataset_of, draw, file_bytes

HAND = draw("hand", 400, 320)
DOWN, ACROSS = np.mgrid[:400, :320]


def values(pixels, **options):
    return read_picture(read_dataset(file_bytes(dataset_of(pixels, **options)))).values


def with_far(share, grey=65_535):
    """Give a share of the pixels a grey of their own, one by one, as dead ones have it."""
    pixels = HAND.copy()
    pixels[np.random.default_rng(0).random(pixels.shape) < share] = grey
    return pixels


def contrast(picture):
    """Return how much of the range between two percentiles the hand takes."""
    low, high = np.percentile(picture, (0.5, 99.5))
    dark, bright = np.percentile(picture[60:200, 80:240], (5, 90))
    return (bright - dark) / (high - low)


@pytest.mark.parametrize("part", DRAWINGS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_picture_without_them_stays_as_it_is(part, bits):
    pixels = draw(part, 400, 320, bits)
    np.testing.assert_array_equal(values(pixels, bits=bits), pixels)


@pytest.mark.parametrize("share", [0.001, 0.0075, 0.03])
def test_dead_pixels_make_no_picture_blank(share):
    picture = values(with_far(share), bits=16)
    assert picture.max() < 5_000
    assert not is_blank(picture)


@pytest.mark.parametrize("grey", [0, 65_535])
def test_letters_at_an_end_of_the_container_leave_the_contrast(grey):
    pixels = HAND + np.uint16(20_000)
    pixels[20:60, 20:100] = grey
    picture = values(pixels, bits=16)
    assert picture.min() >= 18_000
    assert picture.max() < 25_000
    assert contrast(picture) == pytest.approx(contrast(values(HAND)), rel=0.1)


def test_letters_whose_edges_were_averaged():
    pixels = draw("hand", 2_000, 1_600).astype(np.uint16)
    lettered = pixels.copy()
    for row in range(40, 400, 40):
        lettered[row : row + 6, 40:800] = 65_535
    picture = values(lettered, bits=16)
    assert contrast(picture) == pytest.approx(contrast(values(pixels, bits=16)), rel=0.1)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("outside", [0, 65_535])
def test_a_shutter_that_takes_most_of_the_picture_and_that_no_attribute_names(outside, photometric):
    pixels = HAND + np.uint16(20_000)
    shut = np.hypot(DOWN - 200, ACROSS - 160) > 120
    assert shut.mean() > 0.6
    pixels[shut] = outside
    picture = values(pixels, bits=16, photometric=photometric)
    assert np.ptp(picture) < 5_000


def test_what_there_is_to_see_stays_where_nothing_is_beside_it():
    """A small limb over air that is clipped to black: the limb is what differs."""
    pixels = np.zeros((400, 320), np.uint16)
    pixels[300:, :100] = 3_000 + HAND[100:200, 100:200] // 4
    picture = values(pixels)
    np.testing.assert_allclose(picture[300:, :100], pixels[300:, :100], atol=20)
    assert picture[0, 0] > 2_900


def test_two_greys_alone_stay():
    pixels = np.where(DOWN % 40 < 20, 100, 60_000).astype(np.uint16)
    np.testing.assert_array_equal(values(pixels, bits=16), pixels)


def test_a_flat_picture_stays():
    flat = np.full((100, 100), 7, np.float32)
    assert without_far_greys(flat) is flat
