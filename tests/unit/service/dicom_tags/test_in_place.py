"""The file follows its record; nothing that an overwrite wipes is lost; the newer file wins."""

import threading
import time

import pytest

from bodypart.annotation import Review
from service.decoders.pool import EngineDownError
from service.errors import ArchiveError, StorageFullError
from service.orthanc_api.resources import ReadFile, Stored
from service.queue.tasks import Kind, Mode
from service.work.recovery import ask_again
from unit.service.house import PARENTS, House


@pytest.fixture
def annotated(house):
    house.annotator.annotate("i", Mode.NEW)
    return house


def tags(house):
    return house.orthanc.annotation("i")["tags"]


def write_roll_ups(house):
    while task := house.claim_due(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)


def rewrite_without_answer(house):
    """Rewrite a file, but for the answer of Orthanc, which is lost; return the task."""

    def lose():
        house.orthanc.after_store = lambda: None
        raise ArchiveError("POST /instances: Timeout")

    house.orthanc.after_store = lose
    task = house.claim(Kind.REWRITE)
    with pytest.raises(ArchiveError):
        house.in_place.rewrite(task)
    return task


def test_the_file_follows_and_the_annotation_tells(annotated):
    assert tags(annotated)["state"] == "pending"
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    assert tags(annotated)["state"] == "written"
    assert tags(annotated)["changed"] == ["BodyPartExamined"]
    assert annotated.backups.left_over() == []


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


def _after_a_kill(annotated, tmp_path):
    """Return the house after a kill between the store of a rewrite and what follows it."""
    orthanc = annotated.orthanc
    orthanc.set_metadata("instances", "i", "Ours", "kept")
    orthanc.after_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    orthanc.after_store = lambda: None
    return House(tmp_path, orthanc)


def test_a_start_finishes_what_a_kill_interrupted(annotated, tmp_path):
    orthanc = annotated.orthanc
    after = _after_a_kill(annotated, tmp_path)
    assert after.in_place.recover() == ["i"]
    assert orthanc.metadata("instances", "i", "Ours") == "kept"
    assert after.backups.left_over() == []


@pytest.mark.parametrize("moment", ["before the look", "after the look", "after the store"])
def test_another_file_that_comes_in_meanwhile_stands(annotated, moment):
    orthanc, theirs = annotated.orthanc, b"another picture"

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


@pytest.mark.parametrize("removed", [False, True])
def test_a_file_that_came_in_before_its_rewrite_keeps_what_its_sender_wrote(annotated, removed):
    """It was taken for one whose annotation was removed."""
    if removed:
        annotated.reviewer.remove("i", by="ann")
    annotated.orthanc.arrive("i", b"file corrected to foot")
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to foot"
    assert annotated.claim(Kind.ANNOTATE).resource == "i"


def test_what_cannot_be_given_back_does_not_keep_the_service_from_its_start(annotated, tmp_path):
    """Orthanc refuses, say, a name that the operator took from UserMetadata since."""
    orthanc = annotated.orthanc
    after = _after_a_kill(annotated, tmp_path)
    set_metadata = orthanc.set_metadata

    def refuse(level, resource, name, value):
        if name == "Ours":
            raise ArchiveError("status 400")
        set_metadata(level, resource, name, value)

    orthanc.set_metadata = refuse
    assert after.in_place.recover() == ["i"]
    orthanc.set_metadata = set_metadata
    after.tasks.claims.release()
    after.ask(Kind.REWRITE, "i")
    after.follow()
    assert orthanc.metadata("instances", "i", "Ours") == "kept"
    assert tags(after)["state"] == "written"


def test_what_waits_when_in_place_is_turned_off_waits_no_more(annotated, tmp_path):
    """Scripts and deliveries wait for the file as long as it is pending."""
    assert tags(annotated)["state"] == "pending"
    after = House(tmp_path, annotated.orthanc, tags="none")
    ask_again(after.tasks, after.trail, after.index, after.in_place)
    after.follow()
    assert tags(after)["state"] == "none"
    assert after.orthanc.files["i"] == b"file"
    assert after.index.with_pending_tags(1) == []


