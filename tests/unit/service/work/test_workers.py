"""What becomes of a task that cannot be done."""

import itertools
import time

import pytest
import sqlalchemy as sa

from bodypart.annotation import Review
from service.databases.tables import tasks
from service.decoders.pool import RefusedError, WorkerDiedError
from service.errors import ArchiveError, LostFileError, RecordError
from service.queue.tasks import Kind, Mode, Priority
from service.work.workers import Workers

TRIED_LONG = 15
"""Tries after which the pauses have reached their longest."""


def pause_of(house, kind):
    """Return the seconds until a task that waits is due."""
    due = house.database.value(sa.select(tasks.c.due).where(tasks.c.kind == kind))
    return due - time.time()


@pytest.fixture
def workers(house):
    """Give the threads' work, done by the test's own thread."""
    return Workers(
        house.settings,
        house.tasks,
        house.decoders,
        house.annotator,
        house.reviewer,
        house.annotations,
        house.roll_ups,
        None,
        damaged=house.lines.append,
        in_place=house.in_place,
        reports=None,
        log=house.lines.append,
    )


@pytest.mark.parametrize("kind", [Kind.ANNOTATE, Kind.LOOK, Kind.APPLY])
def test_of_what_is_gone_nothing_is_left_to_do(house, workers, kind):
    house.ask(kind, "i")
    house.orthanc.delete_instance("i")
    workers._annotate(house.claim(kind))
    assert not house.tasks.stands(kind, "i")


@pytest.mark.parametrize("lost", ["removal_is_of", "answer"])
def test_a_removal_is_not_undone_before_the_end_of_its_rewrite(house, workers, monkeypatch, lost):
    """On a full disk the original returned, was taken for another file, and annotated."""
    house.annotator.annotate("i", Mode.NEW)
    house.follow()
    house.reviewer.remove("i", by="ann")
    with monkeypatch.context() as full:
        if lost == "answer":
            full.setattr(house.orthanc, "after_store", _raiser(ArchiveError("Timeout")))
        else:
            full.setattr(house.trail, lost, _raiser(RecordError("the disk is full")))
        with pytest.raises((ArchiveError, RecordError)):
            house.in_place.rewrite(house.claim(Kind.REWRITE))
    house.ask(Kind.ANNOTATE, "i", sequences={"i": house.orthanc.last_change()})
    workers._annotate(house.claim(Kind.ANNOTATE))
    assert house.orthanc.files["i"] == b"file"
    assert house.orthanc.annotation("i") is None
    assert house.annotator.was_removed("i")


def test_the_overwrite_backup_of_an_instance_that_is_gone_is_dropped(house, workers, monkeypatch):
    """It was until the next start, and a delivery waited for the instance to return."""
    house.annotator.annotate("i", Mode.NEW)
    with monkeypatch.context() as slow:
        slow.setattr(house.orthanc, "after_store", _raiser(ArchiveError("Timeout")))
        with pytest.raises(ArchiveError):
            house.in_place.rewrite(house.claim(Kind.REWRITE))
    assert house.in_place.is_away("i")
    house.ask(Kind.ANNOTATE, "i")
    _gone(house)
    workers._annotate(house.claim(Kind.ANNOTATE))
    assert not house.in_place.is_away("i")


def _gone(house):
    house.orthanc.delete_instance("i")


def _refused(house):
    house.decoders.while_asked = _raiser(RefusedError("TaskError", "no pixel data"))


def _killed(house):
    house.decoders.while_asked = _raiser(WorkerDiedError("the decoder died"))


def _lost(house):
    house.orthanc.dicom = _raiser(LostFileError("no file"))


