"""What the words change, and what they must not."""

from dataclasses import replace

import numpy as np
import pytest

from bodypart.evidence import ImageReading, Seen
from bodypart.memory import Memory, Recall
from bodypart.memory.rule import prior
from unit.memory.hospital import LABELS, MODEL, PLACES, picture, reading, word, words


def recall_of(some):
    recall = Recall(MODEL)
    assert recall.apply(*Memory(MODEL, LABELS, some).update())
    return recall


def said(recall, part, number, **others):
    return recall.consult(reading(part, number, **others))[0].top(1)[0].label


MIXED = words(10, "wrist", "hand", "knee", "chest")


def test_what_the_model_takes_for_another_part_is_read_rightly_after_some_words():
    recall = recall_of(MIXED)
    assert [said(recall, "wrist", number) for number in range(30)] == ["wrist"] * 30


def test_the_neighbours_stay_what_they_are():
    recall = recall_of(MIXED)
    for part in ("hand", "knee", "chest"):
        assert [said(recall, part, number) for number in range(30)] == [part] * 30


def test_ten_words_on_one_kind_of_film_help_to_read_the_next_ones():
    recall = recall_of(words(10, "wrist"))
    assert [said(recall, "wrist", number) for number in range(30)] == ["wrist"] * 30


def test_many_words_of_one_part_do_not_swallow_a_neighbour_that_has_a_few():
    recall = recall_of([*words(300, "wrist"), *words(4, "hand", "knee", "chest")])
    assert [said(recall, "hand", number) for number in range(30)] == ["hand"] * 30


def test_many_words_of_one_part_do_not_swallow_a_neighbour_that_has_none():
    """The model is surer of a real hand than of the wrists that it takes for one."""
    recall = recall_of([*words(300, "wrist", sure=0.6), *words(4, "knee", "chest")])
    assert [said(recall, "hand", number, sure=0.97) for number in range(30)] == ["hand"] * 30


@pytest.mark.parametrize(
    ("known", "part"), [(words(10, "wrist", "hand"), "chest"), (MIXED, "none")]
)
def test_what_is_unlike_anything_confirmed_keeps_its_answer_to_the_last_digit(known, part):
    before = reading(part, 1)
    after, note = recall_of(known).consult(before)
    assert after is before
    assert note is None


def test_one_wrong_word_in_ten_does_no_harm():
    wrong = [
        replace(one, labels=("knee",)) if index % 10 == 0 else one
        for index, one in enumerate(MIXED)
    ]
    recall = recall_of(wrong)
    for part in ("wrist", "hand", "knee", "chest"):
        assert [said(recall, part, number) for number in range(30)] == [part] * 30


def test_words_on_one_patient_alone_change_nothing():
    """Nothing tells whether they hold for the next one."""
    recall = recall_of([*words(10, "wrist", patient="one"), *words(10, "hand", "knee", "chest")])
    assert said(recall, "wrist", 1) == "hand"


def test_words_that_contradict_each_other_change_nothing():
    random = np.random.default_rng(1)
    muddle = [word("hand", number, (random.choice(["hand", "wrist"]),)) for number in range(40)]
    recall = recall_of([*muddle, *words(10, "knee", "chest")])
    assert [said(recall, "hand", number) for number in range(20)] == ["hand"] * 20


def test_where_two_labels_are_accepted_either_will_do():
    either = [word("wrist", number, ("hand", "wrist")) for number in range(10)]
    recall = recall_of([*either, *words(10, "hand", "knee", "chest")])
    assert said(recall, "wrist", 1) == "hand"


def test_a_part_that_the_model_never_gives_is_learned():
    recall = recall_of([*MIXED, *words(10, "sacrum")])
    assert [said(recall, "sacrum", number) for number in range(20)] == ["sacrum"] * 20
    assert [said(recall, "knee", number) for number in range(20)] == ["knee"] * 20


def test_a_part_that_only_words_teach_is_not_named_elsewhere():
    recall = recall_of([*MIXED, *words(10, "sacrum")])
    assert "sacrum" not in recall.consult(reading("hand", 1))[0].probabilities


