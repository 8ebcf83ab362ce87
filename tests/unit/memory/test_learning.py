"""How far the words must carry a new answer before it takes the place of the model's."""

from dataclasses import replace

import numpy as np
import pytest

from bodypart.memory import learning
from bodypart.memory.learning import USUAL_LEAD, USUAL_VARIANCE, judged, spared_lead
from bodypart.memory.regression import fit, log_odds, softmax_rows
from bodypart.memory.words import pack_floats, unpack_floats
from unit.memory.hospital import DIMENSIONS, LABELS, exemplars, words

ENOUGH = np.array([5, 5, 5])


def said(*shares):
    return np.array(shares, dtype=float)


def margin(before, left_out, parts, was=0, became=1, patients=ENOUGH):
    """Return one margin of words of one label each."""
    accepted = np.eye(3, dtype=bool)[list(parts)]
    return judged(np.array(before), np.array(left_out), accepted, patients)[was, became]


HAND, WRIST = said(0.8, 0.1, 0.1), said(0.1, 0.8, 0.1)
DOUBTFUL = said(0.45, 0.5, 0.05)


def test_right_answers_that_no_other_label_comes_near_leave_the_way_free():
    assert spared_lead(np.full(20, -4.0), USUAL_LEAD, USUAL_VARIANCE) == 0


def test_right_answers_that_another_label_comes_near_must_be_led_by_more():
    near = spared_lead(np.full(20, -0.5), USUAL_LEAD, USUAL_VARIANCE)
    lost = spared_lead(np.full(20, 0.5), USUAL_LEAD, USUAL_VARIANCE)
    assert 0 < near < lost


def test_hardly_any_right_answer_reaches_the_lead():
    leads = np.random.default_rng(0).normal(0.5, 1, size=400)
    spared = spared_lead(leads, USUAL_LEAD, USUAL_VARIANCE)
    assert 0.01 < (leads > spared).mean() < 0.08


@pytest.mark.parametrize("count", [1, 3, 10])
def test_the_fewer_words_tell_it_the_less_is_given_up(count):
    few = spared_lead(np.full(count, -3.0), -1.0, 1.0)
    many = spared_lead(np.full(4 * count, -3.0), -1.0, 1.0)
    assert few >= many


def test_the_fewer_words_the_larger_the_margin_for_what_they_do_not_tell():
    leads = np.array([-1.0, 1.0, -1.0, 1.0])
    assert spared_lead(leads, 0.0, 1.0) > spared_lead(np.tile(leads, 4), 0.0, 1.0)


def test_a_part_without_words_of_its_own_is_taken_for_one_as_usual():
    cautious = spared_lead(np.array([]), 0.0, 1.0)
    assert cautious > spared_lead(np.array([]), -2.0, 1.0)


def test_one_lost_answer_weighs_more_than_one_mended():
    parts = [0] * 6 + [1] * 6
    before = [HAND] * 12
    kept = margin(before, [HAND] * 6 + [WRIST] * 6, parts)
    lost = margin(before, [HAND] * 5 + [WRIST] * 7, parts)
    assert kept < np.log(0.8 / 0.1)
    assert lost > kept + 1


def test_what_breaks_as_much_as_it_mends_is_not_done():
    parts = [0] * 8 + [1] * 8
    assert margin([HAND] * 16, [WRIST] * 16, parts) > np.log(0.8 / 0.1)


def test_doubt_about_right_answers_keeps_them():
    parts = [0] * 8 + [1] * 8
    sure = margin([HAND] * 16, [HAND] * 8 + [WRIST] * 8, parts)
    doubtful = margin([HAND] * 16, [DOUBTFUL] * 8 + [WRIST] * 8, parts)
    assert sure < doubtful


def test_doubt_about_one_part_keeps_no_other():
    parts, knee = [0] * 8 + [2] * 8, said(0.1, 0.1, 0.8)
    before, left_out = [HAND] * 8 + [knee] * 8, [DOUBTFUL] * 8 + [said(0.01, 0.01, 0.98)] * 8
    assert margin(before, left_out, parts, was=2, became=0) == 0
    assert margin(before, left_out, parts, was=0, became=2) > 2


@pytest.mark.parametrize(("sure", "margin_of_it"), [(0.9, 0), (0.7, np.inf)])
def test_an_answer_that_stays_is_as_sure_as_before_unless_that_helps(sure, margin_of_it):
    """What the same words mend elsewhere does not count."""
    left_out = [said(sure, 0.05, 0.95 - sure)] * 8 + [WRIST] * 8
    found = margin([HAND] * 16, left_out, [0] * 8 + [1] * 8, became=0)
    assert found == margin_of_it


