"""What becomes of a roll-up that cannot be written, or of a file that cannot follow."""

import itertools
import time

import pytest
import sqlalchemy as sa

from service.databases.tables import tasks
from service.decoders.pool import EngineDownError
from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode
from unit.service.work.failing import TRIED_LONG, pause_of, raiser, unforeseen


def test_a_file_that_cannot_follow_for_what_nobody_foresaw_is_given_up(
    house, follow_ups, monkeypatch
):
    house.annotator.annotate("i", Mode.NEW)
    monkeypatch.setattr(house.in_place, "rewrite", unforeseen)
    while house.tasks.stands(Kind.REWRITE, "i"):
        follow_ups.do([house.claim_due(Kind.REWRITE)])
    tags = house.orthanc.annotation("i")["tags"]
    assert (tags["state"], tags["refused"]) == ("refused", "it could not be done: ValueError")
    assert not any("name" in line for line in house.lines)


def test_a_file_that_waits_for_a_decoder_is_not_given_up_for_that(house, follow_ups, monkeypatch):
    house.annotator.annotate("i", Mode.NEW)
    monkeypatch.setattr(house.in_place, "rewrite", raiser(EngineDownError("no decoder runs")))
    for _ in range(TRIED_LONG):
        follow_ups.do([house.claim_due(Kind.REWRITE)])
    assert pause_of(house, Kind.REWRITE) < 1
    monkeypatch.setattr(house.in_place, "rewrite", unforeseen)
    follow_ups.do([house.claim_due(Kind.REWRITE)])
    assert house.tasks.stands(Kind.REWRITE, "i")


def test_what_follows_a_record_waits_for_an_orthanc_that_is_away(house, follow_ups, monkeypatch):
    """Series, study and patient kept what stood there before, until something changed below."""
    house.annotator.annotate("i", Mode.NEW)
    with monkeypatch.context() as away:
        away.setattr(house.orthanc, "set_metadata", raiser(ArchiveError("PUT: status 500")))
        for _ in range(TRIED_LONG):
            follow_ups.write_roll_ups([house.claim_due(Kind.ROLL_UP) for _ in range(3)])
    assert pause_of(house, Kind.ROLL_UP) == pytest.approx(300, abs=5)
    follow_ups.write_roll_ups([house.claim_due(Kind.ROLL_UP) for _ in range(3)])
    assert house.claim_due(Kind.ROLL_UP) is None
    assert house.orthanc.annotation("patient", "patients")["examined"]["label"] == "hand"


def test_a_file_that_orthanc_does_not_take_is_given_up_after_a_while(house, follow_ups):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.answer = ArchiveError("POST /instances: status 500")
    waited = 0.0
    while house.tasks.stands(Kind.REWRITE, "i"):
        follow_ups.do([house.claim_due(Kind.REWRITE)])
        waited += pause_of(house, Kind.REWRITE) if house.tasks.stands(Kind.REWRITE, "i") else 0.0
    assert 600 < waited < 1800
    tags = house.orthanc.annotation("i")["tags"]
    assert (tags["state"], tags["refused"]) == ("refused", "it could not be done: ArchiveError")


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_what_an_overwrite_wiped_is_given_back_however_long_that_fails(
    house, follow_ups, monkeypatch, error
):
    """After a few tries it stayed away until the service was started again."""
    house.annotator.annotate("i", Mode.NEW)
    with monkeypatch.context() as wrong:
        wrong.setattr(house.backups, "give_back", raiser(error))
        for _ in range(TRIED_LONG):
            follow_ups.do([house.claim_due(Kind.REWRITE)])
        assert house.orthanc.annotation("i") is None
    follow_ups.do([house.claim_due(Kind.REWRITE)])
    assert house.orthanc.annotation("i")["tags"]["state"] == "written"
    assert not house.in_place.is_away("i")


def test_the_log_names_the_line_at_which_a_roll_up_failed(house, follow_ups, monkeypatch):
    house.annotator.annotate("i", Mode.NEW)
    monkeypatch.setattr(house.annotations, "put_roll_up", unforeseen)
    follow_ups.write_roll_ups([house.claim_due(Kind.ROLL_UP)])
    assert "failed unexpectedly: ValueError in failing.py" in house.lines[-1]
    assert "name" not in house.lines[-1]


def test_a_roll_up_that_took_long_rests_before_it_is_written_again(house, follow_ups, monkeypatch):
    took = itertools.count(0, 0.5)
    monkeypatch.setattr("service.records.rollups.time.thread_time", lambda: next(took))
    house.annotator.annotate("i", Mode.NEW)
    for _ in range(3):
        follow_ups.write_roll_ups([house.claim_due(Kind.ROLL_UP)])
    assert house.orthanc.annotation("patient", "patients")
    house.orthanc.delete_metadata("patients", "patient", "BodyPart")
    house.ask(Kind.ROLL_UP, "patient", level="patients")
    follow_ups.write_roll_ups([house.claim_due(Kind.ROLL_UP)])
    assert house.orthanc.annotation("patient", "patients") is None
    waiting = house.database.value(sa.select(tasks.c.due).where(tasks.c.resource == "patient"))
    assert waiting - time.time() == pytest.approx(4.5, abs=0.5)
    assert house.tasks.standing_task(Kind.ROLL_UP, "patient").attempts == 0


def test_roll_ups_that_were_not_begun_before_a_stop_are_given_out_again(house, follow_ups):
    house.annotator.annotate("i", Mode.NEW)
    claimed = [house.claim_due(Kind.ROLL_UP) for _ in range(3)]
    house.stopping.set()
    follow_ups.write_roll_ups(claimed)
    left = [house.claim(Kind.ROLL_UP).level for _ in range(2)]
    assert set(left) == {"series", "studies"}
    assert house.claim_due(Kind.ROLL_UP) is None
