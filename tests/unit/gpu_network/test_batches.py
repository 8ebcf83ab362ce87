"""Batches form by themselves, and everybody gets their own answer."""

import threading

import numpy as np

from gpu_network.batches import LARGEST, Question, Waiting, answers


class Doubling:
    """Answers each picture with its mean, and keeps how many came at once."""

    provider, warning = "cpu", None

    def __init__(self):
        self.sizes = []

    def run(self, pictures):
        self.sizes.append(len(pictures))
        return {"logits": pictures.mean(axis=(1, 2, 3))[:, None]}


def question(number, squares=2):
    return Question(number, np.full((squares, 1, 4, 4), number / 1000, np.float32))


def test_one_question_is_not_kept_waiting():
    waiting = Waiting()
    waiting.put(question(1))
    assert [asked.number for asked in waiting.batch()] == [1]


def test_what_came_in_meanwhile_is_one_batch():
    waiting = Waiting()
    for number in range(5):
        waiting.put(question(number))
    assert [asked.number for asked in waiting.batch()] == [0, 1, 2, 3, 4]


def test_a_batch_has_its_bounds():
    waiting = Waiting()
    for number in range(LARGEST):
        waiting.put(question(number, 3))
    sizes = []
    while sum(sizes) < 3 * LARGEST:
        sizes.append(sum(len(asked.pictures) for asked in waiting.batch()))
    assert max(sizes) <= LARGEST


def test_a_question_larger_than_a_batch_is_one():
    waiting = Waiting()
    waiting.put(question(1, LARGEST + 1))
    assert len(waiting.batch()) == 1


def test_the_end_comes_after_what_was_asked():
    waiting = Waiting()
    waiting.put(question(1))
    waiting.close()
    assert len(waiting.batch()) == 1
    assert waiting.batch() == []


def test_the_end_wakes_who_waits():
    waiting = Waiting()
    threading.Timer(0.05, waiting.close).start()
    assert waiting.batch() == []


def test_each_gets_its_own_answer_and_sizes_are_powers_of_two():
    network = Doubling()
    batch = [question(number, squares) for number, squares in ((1, 2), (2, 4), (3, 1))]
    given = answers(network, batch)
    assert network.sizes == [8]
    for asked, answer in zip(batch, given, strict=True):
        assert len(answer["logits"]) == len(asked.pictures)
        assert np.allclose(answer["logits"], asked.number / 1000)
