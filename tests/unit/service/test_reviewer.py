"""A word on what a person saw: once only, and of nothing that is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bodypart.annotation import Review
from service.decoders.pool import DecoderDiedError, RefusedError
from service.errors import (
    ArchiveError,
    LostFileError,
    NotFoundError,
    RecordError,
    StaleError,
    UnannotatedError,
)
from service.queue.tasks import Kind, Mode
from service.reviewer import Reviewer
from service.work.recovery import ask_again
from unit.service.house import PARENTS
from unit.service.work.failing import raiser

WORD = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot", comment="a toe")


@pytest.fixture
def seen(house):
    """The revision of the machine's answer."""
    house.annotator.annotate("i", Mode.NEW)
    return frozenset({house.orthanc.annotation("i")["revision"]})


def test_a_word_whose_answer_was_lost_is_said_once_more_and_counts_once(house, seen):
    """The second try was told, by a 412, that somebody else had changed it: itself."""
    first = house.reviewer.review("i", WORD, seen)
    again = house.reviewer.review("i", replace(WORD, at="2026-11-28T10:00:09Z"), seen)
    assert again["revision"] == first["revision"]
    assert len(house.trail.events(0, 10)) == 1


@pytest.mark.parametrize("words", [1, 2])
def test_a_word_that_is_taken_back_has_no_picture_read_again(house, seen, words, monkeypatch):
    """Undoing a sheet of words fetched each file, and had each picture looked at again."""
    before = house.orthanc.annotation("i")
    for number in range(words):
        house.reviewer.review("i", replace(WORD, at=f"2026-11-28T10:00:0{number}Z"))
    house.follow()
    house.decoders.asked.clear()
    monkeypatch.setattr(house.orthanc, "dicom", pytest.fail)
    after = house.reviewer.withdraw("i", by="ann")
    assert after == {**before, "file": after["file"], "tags": after["tags"]}
    assert house.decoders.asked == []


@pytest.mark.usefixtures("seen")
def test_a_word_is_taken_back_before_its_file_that_was_sent_again_is_read(house):
    """Nobody had said anything, it was answered; a second later the word stood there again."""
    house.reviewer.review("i", WORD)
    house.orthanc.arrive("i", house.orthanc.files["i"])
    assert house.reviewer.withdraw("i", by="ann")["review"] is None
    house.annotator.annotate("i", Mode.NEW)
    assert house.orthanc.annotation("i")["examined"]["label"] == "hand"


def test_taking_back_what_nobody_said_annotates_nothing(house):
    with pytest.raises(UnannotatedError):
        house.reviewer.withdraw("i", by="ann")
    assert house.decoders.asked == []


@pytest.mark.parametrize("changed", [{"machine": None}, {"file": "another file"}])
def test_what_was_not_kept_or_is_of_another_file_is_read_again(house, seen, changed):
    reviewed = house.reviewer.review("i", WORD)
    house.annotations.put({**reviewed, **changed}, PARENTS)
    house.decoders.asked.clear()
    assert house.reviewer.withdraw("i", by="ann")["examined"]["label"] == "hand"
    assert house.decoders.asked == ["annotate"]


def test_what_had_failed_is_tried_again(house):
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "quarantined")
    house.reviewer.review("i", WORD)
    assert house.reviewer.withdraw("i", by="ann")["examined"]["label"] == "hand"


@pytest.mark.parametrize(
    "error",
    [
        DecoderDiedError("it was killed"),
        LostFileError("no file"),
        RefusedError("DecoderError", "unexpected KeyError"),
    ],
)
def test_a_word_on_what_the_machine_cannot_read_is_taken_back(house, monkeypatch, error):
    """It was read once more, which failed each time: nobody could take the word back."""
    monkeypatch.setattr(house.decoders, "ask", raiser(error))
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "quarantined")
    house.reviewer.review("i", WORD)
    answer = house.reviewer.withdraw("i", by="ann")
    assert (answer["status"], answer["reason"], answer["review"]) == ("failed", "quarantined", None)
    assert house.orthanc.annotation("i")["revision"] == answer["revision"]