def _raiser(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("happens", [lambda _: None, _gone, _lost, _refused, _killed])
def test_what_has_no_picture_is_not_asked_for_again(house, workers, happens):
    """A header alone, a picture that is gone or kills: it was fetched every five seconds."""
    house.ask(Kind.LOOK, "i")
    happens(house)
    while house.tasks.stands(Kind.LOOK, "i"):
        workers._annotate(house.claim_due(Kind.LOOK))
    assert house.learning.empty == ["i"]


def test_the_claim_of_what_is_deleted_as_it_is_given_up_is_let_go(house, workers):
    """It was renewed for as long as the service lived."""

    def fails_and_goes():
        _gone(house)
        raise RefusedError("TaskError", "no pixel data")

    house.decoders.while_asked = fails_and_goes
    with house.database.write() as connection:
        house.tasks.ask(connection, Kind.ANNOTATE, ["i"])
        connection.execute(sa.update(tasks).values(attempts=house.settings.retries))
    workers._annotate(house.claim(Kind.ANNOTATE))
    house.orthanc.arrive("i", b"file")
    house.ask(Kind.ANNOTATE, "i")
    with house.database.write() as connection:
        connection.execute(sa.update(tasks).values(claimed_by="node", claimed_until=1.0))
    house.tasks.claims.renew()
    assert house.claim(Kind.ANNOTATE).resource == "i"


def test_what_cannot_be_looked_at_because_orthanc_is_away_waits_for_it(house, workers):
    house.ask(Kind.LOOK, "i")
    house.orthanc.down = True
    for _ in range(TRIED_LONG):
        workers._annotate(house.claim_due(Kind.LOOK))
    assert pause_of(house, Kind.LOOK) == pytest.approx(300, abs=5)
    assert house.learning.empty == []
    house.orthanc.down = False
    workers._annotate(house.claim_due(Kind.LOOK))
    assert not house.tasks.stands(Kind.LOOK, "i")


def test_what_cannot_be_looked_at_for_what_nobody_foresaw_is_not_asked_for_again(
    house, workers, monkeypatch
):
    """Its task was ended and asked for again every few seconds, for ever."""
    monkeypatch.setattr(house.annotator, "read", _unforeseen)
    house.ask(Kind.LOOK, "i")
    while house.tasks.stands(Kind.LOOK, "i"):
        workers._annotate(house.claim_due(Kind.LOOK))
    assert house.learning.empty == ["i"]


def test_a_word_is_not_given_up_however_long_the_metadata_cannot_be_written(house, workers):
    def fail(*_):
        raise ArchiveError("the disk is full")

    house.annotator.annotate("i", Mode.NEW)
    put, house.orthanc.set_metadata = house.orthanc.set_metadata, fail
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", examined="foot"))
    for _ in range(house.settings.retries + 3):
        workers._annotate(house.claim_due(Kind.APPLY))
    house.orthanc.set_metadata = put
    workers._annotate(house.claim_due(Kind.APPLY))
    assert house.orthanc.annotation("i")["examined"]["label"] == "foot"
    assert not house.tasks.stands(Kind.APPLY, "i")
    assert house.trail.open(10) == []


def test_an_error_that_nobody_foresaw_is_tried_as_often_as_others(house, workers, monkeypatch):
    """It was tried every five seconds, for ever."""
    monkeypatch.setattr(house.annotator, "read", _unforeseen)
    house.ask(Kind.ANNOTATE, "i")
    for _ in range(house.settings.retries + 1):
        workers._annotate(house.claim_due(Kind.ANNOTATE))
    assert house.orthanc.annotation("i")["status"] == "failed"
    assert not house.tasks.stands(Kind.ANNOTATE, "i")
    assert not any("name" in line for line in house.lines)


def test_a_file_that_cannot_follow_for_what_nobody_foresaw_is_given_up(house, workers, monkeypatch):
    house.annotator.annotate("i", Mode.NEW)
    monkeypatch.setattr(house.in_place, "rewrite", _unforeseen)
    while house.tasks.stands(Kind.REWRITE, "i"):
        workers._follow_up(house.claim_due(Kind.REWRITE))
    tags = house.orthanc.annotation("i")["tags"]
    assert (tags["state"], tags["refused"]) == ("refused", "it could not be done: ValueError")
    assert not any("name" in line for line in house.lines)


def test_what_follows_a_record_waits_for_an_orthanc_that_is_away(house, workers, monkeypatch):
    """Series, study and patient kept what stood there before, until something changed below."""
    house.annotator.annotate("i", Mode.NEW)
    with monkeypatch.context() as away:
        away.setattr(house.orthanc, "set_metadata", _raiser(ArchiveError("PUT: status 500")))
        for _ in range(TRIED_LONG):
            workers._roll_up([house.claim_due(Kind.ROLL_UP) for _ in range(3)])
    assert pause_of(house, Kind.ROLL_UP) == pytest.approx(300, abs=5)
    workers._roll_up([house.claim_due(Kind.ROLL_UP) for _ in range(3)])
    assert house.claim_due(Kind.ROLL_UP) is None
    assert house.orthanc.annotation("patient", "patients")["examined"]["label"] == "hand"


def test_a_file_that_orthanc_does_not_take_is_given_up_after_a_while(house, workers):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.answer = ArchiveError("POST /instances: status 500")
    waited = 0.0
    while house.tasks.stands(Kind.REWRITE, "i"):
        workers._follow_up(house.claim_due(Kind.REWRITE))
        waited += pause_of(house, Kind.REWRITE) if house.tasks.stands(Kind.REWRITE, "i") else 0.0
    assert 600 < waited < 1800
    tags = house.orthanc.annotation("i")["tags"]
    assert (tags["state"], tags["refused"]) == ("refused", "it could not be done: ArchiveError")


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_what_an_overwrite_wiped_is_given_back_however_long_that_fails(
    house, workers, monkeypatch, error
):
    """After a few tries it stayed away until the service was started again."""
    house.annotator.annotate("i", Mode.NEW)
    with monkeypatch.context() as wrong:
        wrong.setattr(house.backups, "give_back", _raiser(error))
        for _ in range(TRIED_LONG):
            workers._follow_up(house.claim_due(Kind.REWRITE))
        assert house.orthanc.annotation("i") is None
    workers._follow_up(house.claim_due(Kind.REWRITE))
    assert house.orthanc.annotation("i")["tags"]["state"] == "written"
    assert not house.in_place.is_away("i")


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_what_cannot_even_be_given_up_waits_behind_what_arrives(house, workers, monkeypatch, error):
    """Orthanc fails for this one for ever, say: it was tried every five seconds."""
    house.ask(Kind.ANNOTATE, "i")
    with monkeypatch.context() as wrong:
        wrong.setattr(house.orthanc, "glance", _raiser(error))
        wrong.setattr(house.orthanc, "stored_file", _raiser(error))
        for _ in range(TRIED_LONG):
            workers._annotate(house.claim_due(Kind.ANNOTATE))
    assert pause_of(house, Kind.ANNOTATE) == pytest.approx(300, abs=5)
    assert house.tasks.standing_task(Kind.ANNOTATE, "i").priority == Priority.STUCK
    assert not any("name" in line for line in house.lines)
    workers._annotate(house.claim_due(Kind.ANNOTATE))
    assert house.orthanc.annotation("i")["status"] == "done"


def test_stuck_instances_wait_behind_the_old_stock_and_are_routed_as_new_ones(
    house, workers, monkeypatch
):
    """Ten thousand for which Orthanc refuses an annotation starved the back-fill."""
    house.ask(Kind.ANNOTATE, "i")
    house.tasks.retry(house.claim(Kind.ANNOTATE), 0.0, priority=Priority.STUCK)
    house.orthanc.arrive("old", b"file")
    house.ask(Kind.ANNOTATE, "old", mode=Mode.ASKED, priority=Priority.BACKFILL)
    first, second = house.claim(Kind.ANNOTATE), house.claim(Kind.ANNOTATE)
    assert (first.resource, second.resource) == ("old", "i")
    routed = []
    monkeypatch.setattr(
        house.annotations, "_route", lambda *_, if_known=False: routed.append(if_known)
    )
    workers._annotate(first)
    workers._annotate(second)
    assert routed == [True, False]


def test_a_picture_that_kills_decoders_and_cannot_be_noted_kills_no_more(
    house, workers, monkeypatch
):
    kills = []

    def dies(*_, **__):
        kills.append(1)
        raise WorkerDiedError("the decoder died")

    monkeypatch.setattr(house.annotator, "annotate", dies)
    house.ask(Kind.ANNOTATE, "i")
    with monkeypatch.context() as wrong:
        wrong.setattr(house.orthanc, "stored_file", _raiser(ArchiveError("status 500")))
        for _ in range(5):
            workers._annotate(house.claim_due(Kind.ANNOTATE))
    assert len(kills) == 2
    workers._annotate(house.claim_due(Kind.ANNOTATE))
    assert len(kills) == 2
    assert house.orthanc.annotation("i")["reason"] == "quarantined: decoders died on it, 2 times"
    house.ask(Kind.ANNOTATE, "i", mode=Mode.AGAIN, priority=Priority.PERSON)
    workers._annotate(house.claim(Kind.ANNOTATE))
    assert len(kills) == 3


def test_the_log_names_the_damaged_event_that_an_arrival_waits_for(house, workers):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    with house.durable.write() as connection:
        connection.exec_driver_sql("UPDATE events SET review = '{'")
    house.orthanc.arrive("i", b"as a modality sends it again")
    house.ask(Kind.ANNOTATE, "i", mode=Mode.NEW)
    for _ in range(house.settings.retries + 1):
        workers._annotate(house.claim_due(Kind.ANNOTATE))
    assert "event 1 of the audit trail is damaged" in house.lines[-1]
    assert house.tasks.stands(Kind.ANNOTATE, "i")


def test_the_log_names_the_line_at_which_a_roll_up_failed(house, workers, monkeypatch):
    house.annotator.annotate("i", Mode.NEW)
    monkeypatch.setattr(house.annotations, "put_roll_up", _unforeseen)
    workers._roll_up([house.claim_due(Kind.ROLL_UP)])
    assert "failed unexpectedly: ValueError in test_workers.py" in house.lines[-1]
    assert "name" not in house.lines[-1]


def _unforeseen(*_, **__):
    raise ValueError("a patient's name")


def test_a_roll_up_that_took_long_rests_before_it_is_written_again(house, workers, monkeypatch):
    took = itertools.count(0, 0.5)
    monkeypatch.setattr("service.records.rollups.time.thread_time", lambda: next(took))
    house.annotator.annotate("i", Mode.NEW)
    for _ in range(3):
        workers._roll_up([house.claim_due(Kind.ROLL_UP)])
    assert house.orthanc.annotation("patient", "patients")
    house.orthanc.delete_metadata("patients", "patient", "BodyPart")
    house.ask(Kind.ROLL_UP, "patient", level="patients")
    workers._roll_up([house.claim_due(Kind.ROLL_UP)])
    assert house.orthanc.annotation("patient", "patients") is None
    waiting = house.database.value(sa.select(tasks.c.due).where(tasks.c.resource == "patient"))
    assert waiting - time.time() == pytest.approx(4.5, abs=0.5)


def test_the_file_is_read_once_for_answer_and_rewrite(house, workers, monkeypatch):
    read, dicom = [], house.orthanc.dicom
    monkeypatch.setattr(house.orthanc, "dicom", lambda i, **_: read.append(i) or dicom(i))
    house.ask(Kind.ANNOTATE, "i")
    workers._annotate_and_rewrite([house.claim(Kind.ANNOTATE)])
    assert house.orthanc.files["i"] == b"file corrected to hand"
    assert not house.tasks.stands(Kind.REWRITE, "i")
    assert read == ["i"]


def test_a_rewrite_is_left_for_later_while_two_others_rewrite(house, workers):
    house.ask(Kind.ANNOTATE, "i")
    with house.in_place.turn() as first, house.in_place.turn() as second:
        workers._annotate_and_rewrite([house.claim(Kind.ANNOTATE)])
    assert first
    assert second
    assert house.orthanc.files["i"] == b"file"
    workers._follow_up(house.claim_due(Kind.REWRITE))
    assert house.orthanc.files["i"] == b"file corrected to hand"


def test_if_a_rewrite_fails_the_rewrite_is_given_back_and_not_the_annotating(
    house, workers, monkeypatch
):
    """Neither it nor the note of that could be written."""
    monkeypatch.setattr(house.in_place, "rewrite", _unforeseen)
    monkeypatch.setattr(house.tasks, "retry", lambda *_: 1 / 0)
    house.ask(Kind.ANNOTATE, "i")
    claimed = [house.claim(Kind.ANNOTATE)]
    with pytest.raises(ZeroDivisionError):
        workers._annotate_and_rewrite(claimed)
    assert [task.kind for task in claimed] == [Kind.REWRITE]
    assert not house.tasks.stands(Kind.ANNOTATE, "i")
