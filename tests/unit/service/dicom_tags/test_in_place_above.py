"""What stands above a file that is overwritten: roll-ups, and the main tags of its series."""

import threading

import pytest

from bodypart.annotation import Review
from service.queue.tasks import Kind
from unit.service.dicom_tags.rewritten import (
    killed,
    rewrite_without_answer,
    write_roll_ups,
)
from unit.service.house import PARENTS


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


def test_the_series_of_one_file_is_not_looked_at_again_but_that_of_several_is(annotated):
    """The overwrite made it anew; two requests and a task a picture went into finding that out."""
    annotated.follow()
    assert not annotated.tasks.stands(Kind.RECONSTRUCT, "series")
    annotated.orthanc.arrive("j", b"file")
    review = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot")
    annotated.reviewer.review("i", review)
    annotated.follow()
    assert annotated.tasks.stands(Kind.RECONSTRUCT, "series")


def test_a_file_is_rewritten_where_orthanc_has_no_routes_for_patients(annotated):
    """It stayed pending for ever, as if it were gone."""
    annotated.orthanc.has_patients = False
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    assert annotated.orthanc.annotation("i")["tags"]["state"] == "written"


@pytest.mark.parametrize("siblings", [0, 1])
@pytest.mark.parametrize("cut_short", [False, True])
def test_dicomweb_s_plugin_reads_a_rewritten_series_anew(annotated, siblings, cut_short):
    """It told the old headers until the series was stable: for ever if Orthanc ended first."""
    orthanc = annotated.orthanc
    for _ in range(siblings):
        orthanc.arrive("j", b"file")
    orthanc.set_attachment("series", "series", "4301", b"2;digest of the ids;headers")
    if cut_short:
        annotated.in_place.rewrite(rewrite_without_answer(annotated))
    else:
        annotated.follow()
    left = orthanc.attachments.get(("series", "series"), {})
    assert left == ({"4301": b"0"} if siblings else {})


@pytest.mark.parametrize(("noted", "anew"), [("HAND", ["series"]), ("FOOT", [])])
def test_of_a_series_that_lost_its_other_files_the_main_tags_follow(
    annotated, monkeypatch, noted, anew
):
    """It was taken for one that the overwrite had made anew."""
    done, orthanc = [], annotated.orthanc
    monkeypatch.setattr(orthanc, "series_part", lambda _: noted, raising=False)
    monkeypatch.setattr(orthanc, "instance_part", lambda _: "FOOT", raising=False)
    monkeypatch.setattr(orthanc, "reconstruct", done.append, raising=False)
    annotated.ask(Kind.RECONSTRUCT, "series", level="series")
    annotated.main_tags.follow(annotated.claim(Kind.RECONSTRUCT))
    assert done == anew


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
    thread = threading.Thread(target=annotated.main_tags.follow, args=(task,))
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
    killed(annotated)
    annotated.watch.file = b"another picture"
    beside = threading.Thread(target=annotated.in_place.mend, args=("i",))
    with annotated.overwriting.alone:
        beside.start()
        beside.join(0.1)
        assert orthanc.files["i"] == b"file corrected to hand"
    beside.join()
    assert orthanc.files["i"] == b"another picture"
