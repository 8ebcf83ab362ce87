"""Box means are exact, whatever the type, and never overflow."""

import numpy as np
import pytest

from bodypart.pixels import reduce
from bodypart.pixels.reduce import box_mean, box_sum


def test_the_mean_of_each_box_is_exact():
    samples = np.arange(36, dtype=np.uint16).reshape(6, 6)
    expected = [[7, 10], [25, 28]]
    np.testing.assert_array_equal(box_mean(samples, 3), expected)


def test_rows_and_columns_beyond_the_last_whole_box_are_left_out():
    samples = np.ones((7, 8), np.uint8)
    samples[6:], samples[:, 6:] = 200, 200
    means = box_mean(samples, 3)
    assert means.shape == (2, 2)
    assert (means == 1).all()


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4"])
@pytest.mark.parametrize("end", ["min", "max"])
def test_the_extremes_of_every_type_do_not_overflow(dtype, end):
    value = getattr(np.iinfo(dtype), end)
    samples = np.full((64, 48), value, dtype)
    np.testing.assert_array_equal(box_mean(samples, 16), np.float32(value))


@pytest.mark.parametrize("factor", [1, 2, 5, 9])
def test_it_agrees_with_the_plain_mean_in_double_precision(factor):
    samples = np.random.default_rng(1).integers(-3000, 3000, (45, 90)).astype(np.int16)
    boxes = (
        samples.reshape(45 // factor, factor, 90 // factor, factor)
        if 45 % factor == 0
        else (samples[: 45 // factor * factor].reshape(45 // factor, factor, 90 // factor, factor))
    )
    expected = boxes.astype(np.float64).mean(axis=(1, 3))
    np.testing.assert_allclose(box_mean(samples, factor), expected, rtol=1e-6, atol=1e-3)


def test_channels_are_averaged_apart():
    samples = np.zeros((4, 4, 3), np.uint8)
    samples[..., 0], samples[..., 2] = 255, np.arange(4)
    np.testing.assert_array_equal(box_mean(samples, 2)[0], [[255, 0, 0.5], [255, 0, 2.5]])


def test_floats_are_summed_in_double_precision():
    samples = np.full((300, 300), 16_777_217, np.float64)
    assert box_sum(samples, 300)[0, 0] == 16_777_217 * 90_000


def test_sixteen_bits_suffice_for_twelve_bit_pixels():
    samples = np.full((9, 9), 4095, np.uint16)
    assert box_sum(samples, 9).dtype == np.uint32
    assert box_sum(samples, 9)[0, 0] == 4095 * 81


@pytest.mark.parametrize("shape", [(100, 47), (97, 33, 3), (6, 200)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
@pytest.mark.parametrize("piece", [1, 5_000, 20_000])
def test_pieces_of_any_size_give_the_same_sums(monkeypatch, shape, dtype, piece):
    """Also where a piece is dark and the next is not: each is summed in a type of its own."""
    samples = np.random.default_rng(2).integers(0, 120, shape).astype(dtype)
    samples[shape[0] // 2 :] *= 250 if dtype[1] != "1" else 2
    whole = box_sum(samples, 6)
    monkeypatch.setattr(reduce, "_PIECE", piece)
    for limit in (None, int(samples.max())):
        parts = box_sum(samples, 6, limit)
        assert parts.dtype == whole.dtype
        np.testing.assert_array_equal(parts, whole)
    rows, columns = shape[0] // 6, shape[1] // 6
    boxes = samples[: rows * 6, : columns * 6].reshape(rows, 6, columns, 6, *shape[2:])
    np.testing.assert_array_equal(whole, boxes.astype(np.float64).sum(axis=(1, 3)))
