"""What becomes of an instance that cannot be annotated, or of a word that cannot be applied."""

import pytest
import sqlalchemy as sa

from bodypart.annotation import Review
from service.databases.tables import tasks
from service.decoders.pool import DecoderDiedError, EngineDownError, RefusedError
from service.decoders.process import DecoderKilledError
from service.errors import ArchiveError, LostFileError, RecordError
from service.queue.tasks import Kind, Mode, Priority
from unit.service.work.failing import TRIED_LONG, pause_of, raiser, unforeseen


@pytest.mark.parametrize("kind", [Kind.ANNOTATE, Kind.LOOK, Kind.APPLY])
def test_of_what_is_gone_nothing_is_left_to_do(house, annotating, kind):
    house.ask(kind, "i")
    house.orthanc.delete_instance("i")
    annotating.do([house.claim(kind)])
    assert not house.tasks.stands(kind, "i")


@pytest.mark.parametrize("lost", ["removal_is_of", "answer"])
def test_a_removal_is_not_undone_before_the_end_of_its_rewrite(
    house, annotating, monkeypatch, lost
):
    """On a full disk the original returned, was taken for another file, and annotated."""
    house.annotator.annotate("i", Mode.NEW)
    house.follow()
    house.reviewer.remove("i", by="ann")
    with monkeypatch.context() as full:
        if lost == "answer":
            full.setattr(house.orthanc, "after_store", raiser(ArchiveError("Timeout")))
        else:
            full.setattr(house.trail, lost, raiser(RecordError("the disk is full")))
        with pytest.raises((ArchiveError, RecordError)):
            house.in_place.rewrite(house.claim(Kind.REWRITE))
    house.ask(Kind.ANNOTATE, "i", sequences={"i": house.orthanc.last_change()})
    annotating.do([house.claim(Kind.ANNOTATE)])
    assert house.orthanc.files["i"] == b"file"
    assert house.orthanc.annotation("i") is None
    assert house.annotator.was_removed("i")


def test_the_overwrite_backup_of_an_instance_that_is_gone_is_dropped(
    house, annotating, monkeypatch
):
    """It was until the next start, and a delivery waited for the instance to return."""
    house.annotator.annotate("i", Mode.NEW)
    with monkeypatch.context() as slow:
        slow.setattr(house.orthanc, "after_store", raiser(ArchiveError("Timeout")))
        with pytest.raises(ArchiveError):
            house.in_place.rewrite(house.claim(Kind.REWRITE))
    assert house.in_place.is_away("i")
    house.ask(Kind.ANNOTATE, "i")
    _gone(house)
    annotating.do([house.claim(Kind.ANNOTATE)])
    assert not house.in_place.is_away("i")


def _gone(house):
    house.orthanc.delete_instance("i")


def _refused(house):
    house.decoders.while_asked = raiser(RefusedError("TaskError", "no pixel data"))


def _killed(house):
    house.decoders.while_asked = raiser(DecoderDiedError("the decoder died"))


def _lost(house):
    house.orthanc.dicom = raiser(LostFileError("no file"))


@pytest.mark.parametrize("happens", [lambda _: None, _gone, _lost, _refused, _killed])
def test_what_has_no_picture_is_not_asked_for_again(house, annotating, happens):
    """A header alone, a picture that is gone or kills: it was fetched every five seconds."""
    house.ask(Kind.LOOK, "i")
    happens(house)
    while house.tasks.stands(Kind.LOOK, "i"):
        annotating.do([house.claim_due(Kind.LOOK)])
    assert house.learning.empty == ["i"]


def test_the_claim_of_what_is_deleted_as_it_is_given_up_is_let_go(house, annotating):
    """It was renewed for as long as the service lived."""

    def fails_and_goes():
        _gone(house)
        raise RefusedError("TaskError", "no pixel data")

    house.decoders.while_asked = fails_and_goes
    with house.database.write() as connection:
        house.tasks.ask(connection, Kind.ANNOTATE, ["i"])
        connection.execute(sa.update(tasks).values(attempts=house.settings.retries))
    annotating.do([house.claim(Kind.ANNOTATE)])
    house.orthanc.arrive("i", b"file")
    house.ask(Kind.ANNOTATE, "i")
    with house.database.write() as connection:
        connection.execute(sa.update(tasks).values(claimed_by="node", claimed_until=1.0))
    house.tasks.claims.renew()
    assert house.claim(Kind.ANNOTATE).resource == "i"


def test_what_waits_for_a_decoder_is_not_given_up_for_that(house, annotating):
    house.ask(Kind.ANNOTATE, "i")
    house.decoders.while_asked = raiser(EngineDownError("no decoder runs"))
    for _ in range(TRIED_LONG):
        annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert pause_of(house, Kind.ANNOTATE) < 1
    _refused(house)
    annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert house.tasks.stands(Kind.ANNOTATE, "i")


