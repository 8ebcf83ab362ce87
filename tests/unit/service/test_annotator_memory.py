"""What the memory is told of a picture: that a word belongs to it, or to an earlier one."""

import numpy as np
import pytest

from bodypart.annotation import Review
from bodypart.evidence import Seen
from bodypart.memory.words import pack_seen
from service.errors import RecordError
from service.queue.tasks import Kind, Mode
from unit.service.house import PARENTS
from unit.service.work.failing import raiser

SEEN = pack_seen(Seen(np.ones(4, np.float32) / 2, np.ones(3, np.float32) / 3, rejected=False))


@pytest.fixture
def show(house, monkeypatch):
    """Have a modality send a picture of some digest, in the place of the one before."""
    pixels, ask = [""], house.decoders.ask

    def seen(*question, **named):
        answer, drawn = ask(*question, **named)
        annotation = {**answer["annotation"], "pixels": pixels[-1]}
        return {**answer, "annotation": annotation, "seen": SEEN}, drawn

    def do(digest):
        pixels.append(f"b3:{digest * 32}")
        house.orthanc.arrive("i", digest.encode())
        house.annotator.annotate("i", Mode.NEW)

    monkeypatch.setattr(house.decoders, "ask", seen)
    return do


@pytest.mark.parametrize(("present", "told", "empty"), [("a", ["i"], []), ("b", [], ["i"])])
def test_a_word_belongs_to_the_picture_that_it_was_said_of(house, show, present, told, empty):
    show("a")
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot"))
    show(present)
    assert house.learning.told == told
    house.learning.told.clear()
    house.ask(Kind.LOOK, "i")
    house.annotator.look(house.claim(Kind.LOOK))
    assert (house.learning.told, house.learning.empty) == (told, empty)


def test_what_replaces_a_picture_that_is_looked_at_is_looked_at_itself(house, show, monkeypatch):
    """What the model saw in the earlier one was kept over it: the next word was learned so."""
    show("a")
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot"))
    kept = _kept(house, monkeypatch)
    house.ask(Kind.LOOK, "i")
    house.decoders.while_asked = lambda: house.orthanc.arrive("i", b"another")
    house.annotator.look(house.claim(Kind.LOOK))
    assert (kept, house.learning.told, house.learning.empty) == ([], [], [])
    assert house.claim(Kind.LOOK).attempts == 0


def test_what_was_seen_in_an_earlier_picture_is_not_taken_for_the_present_one(
    house, show, monkeypatch
):
    _show_another_on_a_full_disk(house, show, monkeypatch)
    kept = _kept(house, monkeypatch)
    for _ in range(2):
        house.annotator.annotate("i", Mode.NEW)
        assert kept == [None]
    assert house.index.answer("i")[1] == house.orthanc.annotation("i")["revision"]


def test_what_was_seen_in_an_earlier_picture_is_forgotten_also_where_the_present_one_is_given_up(
    house, show, monkeypatch
):
    _show_another_on_a_full_disk(house, show, monkeypatch)
    kept = _kept(house, monkeypatch)
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "given up after 4 attempts")
    assert kept == [None]


def test_what_is_read_to_take_a_word_back_is_what_the_memory_keeps(house, show, monkeypatch):
    show("a")
    review = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot")
    reviewed = house.reviewer.review("i", review)
    house.annotations.put({**reviewed, "file": "another file"}, PARENTS)
    kept = _kept(house, monkeypatch)
    house.reviewer.withdraw("i", by="ann")
    assert kept == ["i"]


def _show_another_on_a_full_disk(house, show, monkeypatch):
    """Have a second picture sent; its metadata are written, and then the disk is full."""
    show("a")
    with monkeypatch.context() as full, pytest.raises(RecordError):
        full.setattr(house.index, "put", raiser(RecordError("the disk is full")))
        show("b")


def _kept(house, monkeypatch):
    """Return a list of the instances of which it is kept from now on what the model saw."""
    kept = []

    def keep(connection, instance, seen):
        assert connection.in_transaction()
        kept.append(instance if seen is not None else None)

    monkeypatch.setattr(house.learning, "keep", keep)
    return kept
