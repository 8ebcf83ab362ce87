"""What a kill left is asked for again at the start, however much it is."""

import json

import pytest

from bodypart.annotation import Review
from service.queue.tasks import Kind, Mode, Priority
from service.work import recovery
from unit.service.house import PARENTS, note
from unit.service.records.test_audit_trail import damage


@pytest.mark.parametrize("page", [2, 1000])
def test_every_open_word_and_every_file_that_does_not_follow_is_a_task(house, monkeypatch, page):
    monkeypatch.setattr(recovery, "_PAGE", page)
    for name in "abcde":
        house.trail.removed(name, by="ann", at="2026-11-28T10:00:00Z", file="f")
        house.orthanc.arrive(f"file {name}", b"file")
        house.annotations.put(note(f"file {name}"), PARENTS)
    house.trail.removed("a", by="ann", at="2026-11-28T10:00:01Z", file="f")
    with house.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM tasks")
    recovery.ask_again(house.records, house.in_place)
    words = set("abcde")
    assert house.tasks.standing(Kind.APPLY, words) == words
    assert house.tasks.count(Kind.APPLY, Priority.PERSON) == len(words)
    assert house.tasks.count(Kind.REWRITE) == len(words)


def _lost_by_orthanc(house, before):
    house.orthanc.set_metadata("instances", "i", "BodyPart", json.dumps(before))


def _lost_by_the_index(house, before):
    with house.database.write() as connection:
        house.index.put(connection, before, PARENTS)


@pytest.mark.parametrize("lost", [_lost_by_orthanc, _lost_by_the_index])
def test_a_word_that_a_power_cut_took_from_where_it_is_shown_is_put_there_again(
    house, annotating, lost
):
    """Both write less surely than the trail, by which the word had been applied."""
    house.annotator.annotate("i", Mode.NEW)
    before = house.orthanc.annotation("i")
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    recovery.ask_again(house.records, house.in_place)
    assert not house.tasks.stands(Kind.APPLY, "i")
    lost(house, before)
    recovery.ask_again(house.records, house.in_place)
    annotating.do([house.claim(Kind.APPLY)])
    assert house.orthanc.annotation("i")["examined"]["label"] == "foot"
    assert house.index.children("series", "series")[0].examined == "foot"


def test_a_word_beside_what_orthanc_cannot_describe_is_put_there_again(house, broken):
    """A power cut that takes words may damage what was written beside them."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    house.orthanc.delete_metadata("instances", "i", "BodyPart")
    house.trail.removed("broken", by="ann", at="2026-11-28T10:00:01Z", file="f")
    recovery.ask_again(house.records, house.in_place)
    assert house.tasks.stands(Kind.APPLY, "i")


@pytest.mark.parametrize("lost", [_lost_by_orthanc, _lost_by_the_index])
@pytest.mark.parametrize("ended", ["taken back", "removed"])
def test_a_word_that_was_ended_does_not_return_by_a_power_cut(house, annotating, ended, lost):
    """It stood there again for good, and was routed so: the trail says that it was ended."""
    house.annotator.annotate("i", Mode.NEW)
    said = house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    if ended == "removed":
        house.reviewer.remove("i", by="ann")
        _lost_by_orthanc(house, said)
    else:
        house.reviewer.withdraw("i", by="ann")
    lost(house, said)
    recovery.ask_again(house.records, house.in_place)
    annotating.do([house.claim(Kind.APPLY)])
    shown = house.orthanc.annotation("i")
    assert shown is None if ended == "removed" else shown["examined"]["label"] == "hand"
    found = [one.examined for one in house.index.children("series", "series")]
    assert found == ([] if ended == "removed" else ["hand"])
    recovery.ask_again(house.records, house.in_place)
    assert not house.tasks.stands(Kind.APPLY, "i")


@pytest.mark.parametrize("said_of", ["b3:" + "a" * 32, "a" * 32])
def test_a_word_on_another_picture_is_not_put_on_the_present_one(house, said_of):
    """One of version 0.2.0 was, as only a decoder can compare its digest; others were rewritten."""
    house.decoders.fields = {"pixels": said_of}
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    house.orthanc.arrive("i", b"another picture")
    other = {**note(), "pixels": "b3:" + "b" * 32, "file": house.orthanc.versions["i"]}
    house.annotations.put(other, PARENTS)
    recovery.ask_again(house.records, house.in_place)
    assert not house.tasks.stands(Kind.APPLY, "i")


def test_all_words_of_one_request_are_looked_after(house, monkeypatch):
    """Five hundred may be confirmed in one; they are no older than the last by much."""
    monkeypatch.setattr(recovery, "_GLANCE", 2)
    ids = [f"file {number}" for number in range(5)]
    for second, name in enumerate(["old", *ids]):
        house.orthanc.arrive(name, b"file")
        house.annotator.annotate(name, Mode.NEW)
        at = f"2026-11-28T10:0{min(second, 1)}:{second:02}Z"
        house.reviewer.review(name, Review("ann", at, "foot"))
        house.orthanc.delete_metadata("instances", name, "BodyPart")
    recovery.ask_again(house.records, house.in_place)
    assert house.tasks.standing(Kind.APPLY, ["old", *ids]) == set(ids)


def test_a_later_word_than_the_trail_has_stays(house):
    """The trail was restored from a backup."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    said = house.orthanc.annotation("i")
    later = {**said, "review": {**said["review"], "at": "2026-11-28T11:00:00Z"}}
    house.orthanc.set_metadata("instances", "i", "BodyPart", json.dumps(later))
    recovery.ask_again(house.records, house.in_place)
    assert not house.tasks.stands(Kind.APPLY, "i")


@pytest.mark.parametrize("ended", ["removed and back-filled", "damaged"])
def test_what_is_no_word_any_more_is_not_put_there(house, ended):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    if ended == "damaged":
        damage(house, 1)
        house.orthanc.delete_metadata("instances", "i", "BodyPart")
    else:
        house.reviewer.remove("i", by="ann")
        house.annotator.annotate("i", Mode.ASKED)
    recovery.ask_again(house.records, house.in_place)
    assert not house.tasks.stands(Kind.APPLY, "i")


def test_a_start_does_not_wait_for_an_orthanc_that_is_away(house):
    house.trail.removed("i", by="ann", at="2026-11-28T10:00:00Z", file="f")
    house.orthanc.down = True
    recovery.ask_again(house.records, None)
    assert house.tasks.stands(Kind.APPLY, "i")


def test_files_of_the_old_stock_stay_behind_all_others(house):
    """A restart amid a back-fill put them before what arrived after it."""
    for name, priority in (("old", Priority.BACKFILL), ("new", Priority.ARRIVAL)):
        house.orthanc.arrive(name, b"file")
        house.annotations.put(note(name), PARENTS)
        with house.database.write() as connection:
            house.tasks.drop(connection, Kind.REWRITE, name)
        house.tasks.ask_now(Kind.REWRITE, [name], priority=priority)
    recovery.ask_again(house.records, house.in_place)
    assert house.tasks.count(Kind.REWRITE, Priority.BACKFILL) == 1
    assert house.claim(Kind.REWRITE).resource == "new"


def test_files_are_left_alone_where_they_do_not_follow(house):
    house.annotations.put(note(), PARENTS)
    with house.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM tasks")
    recovery.ask_again(house.records, None)
    assert house.tasks.count(Kind.REWRITE) == 0