def test_what_cannot_be_looked_at_because_orthanc_is_away_waits_for_it(house, annotating):
    house.ask(Kind.LOOK, "i")
    house.orthanc.down = True
    for _ in range(TRIED_LONG):
        annotating.do([house.claim_due(Kind.LOOK)])
    assert pause_of(house, Kind.LOOK) == pytest.approx(300, abs=5)
    assert house.learning.empty == []
    house.orthanc.down = False
    annotating.do([house.claim_due(Kind.LOOK)])
    assert not house.tasks.stands(Kind.LOOK, "i")


def test_what_cannot_be_looked_at_for_what_nobody_foresaw_is_not_asked_for_again(
    house, annotating, monkeypatch
):
    """Its task was ended and asked for again every few seconds, for ever."""
    monkeypatch.setattr(house.annotator, "read", unforeseen)
    house.ask(Kind.LOOK, "i")
    while house.tasks.stands(Kind.LOOK, "i"):
        annotating.do([house.claim_due(Kind.LOOK)])
    assert house.learning.empty == ["i"]


def test_a_word_is_not_given_up_however_long_the_metadata_cannot_be_written(house, annotating):
    def fail(*_):
        raise ArchiveError("the disk is full")

    house.annotator.annotate("i", Mode.NEW)
    put, house.orthanc.set_metadata = house.orthanc.set_metadata, fail
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", examined="foot"))
    for _ in range(house.settings.retries + 3):
        annotating.do([house.claim_due(Kind.APPLY)])
    house.orthanc.set_metadata = put
    annotating.do([house.claim_due(Kind.APPLY)])
    assert house.orthanc.annotation("i")["examined"]["label"] == "foot"
    assert not house.tasks.stands(Kind.APPLY, "i")
    assert house.trail.open(10) == []


def test_an_error_that_nobody_foresaw_is_tried_as_often_as_others(house, annotating, monkeypatch):
    """It was tried every five seconds, for ever."""
    monkeypatch.setattr(house.annotator, "read", unforeseen)
    house.ask(Kind.ANNOTATE, "i")
    for _ in range(house.settings.retries + 1):
        annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert house.orthanc.annotation("i")["status"] == "failed"
    assert not house.tasks.stands(Kind.ANNOTATE, "i")
    assert not any("name" in line for line in house.lines)


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_what_cannot_even_be_given_up_waits_behind_what_arrives(
    house, annotating, monkeypatch, error
):
    """Orthanc fails for this one for ever, say: it was tried every five seconds."""
    house.ask(Kind.ANNOTATE, "i")
    with monkeypatch.context() as wrong:
        wrong.setattr(house.orthanc, "glance", raiser(error))
        wrong.setattr(house.orthanc, "stored_file", raiser(error))
        for _ in range(TRIED_LONG):
            annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert pause_of(house, Kind.ANNOTATE) == pytest.approx(300, abs=5)
    assert house.tasks.standing_task(Kind.ANNOTATE, "i").priority == Priority.STUCK
    assert not any("name" in line for line in house.lines)
    annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert house.orthanc.annotation("i")["status"] == "done"


def test_stuck_instances_wait_behind_the_old_stock_and_are_routed_as_new_ones(house, annotating):
    """Ten thousand for which Orthanc refuses an annotation starved the back-fill."""
    house.ask(Kind.ANNOTATE, "i")
    house.tasks.retry(house.claim(Kind.ANNOTATE), 0.0, priority=Priority.STUCK)
    house.orthanc.arrive("old", b"file")
    house.ask(Kind.ANNOTATE, "old", mode=Mode.ASKED, priority=Priority.BACKFILL)
    with house.in_place.turn(), house.in_place.turn():
        while task := house.claim(Kind.ANNOTATE):
            annotating.do([task])
    assert house.routes.taken == [("old", True), ("i", False)]


def test_a_picture_that_kills_decoders_and_cannot_be_noted_kills_no_more(
    house, annotating, monkeypatch
):
    kills = []

    def dies(*_, **__):
        kills.append(1)
        raise DecoderDiedError("the decoder died")

    monkeypatch.setattr(house.annotator, "annotate", dies)
    house.ask(Kind.ANNOTATE, "i")
    with monkeypatch.context() as wrong:
        wrong.setattr(house.orthanc, "stored_file", raiser(ArchiveError("status 500")))
        for _ in range(5):
            annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert len(kills) == 2
    annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert len(kills) == 2
    assert house.orthanc.annotation("i")["reason"] == "quarantined: decoders died on it, 2 times"
    house.ask(Kind.ANNOTATE, "i", mode=Mode.AGAIN, priority=Priority.PERSON)
    annotating.do([house.claim(Kind.ANNOTATE)])
    assert len(kills) == 3