def test_a_word_on_what_cannot_be_read_is_also_taken_back_late(house, monkeypatch):
    """Reading it failed once more, and then the word that was taken back stood there for ever."""
    monkeypatch.setattr(house.decoders, "ask", raiser(DecoderDiedError("it was killed")))
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "quarantined")
    house.reviewer.review("i", WORD)
    with monkeypatch.context() as away:
        away.setattr(house.annotations, "put", _away)
        house.reviewer.withdraw("i", by="ann")
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    if task := house.claim(Kind.ANNOTATE):
        house.annotator.give_up(task, "quarantined")
    assert house.orthanc.annotation("i")["review"] is None
    assert not house.tasks.stands(Kind.APPLY, "i")


@pytest.mark.usefixtures("seen")
def test_a_word_on_another_file_that_cannot_be_read_stays(house, monkeypatch):
    reviewed = house.reviewer.review("i", WORD)
    house.annotations.put({**reviewed, "file": "another file"}, PARENTS)
    monkeypatch.setattr(house.decoders, "ask", raiser(DecoderDiedError("it was killed")))
    with pytest.raises(DecoderDiedError):
        house.reviewer.withdraw("i", by="ann")
    assert house.orthanc.annotation("i")["review"]


@pytest.mark.parametrize("late", [False, True])
def test_a_word_does_not_make_an_annotation_that_of_another_file(house, seen, late, monkeypatch):
    """The picture that had come in meanwhile kept the answer, and the word, of the one before."""
    annotation = house.orthanc.annotation("i")
    house.orthanc.arrive("i", b"another picture")
    house.annotations.put(annotation, PARENTS)  # As a rewrite that gave back a moment later.
    if late:
        with monkeypatch.context() as away:
            away.setattr(house.annotations, "put", _away)
            house.reviewer.review("i", WORD, seen)
        house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    else:
        house.reviewer.review("i", WORD, seen)
    house.decoders.asked.clear()
    house.annotator.annotate("i", Mode.NEW)
    assert house.decoders.asked == ["annotate"]
    assert house.orthanc.annotation("i")["file"] == house.orthanc.versions["i"]


def _away(*_, **__):
    raise ArchiveError("Orthanc is away")


@pytest.mark.parametrize(
    "other",
    [
        {"by": "bob"},
        {"examined": "hand"},
        {"laterality": "L", "laterality_given": True},
        {"laterality_given": True},
        {"visible": ("foot",)},
        {"comment": ""},
    ],
)
def test_another_word_on_what_was_seen_before_is_stale(house, seen, other):
    house.reviewer.review("i", WORD, seen)
    with pytest.raises(StaleError):
        house.reviewer.review("i", replace(WORD, **other), seen)
    assert len(house.trail.events(0, 10)) == 1


def test_a_word_that_kept_the_side_given_before_it_is_said_once_more_as_well(house, seen):
    side = replace(WORD, examined="hand", laterality="L", laterality_given=True, by="bob")
    seen = frozenset({house.reviewer.review("i", side, seen)["revision"]})
    word = replace(WORD, examined="hand")
    first = house.reviewer.review("i", word, seen)
    assert first["laterality"] == {"value": "L", "source": "person"}
    assert house.reviewer.review("i", word, seen)["revision"] == first["revision"]
    assert len(house.trail.events(0, 10)) == 2


def test_the_same_word_on_what_is_seen_now_is_a_word_of_its_own(house, seen):
    now = frozenset({house.reviewer.review("i", WORD, seen)["revision"]})
    house.reviewer.review("i", WORD, now)
    house.reviewer.review("i", WORD)
    assert len(house.trail.events(0, 10)) == 3


