"""The ends of the grey values are numpy's, whatever the picture is like."""

import numpy as np
import pytest

from bodypart.model.model_input import exposed_field
from bodypart.pixels.percentiles import outer_percentiles, percentile_of

RNG = np.random.default_rng(0)


def half_black():
    values = RNG.normal(size=(200, 300))
    values[:, :150] = -3
    return values


def striped_as_it_is_sampled():
    """Every sampled pixel is white: the sample says nothing of the picture."""
    values = RNG.normal(size=4096 * 16)
    values[:: values.size // 1024] = 9
    return values


PICTURES = {
    "noise": RNG.normal(size=(341, 341)),
    "half of it black": half_black(),
    "one value": np.full((50, 40), 7.0),
    "few values": np.round(RNG.normal(size=(160, 120))),
    "a slope": np.arange(10_000.0),
    "dark, with a few bright spots": RNG.random((300, 300)) ** 40,
    "one pixel": np.array([[4.0]]),
    "two pixels": np.array([2.0, 1.0]),
    "a crop": RNG.normal(size=(300, 300))[17:90:2, 5:200:3],
    "striped": striped_as_it_is_sampled(),
}


@pytest.mark.parametrize("percentiles", [(0.5, 99.5), (2, 98), (0, 100), (40, 60)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("values", PICTURES.values(), ids=PICTURES)
def test_they_are_those_of_numpy_to_the_last_bit(values, dtype, percentiles):
    values = values.astype(dtype)
    first, last = np.percentile(values, percentiles)
    assert outer_percentiles(values, percentiles) == (first, last)


@pytest.mark.parametrize("values", PICTURES.values(), ids=PICTURES)
def test_in_order_they_are_numpys_too(values):
    """It reckons one percentile in the values' own type, several in twice the bits."""
    ordered = np.sort(values.astype(np.float32), axis=None)
    for percentile in (0, 25, 50, 75, 100):
        assert percentile_of(ordered, percentile, np.float32) == np.percentile(ordered, percentile)
    several = (0, 0.5, 10, 75, 99.5)
    assert [percentile_of(ordered, one) for one in several] == list(np.percentile(ordered, several))


def test_nearly_nothing_is_sorted(monkeypatch):
    values = RNG.normal(size=100_000).astype(np.float32)
    partition, sorted_ = np.partition, []
    monkeypatch.setattr(np, "percentile", None)
    monkeypatch.setattr(
        np, "partition", lambda some, ranks: sorted_.append(some.size) or partition(some, ranks)
    )
    outer_percentiles(values, (0.5, 99.5))
    assert sum(sorted_) < 0.1 * values.size


@pytest.mark.parametrize("columns", [140, 141])
def test_a_flat_line_is_told_by_its_median(columns):
    """Of an even number of pixels it is the mean of two, and may be none of them."""
    picture = RNG.normal(500, 100, (160, columns)).astype(np.float32)
    picture[:20] = np.where(np.arange(columns) < columns * 0.87, 30, 900)
    picture[140:] = np.where(np.arange(columns) < columns * 0.8, 30, 900)
    field = exposed_field(picture)
    assert field.top > 10
    assert field.bottom == 160