def test_a_picture_is_not_blamed_for_memory_that_ran_out(house, annotating):
    """Two uploads that took all of a container's memory had one given up for good."""
    house.ask(Kind.ANNOTATE, "i")
    house.decoders.while_asked = raiser(DecoderKilledError("the decoder was killed"))
    for _ in range(house.settings.retries):
        annotating.do([house.claim_due(Kind.ANNOTATE)])
    house.decoders.while_asked = lambda: None
    annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert house.orthanc.annotation("i")["status"] == "done"


@pytest.fixture
def kills_and_cannot_be_noted(house, annotating, monkeypatch):
    """Have a picture kill two decoders, and Orthanc take no note of that."""
    house.ask(Kind.ANNOTATE, "i")
    _killed(house)
    with monkeypatch.context() as wrong:
        wrong.setattr(house.annotator, "give_up", raiser(ArchiveError("status 500")))
        for _ in range(2):
            annotating.do([house.claim_due(Kind.ANNOTATE)])
    house.decoders.while_asked = lambda: None


@pytest.mark.usefixtures("kills_and_cannot_be_noted")
def test_of_a_picture_that_killed_decoders_and_is_gone_nothing_is_left_to_do(house, annotating):
    _gone(house)
    annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert not house.tasks.stands(Kind.ANNOTATE, "i")


@pytest.mark.usefixtures("kills_and_cannot_be_noted")
def test_another_file_of_a_picture_that_killed_decoders_is_read(house, annotating):
    house.orthanc.arrive("i", b"another")
    house.ask(Kind.ANNOTATE, "i")
    annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert house.orthanc.annotation("i")["status"] == "done"


@pytest.mark.parametrize(
    ("priority", "urgent"), [(Priority.PERSON, True), (Priority.ARRIVAL, False)]
)
def test_what_a_person_waits_for_is_urgent_to_decoders(
    house, annotating, monkeypatch, priority, urgent
):
    told, ask = [], house.decoders.ask

    def noted(*question, urgent=False):
        told.append(urgent)
        return ask(*question, urgent=urgent)

    monkeypatch.setattr(house.decoders, "ask", noted)
    house.ask(Kind.ANNOTATE, "i", priority=priority)
    annotating.do([house.claim(Kind.ANNOTATE)])
    assert told[0] is urgent


def test_the_log_names_the_damaged_event_that_an_arrival_waits_for(house, annotating):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    with house.durable.write() as connection:
        connection.exec_driver_sql("UPDATE events SET review = '{'")
    house.orthanc.arrive("i", b"as a modality sends it again")
    house.ask(Kind.ANNOTATE, "i", mode=Mode.NEW)
    for _ in range(house.settings.retries + 1):
        annotating.do([house.claim_due(Kind.ANNOTATE)])
    assert "event 1 of the audit trail is damaged" in house.lines[-1]
    assert house.tasks.stands(Kind.ANNOTATE, "i")


def test_the_file_is_read_once_for_answer_and_rewrite(house, annotating, monkeypatch):
    read, dicom = [], house.orthanc.dicom
    monkeypatch.setattr(house.orthanc, "dicom", lambda i, **_: read.append(i) or dicom(i))
    house.ask(Kind.ANNOTATE, "i")
    annotating.do([house.claim(Kind.ANNOTATE)])
    assert house.orthanc.files["i"] == b"file corrected to hand"
    assert not house.tasks.stands(Kind.REWRITE, "i")
    assert read == ["i"]


def test_a_rewrite_is_left_for_later_while_two_others_rewrite(house, annotating, follow_ups):
    house.ask(Kind.ANNOTATE, "i")
    with house.in_place.turn() as first, house.in_place.turn() as second:
        annotating.do([house.claim(Kind.ANNOTATE)])
    assert first
    assert second
    assert house.orthanc.files["i"] == b"file"
    follow_ups.do([house.claim_due(Kind.REWRITE)])
    assert house.orthanc.files["i"] == b"file corrected to hand"


def test_if_a_rewrite_fails_the_rewrite_is_given_back_and_not_the_annotating(
    house, annotating, monkeypatch
):
    """Neither it nor the note of that could be written."""
    monkeypatch.setattr(house.in_place, "rewrite", unforeseen)
    monkeypatch.setattr(house.tasks, "retry", lambda *_: 1 / 0)
    house.ask(Kind.ANNOTATE, "i")
    claimed = [house.claim(Kind.ANNOTATE)]
    with pytest.raises(ZeroDivisionError):
        annotating.do(claimed)
    assert [task.kind for task in claimed] == [Kind.REWRITE]
    assert not house.tasks.stands(Kind.ANNOTATE, "i")