@pytest.mark.parametrize("mode", ["in-place", "none"])
def test_a_file_that_came_in_before_the_annotated_one_is_left_as_it_is_is_read(
    annotated, tmp_path, mode
):
    """Its annotation was noted as the new file's, which nobody read then."""
    before = annotated.orthanc.metadata_["instances", "i"]
    annotated.orthanc.arrive("i", b"another")
    annotated.orthanc.metadata_["instances", "i"] = before
    after = House(tmp_path, annotated.orthanc, tags=mode)
    task = after.claim_due(Kind.REWRITE)
    if mode == "none":
        after.in_place.rewrite(task)
    else:
        after.in_place.give_up(task, "it could not be done")
    assert tags(after)["state"] != "pending"
    after.decoders.label = "foot"
    after.annotator.annotate("i", Mode.NEW)
    assert after.orthanc.annotation("i")["examined"]["label"] == "foot"


def test_what_was_written_before_in_place_is_turned_off_stays(annotated, tmp_path):
    annotated.follow()
    after = House(tmp_path, annotated.orthanc, tags="none")
    after.ask(Kind.REWRITE, "i")
    after.follow()
    assert tags(after)["state"] == "written"


def _killed_after_the_store(annotated):
    annotated.orthanc.after_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    annotated.orthanc.after_store = lambda: None


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_no_start_hangs_on_what_cannot_be_finished(annotated, monkeypatch, error):
    _killed_after_the_store(annotated)
    with monkeypatch.context() as wrong:
        wrong.setattr(annotated.overwriting, "mend", lambda *_: (_ for _ in ()).throw(error))
        assert annotated.in_place.recover() == ["i"]
    assert annotated.in_place.is_away("i")


def test_a_foreign_file_that_orthanc_does_not_take_back_is_kept(annotated):
    """It was dropped after one try, whatever Orthanc said of it."""
    _killed_after_the_store(annotated)
    annotated.watch.file = b"theirs"
    annotated.orthanc.answer = Stored("i", "FilteredOut")
    with pytest.raises(ArchiveError, match="FilteredOut"):
        annotated.in_place.mend("i")
    annotated.orthanc.answer = None
    annotated.in_place.mend("i")
    assert annotated.orthanc.files["i"] == b"theirs"


def test_a_backup_is_not_given_to_another_picture(annotated):
    orthanc = annotated.orthanc
    orthanc.set_metadata("instances", "i", "Ours", "of the first")
    orthanc.after_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    orthanc.after_store = lambda: None
    orthanc.arrive("i", b"another picture")
    annotated.in_place.recover()
    assert orthanc.metadata("instances", "i", "Ours") is None
    assert annotated.backups.left_over() == []


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


@pytest.mark.parametrize("level", ["instances", "studies"])
def test_a_copy_is_not_rewritten(annotated, level):
    annotated.orthanc.links[level] = "AnonymizedFrom"
    annotated.follow()
    assert "AnonymizedFrom" in tags(annotated)["refused"]
    assert annotated.orthanc.files["i"] == b"file"


def test_a_removal_gives_the_original_back_and_is_not_undone_by_it(annotated):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file"
    annotated.ask(Kind.ANNOTATE, "i", sequences={"i": annotated.orthanc.last_change()})
    annotated.annotator.annotate("i", Mode.NEW, task=annotated.claim(Kind.ANNOTATE))
    assert annotated.orthanc.annotation("i") is None


def test_a_removal_is_not_undone_by_a_kill_as_the_original_returns(annotated, tmp_path):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    annotated.orthanc.after_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.follow()
    annotated.orthanc.after_store = lambda: None
    after = House(tmp_path, annotated.orthanc)
    assert after.in_place.recover() == ["i"]
    assert after.annotator.was_removed("i")