def test_how_sure_a_very_sure_answer_is_makes_no_difference():
    near = [said(0.5, 0.45, 0.05)] * 7
    sure = [[*near, said(1 - 2 * rest, rest, rest)] for rest in (1e-4, 1e-9)]
    first, second = (margin([HAND] * 8, left_out, [0] * 8) for left_out in sure)
    assert first == second > 0


def test_where_two_labels_are_right_neither_is_lost_to_the_other():
    accepted = np.array([[True, True, False]] * 12)
    either = judged(np.array([HAND] * 12), np.array([DOUBTFUL] * 12), accepted, ENOUGH)
    assert either[0, 1] == 0


def test_a_label_with_words_on_one_patient_takes_no_answer():
    parts = [0] * 6 + [1] * 6
    left_out = [HAND] * 6 + [WRIST] * 6
    assert margin([HAND] * 12, left_out, parts, patients=np.array([5, 1, 0])) == np.inf
    assert margin([HAND] * 12, left_out, parts, patients=np.array([5, 2, 0])) < np.inf


def test_what_the_words_of_others_say_does_not_depend_on_a_patient_s_own(monkeypatch):
    seen = []
    told = learning._left_out

    def noted(lesson, rehearsed, patients):
        seen.append((patients.tolist(), told(lesson, rehearsed, patients)))
        return seen[-1][1]

    monkeypatch.setattr(learning, "_left_out", noted)
    monkeypatch.setattr(learning, "BALANCE", 0)  # How frequent a part is counts the words of all.
    known = words(12, "hand", "wrist", "knee")
    learning.learn(known, LABELS)
    (own,) = (word for word in known if word.id == "word-wrist-3")
    learning.learn([replace(own, labels=("hand",)) if one is own else one for one in known], LABELS)
    (patients, before), (_, after) = seen
    where = patients.index(own.patient)
    assert after[where] == pytest.approx(before[where], abs=1e-12)
    assert not np.allclose(after, before)


def test_the_coefficients_are_those_of_least_cost():
    features = np.array([[1, 0], [0.5, 0.8], [0.2, 0.1]])
    offset, weight = log_odds(np.array([HAND, HAND, WRIST])), np.array([1, 3, 0.5])
    accepted = np.eye(3, dtype=bool)[[1, 2, 0]]
    found = fit(features, offset, accepted, weight, 0.1)
    missed = weight[:, None] * (accepted - softmax_rows(offset + features @ found))
    assert np.abs(features.T @ missed - 0.1 * found).max() < 0.01


def test_a_frequent_part_weighs_less_by_the_word_and_more_in_all():
    known = words(16, "hand") + words(1, "wrist")
    weight = learning._lesson(known, (*LABELS, "none"), np.zeros((17, 1))).weight
    frequent, rare = weight[0], weight[-1]
    assert frequent < 1 < rare
    assert 16 * frequent / rare == pytest.approx(16 ** (1 - learning.BALANCE))
    each = learning._lesson(words(3, "hand", "knee"), (*LABELS, "none"), np.zeros((6, 1))).weight
    assert each.tolist() == [1] * 6


@pytest.mark.parametrize(("margin", "after"), [(2.0, 1), (4.0, 0)])
def test_what_does_not_lead_by_its_margin_is_no_gain(margin, after):
    """The words of others speak for the wrist twenty times as much as for the hand."""
    labels, known = (*LABELS, "none"), words(4, "wrist")
    lesson = learning._lesson(known, labels, np.zeros((4, 1)))
    left_out = np.tile([0.04, 0.8, 0.04, 0.04, 0.08], (4, 1))
    (gain,) = learning._gains(labels, lesson, left_out, np.full((5, 5), margin))
    assert (gain["before"], gain["after"], gain["mended"]) == (0, after, 4 * after)


def shortest(count):
    """Return embeddings whose length in half precision, in which they are kept, is least."""
    rows = np.random.default_rng(1).normal(size=(400, DIMENSIONS))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kept = np.stack([unpack_floats(pack_floats(row)) for row in rows])
    return kept[np.argsort(np.linalg.norm(kept, axis=1))[:count]]


@pytest.mark.parametrize("rehearsed", [False, True])
@pytest.mark.parametrize("embedding", shortest(8), ids=range(8))
def test_two_words_on_the_same_picture_are_learned(embedding, rehearsed):
    first, second, *others = words(6, "hand", "wrist")
    twins = [replace(one, embedding=embedding) for one in (first, second)]
    known = exemplars("hand", "knee") if rehearsed else None
    rule, _ = learning.learn([*twins, *others], LABELS, known)
    assert np.abs(rule.coefficients).max() < 100
