"""The file follows its record; nothing that an overwrite wipes is lost; the newer file wins."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bodypart.annotation import Review
from service.decoders.pool import EngineDownError
from service.dicom_tags import overwriting
from service.errors import StorageFullError
from service.orthanc_api.resources import Content, Stored
from service.queue.tasks import Kind, Mode, Priority
from unit.service.dicom_tags.rewritten import (
    rewrite_without_answer,
    tags,
)
from unit.service.house import PARENTS


def test_the_file_follows_and_the_annotation_tells(annotated):
    assert tags(annotated)["state"] == "pending"
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    assert tags(annotated)["state"] == "written"
    assert tags(annotated)["changed"] == ["BodyPartExamined"]
    assert annotated.backups.left_over() == []


def test_a_word_that_is_taken_back_leaves_the_file_also_where_no_picture_was_seen(house):
    house.decoders.fields = {"image": None}
    house.annotator.annotate("i", Mode.NEW)
    house.follow()
    assert house.decoders.asked == ["annotate"]
    house.reviewer.review("i", Review("ann", "2026", examined="foot"))
    house.follow()
    assert house.orthanc.files["i"] == b"file corrected to foot"
    house.reviewer.withdraw("i", by="ann")
    house.follow()
    assert house.orthanc.files["i"] == b"file"
    assert (tags(house)["state"], house.orthanc.annotation("i")["review"]) == ("none", None)


def test_the_files_of_a_series_follow_when_it_comes_to_show_several_parts_or_ceases_to(annotated):
    """Body Part Examined is an attribute of the series."""

    def rewritten():
        found = []
        while task := annotated.claim_due(Kind.REWRITE):
            annotated.orthanc.stores = task.resource
            annotated.in_place.rewrite(task)
            annotated.tasks.finish(task)
            found.append(task.resource)
        return found

    annotated.orthanc.arrive("j", b"another file")
    assert rewritten() == ["i"]
    for label, mixed, follow in (("foot", True, ["j", "i"]), ("hand", False, ["j", "i"])):
        annotated.decoders.label = label
        annotated.annotator.annotate("j", Mode.AGAIN)
        assert rewritten() == follow
        for instance in follow:
            assert annotated.orthanc.annotation(instance)["tags"]["mixed_series"] == mixed
    assert annotated.orthanc.files["j"] == b"another file corrected to hand"


def test_what_an_overwrite_wipes_returns(annotated):
    orthanc, no_text = annotated.orthanc, "\udcfc\0"
    for level, resource in [("instances", "i"), *PARENTS.levels()]:
        orthanc.set_metadata(level, resource, "Ours", level + no_text)
        orthanc.set_label(level, resource, "teaching", present=True)
        orthanc.set_attachment(level, resource, "note", level.encode())
    orthanc.protect("patient")
    annotated.follow()
    for level, resource in [("instances", "i"), *PARENTS.levels()]:
        assert orthanc.metadata(level, resource, "Ours") == level + no_text
        assert "teaching" in orthanc.labels(level, resource)
        assert orthanc.attachment(level, resource, "note") == level.encode()
    assert orthanc.is_protected("patient")


def test_a_lost_answer_loses_nothing(annotated):
    orthanc = annotated.orthanc
    orthanc.set_metadata("instances", "i", "Ours", "kept")
    orthanc.protect("patient")

    task = rewrite_without_answer(annotated)
    assert annotated.in_place.is_away("i")
    annotated.in_place.rewrite(task)
    assert orthanc.metadata("instances", "i", "Ours") == "kept"
    assert orthanc.is_protected("patient")
    assert tags(annotated)["state"] == "written"


@pytest.mark.parametrize("theirs", [b"another picture", b"another of this length"])
@pytest.mark.parametrize("moment", ["before the look", "after the look", "after the store"])
def test_another_file_that_comes_in_meanwhile_stands(annotated, moment, theirs):
    orthanc = annotated.orthanc

    def arrive():
        annotated.watch.file = theirs
        orthanc.before_store = orthanc.after_store = annotated.decoders.while_asked = lambda: None
        orthanc.arrive("i", theirs)

    if moment == "before the look":
        annotated.decoders.while_asked = arrive
    elif moment == "after the look":
        orthanc.before_store = arrive
    else:
        orthanc.after_store = arrive
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    assert orthanc.files["i"] == theirs
    annotated.decoders.label = "foot"
    annotated.annotator.annotate("i", Mode.NEW, task=annotated.claim(Kind.ANNOTATE))
    assert orthanc.annotation("i")["examined"]["label"] == "foot"


def test_no_picture_is_hashed_where_nothing_comes_in_meanwhile(annotated, monkeypatch):
    """That takes longer than all else that the service does for a rewrite."""
    monkeypatch.setattr(annotated.orthanc, "md5", None)
    monkeypatch.setattr(overwriting, "md5", None)
    annotated.follow()
    assert tags(annotated)["state"] == "written"


def test_the_annotation_of_a_rewritten_file_is_written_once(annotated, monkeypatch):
    """It was given back, and written at once again."""
    write, written = annotated.orthanc.set_metadata, []

    def note(level, resource, name, value):
        written.append((level, name))
        write(level, resource, name, value)

    monkeypatch.setattr(annotated.orthanc, "set_metadata", note)
    annotated.follow()
    assert written == [("instances", "BodyPartExamined"), ("instances", "BodyPart")]


def test_the_change_log_s_entry_of_a_rewrite_is_noted_as_ours(annotated):
    annotated.follow()
    assert annotated.watch.own == {"i": annotated.orthanc.last_change()}


def test_what_orthanc_transcodes_as_it_stores_it_loses_nothing(annotated):
    orthanc = annotated.orthanc
    orthanc.set_metadata("instances", "i", "Ours", "kept")

    def transcode():
        orthanc.files["i"] += b" transcoded"

    orthanc.after_store = transcode
    annotated.follow()
    assert orthanc.metadata("instances", "i", "Ours") == "kept"
    assert tags(annotated)["state"] == "written"
    assert annotated.claim(Kind.ANNOTATE) is None


def test_what_is_noted_while_a_gap_in_the_change_log_is_looked_into_stays(annotated, monkeypatch):
    """That takes up to two seconds; what had been there before was written over it."""
    orthanc = annotated.orthanc
    orthanc.set_metadata("series", "series", "Ours", "before")

    def look(*_):
        orthanc.set_metadata("series", "series", "Ours", "meanwhile")

    orthanc.before_store = orthanc.skip_a_number
    monkeypatch.setattr(annotated.watch, "kept", look)
    annotated.follow()
    assert tags(annotated)["state"] == "written"
    assert orthanc.metadata("series", "series", "Ours") == "meanwhile"


@pytest.mark.parametrize("removed", [False, True])
def test_a_file_that_came_in_before_its_rewrite_keeps_what_its_sender_wrote(annotated, removed):
    """It was taken for one whose annotation was removed."""
    if removed:
        annotated.reviewer.remove("i", by="ann")
    annotated.orthanc.arrive("i", b"file corrected to foot")
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to foot"
    assert annotated.claim(Kind.ANNOTATE).resource == "i"


def test_what_is_deleted_meanwhile_does_not_come_back(annotated):
    annotated.decoders.while_asked = lambda: annotated.orthanc.delete_instance("i")
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    assert annotated.orthanc.files == {}
    assert annotated.backups.left_over() == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (StorageFullError("storage full"), "storage full"),
        (Stored("i", "FilteredOut"), "Orthanc answers FilteredOut"),
        (Stored("other", "Success"), "Orthanc stores it under another id"),
    ],
)
def test_what_orthanc_does_not_take_is_refused_and_told(annotated, answer, why):
    annotated.orthanc.answer = answer
    annotated.follow()
    assert tags(annotated) == {
        "state": "refused",
        "changed": [],
        "refused": why,
        "mixed_series": False,
    }
    assert annotated.orthanc.annotation("i")["examined"]["label"] == "hand"
    assert annotated.orthanc.files["i"] == b"file"
    assert annotated.backups.left_over() == []


def test_a_file_for_which_there_was_no_room_follows_once_there_is(annotated):
    """The pages say so; it stayed as it was, for good."""
    annotated.orthanc.answer = StorageFullError("storage full")
    for _ in range(2):
        task = annotated.claim_due(Kind.REWRITE)
        annotated.in_place.rewrite(task)
        annotated.tasks.finish(task)
        assert tags(annotated)["state"] == "refused"
        assert annotated.claim(Kind.REWRITE) is None
        # Who waits is told at once, not when its patience is at an end.
        began = time.monotonic()
        assert annotated.in_place.outcome("i", 10.0) == "storage full"
        assert time.monotonic() - began < 5
    annotated.orthanc.answer = None
    annotated.in_place.rewrite(annotated.claim_due(Kind.REWRITE))
    assert tags(annotated)["state"] == "written"


def test_a_rewrite_for_which_there_is_not_even_room_to_announce_it_follows_too(
    annotated, monkeypatch
):
    """It was given up after a quarter of an hour."""
    with monkeypatch.context() as full:
        full.setattr(annotated.watch, "watching", no_room)
        annotated.follow()
    assert tags(annotated)["refused"] == "storage full"
    assert annotated.backups.left_over() == []
    annotated.in_place.rewrite(annotated.claim_due(Kind.REWRITE))
    assert tags(annotated)["state"] == "written"


def no_room(*_):
    raise StorageFullError("no room to announce a rewrite")


def test_a_file_of_the_old_stock_for_which_there_was_no_room_stays_behind_all_others(annotated):
    annotated.orthanc.answer = StorageFullError("storage full")
    task = replace(annotated.claim(Kind.REWRITE), priority=Priority.BACKFILL)
    annotated.tasks.finish(task)
    annotated.in_place.rewrite(task)
    assert annotated.tasks.count(Kind.REWRITE, Priority.BACKFILL) == 1


@pytest.mark.parametrize("level", ["instances", "studies"])
def test_a_copy_is_not_rewritten(annotated, level):
    annotated.orthanc.links[level] = ("AnonymizedFrom", "gone")
    annotated.follow()
    assert "AnonymizedFrom" in tags(annotated)["refused"]
    assert annotated.orthanc.files["i"] == b"file"


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_modified_is_a_copy_only_while_there_is_the_original(annotated, kept):
    """A picture moved to the right patient kept the wrong part, whatever was said of it."""
    if kept:
        annotated.orthanc.arrive("o", b"original")
    annotated.orthanc.links["instances"] = ("ModifiedFrom", "o")
    annotated.follow()
    assert ("ModifiedFrom" in (tags(annotated)["refused"] or "")) == kept
    assert (annotated.orthanc.files["i"] == b"file") == kept


def test_what_is_sent_to_a_copied_study_is_rewritten(annotated):
    """The study keeps its link, as it has another picture."""
    annotated.orthanc.arrive("o", b"copy")
    annotated.orthanc.links["studies"] = ("AnonymizedFrom", "gone")
    annotated.follow()
    assert tags(annotated)["state"] == "written"


def test_a_correction_said_during_a_rewrite_is_written_after_it(annotated):
    task = annotated.claim(Kind.REWRITE)
    review = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot")
    annotated.reviewer.review("i", review)
    annotated.in_place.rewrite(task)
    annotated.tasks.finish(task)
    assert annotated.tasks.stands(Kind.REWRITE, "i")
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to foot"


def test_a_file_that_was_read_before_another_one_came_is_not_used(annotated):
    version = annotated.orthanc.stored_file("i").version
    annotated.orthanc.arrive("i", b"another picture")
    annotated.annotator.annotate("i", Mode.AGAIN)
    read = Content(version, b"file")
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE), read)
    assert annotated.orthanc.files["i"] == b"another picture corrected to hand"


@pytest.mark.parametrize("removed", [False, True])
def test_who_rewrites_later_reads_the_file_where_orthanc_keeps_it(annotated, monkeypatch, removed):
    """It was asked for by REST, at four times the cost to Orthanc."""
    if removed:
        annotated.follow()
        annotated.reviewer.remove("i", by="ann")
    on_disk = SimpleNamespace(data=annotated.orthanc.files["i"])
    monkeypatch.setattr(annotated.orthanc, "content", lambda *_, **__: on_disk)
    monkeypatch.setattr(annotated.orthanc, "dicom", None)
    annotated.follow()
    assert annotated.orthanc.files["i"] == (b"file" if removed else b"file corrected to hand")


def test_files_of_the_old_stock_are_read_past_orthanc_s_cache(house):
    for priority, past_the_cache in ((Priority.ARRIVAL, []), (Priority.BACKFILL, ["i"])):
        house.orthanc.arrive("i", b"file")
        house.annotator.annotate("i", Mode.AGAIN)
        task = replace(house.claim(Kind.REWRITE), priority=priority)
        house.in_place.rewrite(task)
        house.tasks.finish(task)
        assert house.orthanc.read_past_the_cache == past_the_cache


def test_a_stop_begins_no_overwrite(annotated):
    task = annotated.claim(Kind.REWRITE)
    annotated.stopping.set()
    with pytest.raises(EngineDownError):
        annotated.in_place.rewrite(task)
    assert annotated.orthanc.files["i"] == b"file"
    assert annotated.watch.watched == []
    annotated.stopping.clear()
    annotated.in_place.rewrite(task)
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    assert annotated.backups.left_over() == []


def test_why_an_answer_may_not_be_written_is_told_though_the_one_before_it_is_taken_out(
    annotated, monkeypatch
):
    """The file says left, the machine had written left; a person says right."""
    annotated.follow()
    data = annotated.orthanc.files["i"]
    original = data.partition(b" corrected to ")[0]
    assert data != original
    why = "ImageLaterality L contradicts the side R, and is never overwritten"
    answer = {"refused": why, "changed": ["X"], "standing": []}
    monkeypatch.setattr(annotated.decoders, "ask", lambda *_, **__: (answer, original))
    annotated.ask(Kind.REWRITE, "i")
    annotated.follow()
    assert annotated.orthanc.files["i"] == original
    tags = annotated.orthanc.annotation("i")["tags"]
    assert (tags["state"], tags["refused"]) == ("refused", why)