def test_a_word_on_what_was_removed_meanwhile_brings_nothing_back(house, seen):
    """It was annotated anew, against the removal, to answer that it had changed."""
    house.reviewer.remove("i", by="bob")
    house.decoders.asked.clear()
    with pytest.raises(UnannotatedError):
        house.reviewer.review("i", WORD, seen)
    with pytest.raises(UnannotatedError):
        house.reviewer.remove("i", by="ann", seen=seen)
    assert house.decoders.asked == []
    assert house.orthanc.annotation("i") is None
    assert house.reviewer.review("i", WORD)["examined"]["label"] == "foot"


def test_a_word_on_what_was_sent_again_meanwhile_is_told_the_new_answer(house, seen):
    house.orthanc.arrive("i", b"another")
    house.decoders.label = "knee"
    with pytest.raises(StaleError) as told:
        house.reviewer.review("i", WORD, seen)
    assert told.value.present["examined"]["label"] == "knee"


@pytest.mark.usefixtures("seen")
def test_a_word_on_another_picture_is_stale_and_not_noted(house):
    picture, another = "b3:" + "a" * 32, "b3:" + "b" * 32
    house.annotations.put({**house.orthanc.annotation("i"), "pixels": picture}, PARENTS)
    with pytest.raises(StaleError):
        house.reviewer.review("i", replace(WORD, pixels=another))
    assert house.trail.events(0, 10) == []


@pytest.mark.usefixtures("seen")
def test_a_word_that_could_not_be_taken_back_at_once_is_taken_back_later(house, monkeypatch):
    house.reviewer.review("i", WORD)
    with monkeypatch.context() as full:
        full.setattr(house.orthanc, "set_metadata", raiser(ArchiveError("the disk is full")))
        house.reviewer.withdraw("i", by="bob")
    assert house.orthanc.annotation("i")["review"]
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    house.annotator.annotate("i", Mode.AGAIN, task=house.claim(Kind.ANNOTATE))
    assert house.orthanc.annotation("i")["review"] is None
    assert house.trail.open(10) == []


@pytest.mark.usefixtures("seen")
def test_a_word_taken_back_that_the_index_cannot_note_has_the_revision_of_its_answer(
    house, monkeypatch
):
    """It was answered with that of the word; later the picture was read again, which changed it."""
    house.reviewer.review("i", WORD)
    with monkeypatch.context() as full:
        full.setattr(house.index, "put", raiser(RecordError("the disk is full")))
        answer = house.reviewer.withdraw("i", by="bob")
    written = house.orthanc.annotation("i")
    assert (written["review"], written["revision"]) == (None, answer["revision"])
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    assert not house.tasks.stands(Kind.ANNOTATE, "i")
    assert house.orthanc.annotation("i") == written
    assert house.index.answer("i") == ("done", answer["revision"])


def test_what_had_failed_is_also_tried_again_late(house, monkeypatch):
    """Its word was taken back with an answer, and then it had failed as before."""
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "quarantined")
    house.reviewer.review("i", WORD)
    with monkeypatch.context() as away:
        away.setattr(house.annotations, "put", _away)
        assert house.reviewer.withdraw("i", by="ann")["examined"]["label"] == "hand"
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    while task := house.claim(Kind.ANNOTATE):
        house.annotator.annotate("i", Mode(task.mode), task=task)
    assert house.orthanc.annotation("i")["examined"]["label"] == "hand"


@pytest.mark.parametrize("do", [Reviewer.withdraw, Reviewer.remove])
def test_what_another_person_said_since_is_neither_taken_back_nor_removed(house, seen, do):
    said = house.reviewer.review("i", WORD)
    with pytest.raises(StaleError) as told:
        do(house.reviewer, "i", by="bob", seen=seen)
    assert told.value.present["revision"] == said["revision"]
    assert house.orthanc.annotation("i")["review"]
    assert len(house.trail.events(0, 10)) == 1


