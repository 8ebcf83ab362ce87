"""What the memory is told of a picture: that a word belongs to it, or to an earlier one."""

import numpy as np
import pytest

from bodypart.annotation import Review
from bodypart.evidence import Seen
from bodypart.memory.words import pack_seen
from service.errors import RecordError
from service.learning.sightings import Sightings
from service.queue.tasks import Kind, Mode
from unit.service.house import PARENTS
from unit.service.work.failing import raiser

AT, LATER = "2026-11-28T10:00:00Z", "2026-11-28T10:00:01Z"
MODEL = "0" * 64
SEEN = pack_seen(Seen(np.ones(4, np.float32) / 2, np.ones(3, np.float32) / 3, rejected=False))


@pytest.fixture
def show(house, monkeypatch):
    """Have a modality send a picture of some digest, in the place of the one before."""
    pixels, ask = [""], house.decoders.ask

    def seen(task, *question, **named):
        answer, drawn = ask(task, *question, **named)
        if task == "annotate":
            annotation = {**answer["annotation"], "pixels": pixels[-1]}
            answer = {**answer, "annotation": annotation, "seen": SEEN}
        return answer, drawn

    def keep(connection, instance, seen):
        sightings.put(connection, instance, MODEL, seen)

    def do(digest, label="hand", at=AT):
        pixels.append(f"b3:{digest * 32}")
        house.decoders.label, house.decoders.fields = label, {"annotated_at": at}
        house.orthanc.arrive("i", digest.encode())
        house.annotator.annotate("i", Mode.NEW)

    sightings = Sightings(house.database)
    monkeypatch.setattr(house.decoders, "ask", seen)
    monkeypatch.setattr(house.learning, "keep", keep)
    return do


@pytest.mark.parametrize(("present", "told", "empty"), [("a", ["i"], []), ("b", [], ["i"])])
def test_a_word_belongs_to_the_picture_that_it_was_said_of(house, show, present, told, empty):
    show("a")
    reviewed(house)
    show(present)
    assert house.learning.told == told
    house.learning.told.clear()
    house.ask(Kind.LOOK, "i")
    house.annotator.look(house.claim(Kind.LOOK))
    assert (house.learning.told, house.learning.empty) == (told, empty)


def test_what_replaces_a_picture_that_is_looked_at_is_looked_at_itself(house, show, monkeypatch):
    """What the model saw in the earlier one was kept over it: the next word was learned so."""
    show("a")
    reviewed(house)
    monkeypatch.setattr(house.learning, "keep", raiser(AssertionError))
    house.ask(Kind.LOOK, "i")
    house.decoders.while_asked = lambda: house.orthanc.arrive("i", b"another")
    house.annotator.look(house.claim(Kind.LOOK))
    assert house.learning.told == house.learning.empty == []
    assert house.claim(Kind.LOOK).attempts == 0


def seen_in(house):
    """Return whether something is kept that the model saw in the picture."""
    return Sightings(house.database).get("i", MODEL) is not None


def annotated(house):
    house.annotator.annotate("i", Mode.NEW)


def given_up(house):
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "given up after 4 attempts")


def rewritten(house):
    house.ask(Kind.REWRITE, "i")
    house.follow()


def swept(house):
    house.annotator.adopt("i")


def reviewed(house):
    return house.reviewer.review("i", Review(by="ann", at=AT, examined="foot"))


@pytest.mark.parametrize("another", [{"label": "foot"}, {"at": LATER}])
@pytest.mark.parametrize("taken_in", [annotated, given_up, rewritten, swept, reviewed])
def test_what_was_seen_in_an_earlier_picture_is_not_taken_for_the_present_one(
    house, show, monkeypatch, taken_in, another
):
    """The disk was full when the index was to take in the answer on the second picture."""
    show("a")
    with monkeypatch.context() as full, pytest.raises(RecordError):
        full.setattr(house.index, "put", raiser(RecordError("the disk is full")))
        show("b", **another)
    assert seen_in(house)
    taken_in(house)
    assert not seen_in(house)
    annotated(house)
    assert not seen_in(house)


def test_what_was_seen_in_a_picture_that_is_gone_is_forgotten(house, show):
    show("a")
    house.orthanc.delete_instance("i")
    house.annotations.gone("i")
    assert not seen_in(house)


def test_what_was_seen_stays_with_a_word_and_without_it_again(house, show):
    show("a")
    reviewed(house)
    house.reviewer.withdraw("i", by="ann")
    assert seen_in(house)


def test_what_is_read_to_take_a_word_back_is_what_the_memory_keeps(house, show):
    show("a")
    house.annotations.put({**reviewed(house), "file": "another file"}, PARENTS)
    house.decoders.fields = {"annotated_at": LATER}
    house.reviewer.withdraw("i", by="ann")
    assert seen_in(house)