def test_a_rejected_picture_like_confirmed_ones_is_accepted():
    recall = recall_of([*words(10, "hand", "chest"), *words(10, "knee", rejected=True)])
    after, note = recall.consult(reading("knee", 1, rejected=True))
    assert not after.rejected
    assert after.reason is None
    assert after.top(1)[0].label == "knee"
    assert note.changed == "none -> knee"


def test_a_rejected_picture_unlike_them_stays_rejected():
    recall = recall_of([*words(10, "hand", "chest"), *words(10, "knee", rejected=True)])
    after, note = recall.consult(reading("none", 1, rejected=True))
    assert after.rejected
    assert note is None


def test_what_stays_rejected_keeps_the_model_s_reason():
    recall = recall_of([*MIXED, *words(10, "none", rejected=True)])
    before = reading("none", 1, rejected=True)
    after, note = recall.consult(before)
    assert (after.rejected, after.reason) == (True, before.reason)
    assert note.changed is None


def test_a_picture_like_those_confirmed_as_none_is_rejected():
    recall = recall_of([*MIXED, *words(10, "none")])
    after, note = recall.consult(reading("none", 1))
    assert after.rejected
    assert "confirmed here" in after.reason
    assert note.changed == "chest -> none"


def test_what_the_model_accepts_in_doubt_is_not_rejected_for_a_word_on_its_own_part():
    """Where a model accepts what may well be nothing, the memory took "none" for its answer."""
    recall = recall_of([*MIXED, *words(10, "none", rejected=True)])
    embedding = (0.45 * PLACES["knee"] + 0.89 * PLACES["sacrum"]).astype(np.float32)
    posterior = np.array([0.02, 0.02, 0.41, 0.02, 0.53], np.float32)
    said = dict(zip(LABELS, posterior.tolist(), strict=False))
    after, note = recall.consult(
        ImageReading(said, seen=Seen(embedding, posterior, rejected=False))
    )
    assert (after.rejected, after.top(1)[0].label) == (False, "knee")
    assert note.changed is None


def test_the_change_and_its_grounds_are_told():
    _, note = recall_of(MIXED).consult(reading("wrist", 1))
    assert note.changed == "hand -> wrist"
    assert len(note.alike) == 7
    assert all(instance.startswith("instance-wrist") for instance in note.alike)


def test_an_answer_that_others_confirmed_becomes_surer():
    after, note = recall_of(MIXED).consult(reading("hand", 1))
    assert after.probabilities["hand"] > 0.81
    assert note.changed is None


def test_words_must_outweigh_a_rejection_on_whatever_ground():
    said = np.array([[0.6, 0.2, 0.2], [0.6, 0.2, 0.2], [0.2, 0.1, 0.7]])
    before = prior(said, np.array([False, True, True]), 3)
    assert before.tolist() == pytest.approx(np.array([said[0], [0.3, 0.1, 0.6], said[2]]))


def test_the_probabilities_are_a_posterior():
    after, _ = recall_of(MIXED).consult(reading("wrist", 1))
    assert 0.5 < after.probabilities["wrist"] < 1
    assert set(after.probabilities) == set(LABELS)
    assert sum(after.probabilities.values()) <= 1 + 1e-9


def test_the_same_words_in_another_order_give_the_same_answers():
    first, second = recall_of(MIXED), recall_of(MIXED[::-1])
    for number in range(5):
        some = reading("wrist", number)
        assert first.consult(some)[0].probabilities == second.consult(some)[0].probabilities


def test_a_picture_that_nobody_looked_at_is_passed_by():
    blank = replace(reading("wrist", 1), seen=None)
    assert recall_of(MIXED).consult(blank) == (blank, None)


def test_a_memory_of_nothing_says_nothing():
    recall = recall_of([])
    before = reading("wrist", 1)
    assert recall.consult(before) == (before, None)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_fewer_words_than_can_be_tried_say_nothing(count):
    recall = recall_of(words(count, "wrist"))
    assert said(recall, "wrist", 1) == "hand"


def test_a_known_picture_itself_is_near_its_own_word():
    recall = recall_of(MIXED)
    assert recall.alike(picture("wrist", 3)[0])[0] == "instance-wrist-3"
