"""Which pictures a person is asked about."""

import numpy as np
import pytest

from bodypart.memory import teaching
from bodypart.memory.teaching import doubt_of, teaches_most
from unit.memory.hospital import picture


def rows(part, count, start=0):
    return np.stack([picture(part, start + number)[0] for number in range(count)])


ARCHIVE = np.concatenate([rows("wrist", 20), rows("knee", 12), rows("chest", 5)])
PARTS = ["wrist"] * 20 + ["knee"] * 12 + ["chest"] * 5
NOTHING = np.zeros((0, ARCHIVE.shape[1]), np.float32)


def chosen(doubt, known=NOTHING, count=3):
    return [PARTS[index] for index in teaches_most(ARCHIVE, doubt, known, count, reach=0.4)]


@pytest.mark.parametrize("doubt", [0.5, 0.0])
def test_one_of_each_kind_the_largest_first(doubt):
    """Also if the model is sure of all: it may be wrong about a whole kind."""
    assert chosen(np.full(37, doubt, np.float32)) == ["wrist", "knee", "chest"]


def test_of_more_than_can_be_compared_the_most_doubtful_are(monkeypatch):
    monkeypatch.setattr(teaching, "MOST_CANDIDATES", 5)
    assert chosen(np.array([0.0] * 32 + [0.1] * 5, np.float32), count=9) == ["chest"] * 5


def test_a_word_helps_no_picture_that_is_farther_away_than_it_reaches():
    known, far, other = np.array([[1, 0, 0], [0.5, 0.75**0.5, 0], [0, 0, 1]], np.float32)
    rows, doubt = np.stack([other] * 2 + [far] * 3), np.full(5, 0.5, np.float32)
    assert teaches_most(rows, doubt, known[None], 2) == [2, 0]


def test_doubtful_pictures_come_before_sure_ones():
    doubt = np.array([0.0] * 32 + [0.9] * 5, np.float32)
    assert chosen(doubt)[0] == "chest"


def test_what_is_like_confirmed_pictures_is_not_asked_again():
    doubt = np.full(37, 0.5, np.float32)
    assert chosen(doubt, known=rows("wrist", 5, start=100), count=2) == ["knee", "chest"]


def test_no_picture_is_asked_for_twice_and_no_more_than_there_are():
    order = teaches_most(ARCHIVE, np.full(37, 0.5, np.float32), NOTHING, 100, reach=0.4)
    assert sorted(order) == list(range(37))
    twins = np.repeat(rows("wrist", 2), 2, axis=0)
    order = teaches_most(twins, np.full(4, 0.5, np.float32), NOTHING, 100, reach=0.4)
    assert sorted(order) == list(range(4))


def test_an_archive_without_pictures_asks_for_none():
    assert teaches_most(NOTHING, np.zeros(0, np.float32), NOTHING, 5, reach=0.4) == []


def test_a_picture_that_seems_to_show_nothing_is_in_doubt():
    said = np.array([[0.05, 0.9, 0.05], [0.05, 0.05, 0.9]], np.float32)
    assert doubt_of(said).tolist() == pytest.approx([0.1, 0.95])
