"""What scatters around the best quadratic surface, also where a picture is narrow."""

import numpy as np
import pytest

from bodypart.pixels.blank import structure


@pytest.mark.parametrize("shape", [(32, 32), (32, 20), (7, 32), (32, 2), (1, 32), (3, 3), (1, 1)])
def test_the_ground_is_that_of_least_squares(shape):
    rng = np.random.default_rng(0)
    down, across = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    means = 2000 + 300 * down - 150 * across**2 + 40 * rng.normal(size=shape)
    values = rng.normal(0, 10, (64, 64)).astype(np.float32)
    y, x = down.ravel(), across.ravel()
    surface = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    fit = np.linalg.lstsq(surface, means.ravel(), rcond=None)[0]
    left = np.std(means.ravel() - surface @ fit)
    noise = np.std(np.diff(values, axis=1)) / np.sqrt(2) / 10
    assert structure(values, means, 10) == pytest.approx(left / noise, rel=1e-5, abs=1e-9)