def test_a_removal_is_not_undone_by_a_kill_once_the_original_returned(
    annotated, tmp_path, monkeypatch
):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    drop = annotated.backups.drop

    def drop_and_die(instance):
        drop(instance)
        _die()

    monkeypatch.setattr(annotated.backups, "drop", drop_and_die)
    with pytest.raises(KeyboardInterrupt):
        annotated.follow()
    after = House(tmp_path, annotated.orthanc)
    assert after.in_place.recover() == []
    assert annotated.orthanc.files["i"] == b"file"
    assert after.annotator.was_removed("i")


def removed_in_the_trail_alone(house, monkeypatch):
    """Have a removal said that cannot be carried out yet."""

    def fail(*_):
        raise ArchiveError("DELETE: Timeout")

    with monkeypatch.context() as failing:
        failing.setattr(house.annotations, "erase", fail)
        house.reviewer.remove("i", by="ann")


def test_a_removal_that_waits_is_not_lost_by_a_rewrite(annotated, monkeypatch):
    removed_in_the_trail_alone(annotated, monkeypatch)
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    annotated.reviewer.apply_word(annotated.claim_due(Kind.APPLY))
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file"
    assert annotated.orthanc.annotation("i") is None
    assert annotated.annotator.was_removed("i")


def test_a_removal_that_waits_is_not_lost_by_a_rewrite_that_was_killed(
    annotated, tmp_path, monkeypatch
):
    removed_in_the_trail_alone(annotated, monkeypatch)
    annotated.orthanc.after_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.follow()
    annotated.orthanc.after_store = lambda: None
    after = House(tmp_path, annotated.orthanc)
    after.in_place.recover()
    after.reviewer.apply_word(after.claim_due(Kind.APPLY))
    assert annotated.orthanc.annotation("i") is None
    assert after.annotator.was_removed("i")


@pytest.mark.parametrize("moment", ["after the store", "after the end"])
def test_main_tags_are_read_anew_after_a_kill(annotated, tmp_path, monkeypatch, moment):
    if moment == "after the store":
        annotated.orthanc.after_store = _die
    else:
        drop = annotated.backups.drop

        def drop_and_die(instance):
            drop(instance)
            _die()

        monkeypatch.setattr(annotated.backups, "drop", drop_and_die)
    with pytest.raises(KeyboardInterrupt):
        annotated.follow()
    annotated.orthanc.after_store = lambda: None
    after = House(tmp_path, annotated.orthanc)
    after.in_place.recover()
    assert after.tasks.stands(Kind.RECONSTRUCT, "series")


def test_a_removal_does_not_reach_the_same_file_that_a_modality_sends_after_a_kill(
    annotated, tmp_path
):
    """Its bytes are those that were about to return, and it was taken for them."""
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    annotated.orthanc.before_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.follow()
    annotated.orthanc.before_store = lambda: None
    annotated.orthanc.arrive("i", b"file")
    annotated.orthanc.senders["i"] = ("CR_1", "10.0.0.5")
    after = House(tmp_path, annotated.orthanc)
    after.in_place.recover()
    assert not after.annotator.was_removed("i")
    assert after.claim(Kind.ANNOTATE).resource == "i"


def test_a_removal_does_not_reach_what_is_sent_again_as_the_original_returned(
    annotated, monkeypatch
):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    drop = annotated.backups.drop

    def sent_again(instance):
        drop(instance)
        annotated.orthanc.arrive("i", b"another picture")

    monkeypatch.setattr(annotated.backups, "drop", sent_again)
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    assert not annotated.annotator.was_removed("i")


def test_no_roll_up_is_written_amid_an_overwrite(annotated):
    """Its entry would vanish from the change log, as that of another file that was replaced."""
    started, written = threading.Event(), []
    annotated.follow()
    write_roll_ups(annotated)
    annotated.reviewer.remove("i", by="ann")
    roll_up = annotated.claim_due(Kind.ROLL_UP)

    def write():
        started.set()
        annotated.roll_ups.write([roll_up])
        written.append(roll_up)

    beside = threading.Thread(target=write)

    def begin():
        beside.start()
        started.wait()
        beside.join(0.1)
        assert not written

    annotated.orthanc.before_store = begin
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    beside.join()
    # It was backed up, given back, and only then removed.
    assert annotated.orthanc.metadata(roll_up.level, roll_up.resource, "BodyPart") is None


