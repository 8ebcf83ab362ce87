"""What is fitted on the calibration pictures, and the figures' arithmetic."""

import numpy as np
import pytest

from training import metrics
from training.calibrate import (
    fit_rejection,
    fit_temperature,
    fit_visible_temperature,
    fit_visible_threshold,
)


def test_overconfident_logits_get_a_temperature_above_one():
    random = np.random.default_rng(0)
    goal = random.integers(0, 4, 2000)
    logits = random.normal(size=(2000, 4))
    logits[np.arange(2000), goal] += 1.5
    assert fit_temperature(logits * 3, goal) > 1.5
    assert fit_temperature(logits, goal) < fit_temperature(logits * 3, goal)


def test_unknown_visible_labels_do_not_count():
    logits = np.array([[2.0, -2.0], [2.0, 9.0]])
    goal = np.array([[1.0, 0.0], [1.0, -1.0]])
    changed = logits.copy()
    changed[1, 1] = -9
    assert fit_visible_temperature(logits, goal) == fit_visible_temperature(changed, goal)


def test_the_visible_threshold_parts_the_two_kinds():
    probabilities = np.array([[0.3, 0.35, 0.7, 0.8]])
    assert 0.35 < fit_visible_threshold(probabilities, np.array([[0.0, 0.0, 1.0, 1.0]])) <= 0.7


def test_rejection_limits_accept_95_percent():
    random = np.random.default_rng(1)
    distance, none = random.random(4000), random.random(4000) ** 4
    limits = fit_rejection(distance, none)
    accepted = (distance <= limits.distance) & (none <= limits.none)
    assert accepted.mean() == pytest.approx(0.95, abs=0.005)


def test_rejection_limits_exist_where_all_pictures_are_alike():
    limits = fit_rejection(np.full(5, 0.1, np.float32), np.full(5, 0.2))
    assert limits.distance == pytest.approx(0.1)
    assert limits.none == pytest.approx(0.2)


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
