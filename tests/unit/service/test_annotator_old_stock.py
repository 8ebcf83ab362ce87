"""Pictures that have lain in the archive for long: as little is asked and written as will do."""

import pytest

from bodypart.annotation import Review
from bodypart.reviews import apply_review
from service.errors import RecordError
from service.queue.tasks import Kind, Mode, Priority
from unit.service.house import note

WORD = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot")


@pytest.fixture
def annotate(house):
    """Have the machine annotate as a worker does, which has claimed it."""

    def do(mode, priority):
        house.ask(Kind.ANNOTATE, "i", mode=mode, priority=priority)
        house.annotator.annotate("i", mode, task=house.claim(Kind.ANNOTATE))
        return house.orthanc.annotation("i")

    return do


def said():
    return apply_review(note(), WORD)


def test_nobody_writes_beside_us_to_what_has_no_word(house):
    """Its metadata were read a second time, to find nothing in them once more."""
    read, looks = house.orthanc.annotation, []
    house.orthanc.annotation = lambda instance: looks.append(instance) or read(instance)
    house.ask(Kind.ANNOTATE, "i", mode=Mode.ASKED, priority=Priority.BACKFILL)
    house.annotator.annotate("i", Mode.ASKED, task=house.claim(Kind.ANNOTATE))
    assert looks == ["i"]
    assert read("i")["examined"]["label"] == "hand"


def test_a_word_that_is_said_meanwhile_counts(house, annotate):
    house.decoders.while_asked = lambda: house.trail.reviewed("i", said()["review"])
    written = annotate(Mode.ASKED, Priority.BACKFILL)
    assert written["examined"]["label"] == "foot"
    assert written["review"]["by"] == "ann"


def test_a_word_that_metadata_alone_hold_counts_where_it_is_read_again(house, annotate):
    annotate(Mode.ASKED, Priority.BACKFILL)
    house.decoders.while_asked = lambda: house.annotations.put(said(), house.orthanc.parents("i"))
    assert annotate(Mode.AGAIN, Priority.BACKFILL)["review"]["by"] == "ann"


def test_a_word_that_comes_right_behind_an_arrival_counts(house, annotate):
    """A script that moves an archive sends a picture, and then its metadata."""
    house.decoders.while_asked = lambda: house.annotations.put(said(), house.orthanc.parents("i"))
    assert annotate(Mode.NEW, Priority.ARRIVAL)["review"]["by"] == "ann"
    house.orthanc.delete_instance("i")
    house.orthanc.arrive("i", b"file")
    assert annotate(Mode.NEW, Priority.STUCK)["review"]["by"] == "ann"


@pytest.mark.parametrize("spoken", [False, True])
def test_what_the_model_saw_is_kept_with_the_annotation_or_not_at_all(
    house, annotate, monkeypatch, spoken
):
    """Before the index tells that a picture is another, its word would be learned with that one."""
    kept = []
    if spoken:
        house.trail.reviewed("i", said()["review"])

    def keep(connection, instance, seen):
        held = connection.in_transaction() and house.index.state(instance)
        kept.append((instance, held))

    monkeypatch.setattr(house.learning, "keep", keep)
    monkeypatch.setattr(house.index, "put", _refuse)
    with pytest.raises(RecordError):
        annotate(Mode.ASKED, Priority.BACKFILL)
    assert kept == []
    monkeypatch.undo()
    monkeypatch.setattr(house.learning, "keep", keep)
    annotate(Mode.AGAIN, Priority.BACKFILL)
    # Nobody else sees the annotation in the index yet.
    assert kept == [("i", None)]
    assert house.index.state("i") == "done"


def test_a_word_that_waits_for_what_the_model_sees_is_told_of_it(house, annotate, monkeypatch):
    """A word on a file in which the model saw nothing was never learned from a later file."""
    told = []
    monkeypatch.setattr(house.learning, "tell_word", lambda instance, _seen: told.append(instance))
    annotate(Mode.ASKED, Priority.BACKFILL)
    assert told == []
    house.trail.reviewed("i", said()["review"])
    annotate(Mode.AGAIN, Priority.BACKFILL)
    assert told == ["i"]


def _refuse(*_):
    raise RecordError("the disk is full")
