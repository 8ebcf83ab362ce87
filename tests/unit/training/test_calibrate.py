"""What is fitted on the calibration pictures, and the figures' arithmetic."""

import numpy as np
import pytest

from training import metrics
from training.calibrate import (
    ACCEPTANCE,
    FARTHER,
    fit_rejection,
    fit_temperature,
    fit_visible_temperature,
    fit_visible_threshold,
    fit_visible_thresholds,
    rejections,
)


def test_overconfident_logits_get_a_temperature_above_one():
    random = np.random.default_rng(0)
    goal = random.integers(0, 4, 2000)
    logits = random.normal(size=(2000, 4))
    logits[np.arange(2000), goal] += 1.5
    right = goal[:, None] == np.arange(4)
    assert fit_temperature(logits * 3, right) > 1.5
    assert fit_temperature(logits, right) < fit_temperature(logits * 3, right)


def test_either_of_two_right_labels_counts_for_the_temperature():
    """A model that shares its confidence among right labels is not overconfident."""
    logits = np.tile([4.0, 3.0, 0.0], (50, 1))
    both = np.tile([True, True, False], (50, 1))
    second = np.tile([False, True, False], (50, 1))
    assert fit_temperature(logits, both) < 1 < fit_temperature(logits, second)


def test_unknown_visible_labels_do_not_count():
    logits = np.array([[2.0, -2.0], [2.0, 9.0]])
    goal = np.array([[1.0, 0.0], [1.0, -1.0]])
    changed = logits.copy()
    changed[1, 1] = -9
    assert fit_visible_temperature(logits, goal) == fit_visible_temperature(changed, goal)


def test_the_visible_threshold_parts_the_two_kinds():
    probabilities = np.array([[0.3, 0.35, 0.7, 0.8]])
    assert 0.35 < fit_visible_threshold(probabilities, np.array([[0.0, 0.0, 1.0, 1.0]])) <= 0.7


def test_a_label_that_is_seen_often_has_a_visible_threshold_of_its_own():
    often = np.tile([0.3, 0.3, 0.25, 0.75], 10)
    truth = np.tile([1.0, 1.0, 0.0, 1.0], 10)
    seldom = np.full(40, 0.9)
    probabilities = np.stack([often, np.tile([0.6, 0.6, 0.4, 0.6], 10), seldom], axis=1)
    goal = np.stack([truth, truth, np.ones(40)], axis=1)
    thresholds = fit_visible_thresholds(probabilities, goal, ("a", "b", "c"))
    assert 0.25 < thresholds["a"] <= 0.3
    common = fit_visible_threshold(probabilities, goal)
    assert thresholds["c"] == common


def drawn(count, foreign=400):
    """Distances, probabilities of none, said labels and whether it is a radiograph."""
    random = np.random.default_rng(1)
    distance = np.concatenate([random.random(count) * 0.2, random.random(foreign) * 0.2 + 0.1])
    none = np.concatenate([random.random(count) ** 4 * 0.1, 0.5 + random.random(foreign) / 2])
    real = np.arange(count + foreign) < count
    return distance, none, ["knee"] * (count + foreign), real


def test_rejection_limits_are_the_strictest_that_accept_enough():
    distance, none, said, real = drawn(4000)
    limits = fit_rejection(distance, none, said, real)
    rejected = rejections(distance, none, said, limits)
    assert 1 - rejected[real].mean() == pytest.approx(ACCEPTANCE, abs=0.001)
    assert rejected[~real].all()


def test_rejection_limits_exist_where_all_pictures_are_alike():
    real = np.ones(5, dtype=bool)
    limits = fit_rejection(np.full(5, 0.1, np.float32), np.full(5, 0.2), ["knee"] * 5, real)
    assert limits.distance == pytest.approx(0.1 * FARTHER)
    assert limits.none == pytest.approx(0.2)


def test_a_label_whose_radiographs_are_rejected_too_often_gets_a_looser_limit():
    distance, none, said, real = drawn(4000)
    said[:40] = ["jaw"] * 40
    none[:40] = 0.12
    limits = fit_rejection(distance, none, said, real)
    assert limits.none < 0.12 <= limits.none_by_label["jaw"]
    assert set(limits.none_by_label) == {"jaw"}


def test_a_label_gets_no_looser_limit_at_the_price_of_foreign_pictures():
    distance, none, said, real = drawn(4000)
    said[:40] = ["jaw"] * 40
    none[:40] = 0.12
    said[4000:4040] = ["jaw"] * 40
    none[4000:4040] = 0.11
    assert not fit_rejection(distance, none, said, real).none_by_label


def test_wilson_s_interval_is_the_published_one():
    """Newcombe 1998, table I: 81 of 263."""
    assert metrics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_calibration_error_of_honest_and_boastful_confidence():
    right = np.array([True] * 80 + [False] * 20)
    honest = metrics.reliability(np.full(100, 0.8), right)
    boastful = metrics.reliability(np.full(100, 1.0), right)
    assert metrics.calibration_error(honest) == pytest.approx(0, abs=1e-6)
    assert metrics.calibration_error(boastful) == pytest.approx(0.2)


def test_macro_figures_weigh_rare_labels_like_common_ones():
    truth, said = ["a"] * 9 + ["b"], ["a"] * 10
    assert metrics.macro_recall(truth, said) == pytest.approx(0.5)
    assert metrics.macro_f1(truth, said) == pytest.approx(18 / 19 / 2)


def test_the_area_under_the_curve_counts_pairs():
    assert metrics.area_under_curve(np.array([2.0, 3.0]), np.array([1.0, 2.5])) == 0.75