@pytest.mark.usefixtures("seen")
def test_a_word_is_taken_though_the_index_and_its_tasks_cannot_be_written(house, monkeypatch):
    with monkeypatch.context() as full:
        for part in (house.index.put, house.tasks.ask):
            full.setattr(part.__self__, part.__name__, raiser(RecordError("the disk is full")))
        assert house.reviewer.review("i", WORD)["examined"]["label"] == "foot"
    ask_again(house.records, None)
    house.reviewer.apply_word(house.claim(Kind.APPLY))
    assert house.index.children("series", "series")[0].examined == "foot"


@pytest.mark.usefixtures("seen")
def test_a_word_that_the_index_could_not_take_comes_into_it_later(house, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(house.index, "put", raiser(RecordError("the disk is full")))
        house.reviewer.review("i", WORD)
    assert house.orthanc.annotation("i")["review"]
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    assert house.index.children("series", "series")[0].examined == "foot"


@pytest.mark.usefixtures("seen")
def test_an_open_word_is_applied_where_the_annotation_is_lost(house, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(house.orthanc, "set_metadata", raiser(ArchiveError("the disk is full")))
        house.reviewer.review("i", WORD)
    house.orthanc.delete_metadata("instances", "i", "BodyPart")
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    house.annotator.annotate("i", Mode.AGAIN, task=house.claim(Kind.ANNOTATE))
    assert house.orthanc.annotation("i")["review"]["comment"] == "a toe"


@pytest.mark.usefixtures("seen")
def test_what_is_sent_again_during_a_removal_that_fails_is_annotated(house, monkeypatch):
    """The removal ends the task of the file that was removed, and so that of the new one."""
    stored_file, delete = house.orthanc.stored_file, house.orthanc.delete_metadata

    def sent_again(*which):
        monkeypatch.setattr(house.orthanc, "delete_metadata", delete)
        house.orthanc.arrive("i", b"another")
        house.ask(Kind.ANNOTATE, "i")
        monkeypatch.setattr(house.orthanc, "stored_file", raiser(ArchiveError("status 500")))

    monkeypatch.setattr(house.orthanc, "delete_metadata", sent_again)
    house.reviewer.remove("i", by="ann")
    monkeypatch.setattr(house.orthanc, "stored_file", stored_file)
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    assert house.claim(Kind.ANNOTATE)


@pytest.mark.usefixtures("seen")
def test_what_people_say_is_learned_at_once(house):
    house.reviewer.review("i", WORD)
    assert house.learning.woken == 1
    house.reviewer.withdraw("i", by="ann")
    assert house.learning.woken == 2
    house.reviewer.remove("i", by="ann")
    assert house.learning.woken == 3


def test_a_word_that_the_trail_has_lost_is_not_applied_for_ever(house):
    house.ask(Kind.APPLY, "i")
    house.reviewer.apply_word(house.claim(Kind.APPLY))
    assert not house.tasks.stands(Kind.APPLY, "i")


def test_what_has_no_annotation_is_told_from_what_is_gone(house):
    with pytest.raises(UnannotatedError, match="no annotation"):
        house.reviewer.must_have("i", frozenset({"0"}))
    house.orthanc.delete_instance("i")
    with pytest.raises(NotFoundError) as caught:
        house.reviewer.must_have("i", frozenset({"0"}))
    assert not isinstance(caught.value, UnannotatedError)


def test_a_word_does_not_wait_for_the_disk_that_its_picture_is_read_from(house, seen, monkeypatch):
    """Read under the lock, a picture whose storage stood still took no word."""
    reading, goes_on = threading.Event(), threading.Event()
    content = house.orthanc.content

    def slow(*given, **more):
        reading.set()
        goes_on.wait(20)
        return content(*given, **more)

    monkeypatch.setattr(house.orthanc, "content", slow)
    with ThreadPoolExecutor(2) as pool:
        again = pool.submit(house.annotator.annotate, "i", Mode.AGAIN)
        assert reading.wait(5)
        said = pool.submit(house.reviewer.review, "i", WORD, seen)
        try:
            assert said.result(5)["review"]["comment"] == "a toe"
        finally:
            goes_on.set()
        again.result(5)
    assert house.orthanc.annotation("i")["review"]["comment"] == "a toe"