def test_what_stands_above_an_overwrite_that_was_cut_short_is_made_anew(annotated):
    annotated.follow()
    write_roll_ups(annotated)
    annotated.reviewer.remove("i", by="ann")

    task = rewrite_without_answer(annotated)
    write_roll_ups(annotated)
    annotated.in_place.rewrite(task)
    write_roll_ups(annotated)
    for level, resource in PARENTS.levels():
        assert annotated.orthanc.metadata(level, resource, "BodyPart") is None, level


def test_what_was_written_above_since_an_overwrite_was_cut_short_has_no_older_labels(annotated):
    orthanc = annotated.orthanc
    write_roll_ups(annotated)

    task = rewrite_without_answer(annotated)
    review = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot")
    annotated.reviewer.review("i", review)
    write_roll_ups(annotated)
    annotated.in_place.rewrite(task)
    write_roll_ups(annotated)
    for level, resource in PARENTS.levels():
        assert "bodypart-hand" not in orthanc.labels(level, resource), level


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
    read = ReadFile(version, b"file")
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE), read)
    assert annotated.orthanc.files["i"] == b"another picture corrected to hand"


def test_a_rewrite_writes_no_roll_up_that_stands_already(annotated):
    write_roll_ups(annotated)
    annotated.follow()
    assert annotated.claim_due(Kind.ROLL_UP) is None
    for level, resource in PARENTS.levels():
        assert annotated.orthanc.metadata(level, resource, "BodyPart"), level


def test_a_roll_up_that_waits_for_a_rewrite_is_written_after_it(annotated):
    assert annotated.claim(Kind.ROLL_UP) is None
    annotated.follow()
    assert annotated.claim(Kind.ROLL_UP)


def test_main_tags_are_not_read_anew_while_a_file_is_stored(annotated, monkeypatch):
    """Orthanc would hang for good."""
    orthanc, done = annotated.orthanc, threading.Event()
    for name, answer in (
        ("instances_of", ["i", "j"]),
        ("series_part", "a"),
        ("instance_part", "b"),
    ):
        monkeypatch.setattr(orthanc, name, lambda *_, answer=answer: answer, raising=False)
    monkeypatch.setattr(orthanc, "reconstruct", lambda _: done.set(), raising=False)
    annotated.ask(Kind.RECONSTRUCT, "series", level="series")
    task = annotated.claim(Kind.RECONSTRUCT)
    thread = threading.Thread(target=annotated.in_place.reconstruct, args=(task,))
    seen = []

    def look():
        thread.start()
        seen.append(done.wait(0.1))

    orthanc.before_store = look
    annotated.follow()
    thread.join()
    assert seen == [False]
    assert done.is_set()


def test_no_file_is_put_back_while_main_tags_are_read_anew(annotated):
    orthanc = annotated.orthanc
    orthanc.after_store = _die
    with pytest.raises(KeyboardInterrupt):
        annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    orthanc.after_store = lambda: None
    annotated.watch.file = b"another picture"
    beside = threading.Thread(target=annotated.in_place.mend, args=("i",))
    with annotated.overwriting.alone:
        beside.start()
        beside.join(0.1)
        assert orthanc.files["i"] == b"file corrected to hand"
    beside.join()
    assert orthanc.files["i"] == b"another picture"


def test_a_stop_begins_no_overwrite(annotated):
    task = annotated.claim(Kind.REWRITE)
    annotated.decoders.stopping = True
    with pytest.raises(EngineDownError):
        annotated.in_place.rewrite(task)
    assert annotated.orthanc.files["i"] == b"file"
    assert annotated.watch.watched == []
    annotated.decoders.stopping = False
    annotated.in_place.rewrite(task)
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    assert annotated.backups.left_over() == []


def _die():
    raise KeyboardInterrupt


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
