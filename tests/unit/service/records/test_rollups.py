"""Roll-ups that are due together."""

import pytest

from bodypart.annotation import Review
from service.errors import ArchiveError, RecordError
from service.queue.tasks import Kind, Mode

LEVELS = {"series": "series", "studies": "study", "patients": "patient"}
HAND = {"label": "hand", "instances": 1}


@pytest.fixture
def asked(house):
    """Give the three roll-ups that an annotated instance asks for."""
    house.annotator.annotate("i", Mode.NEW)
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET due = 0")
    claimed = house.tasks.claim_some((Kind.ROLL_UP,), 10)
    assert {task.level: task.resource for task in claimed} == LEVELS
    return claimed


def written(house):
    return {
        level
        for level, resource in LEVELS.items()
        if (house.orthanc.annotation(resource, level) or {}).get("parts") == [HAND]
    }


def test_what_is_below_a_patient_is_read_once(house, asked, monkeypatch):
    def never(*_):
        raise AssertionError("it was read before")

    for question in ("children", "patient_of"):
        monkeypatch.setattr(house.index, question, never)
    assert house.roll_ups.write(asked) == dict.fromkeys(asked)
    assert written(house) == set(LEVELS)
    levels = {level: house.orthanc.annotation(r, level)["level"] for level, r in LEVELS.items()}
    assert levels == {level: level for level in LEVELS}


def test_a_series_and_a_study_are_written_without_their_patient(house, asked):
    others = [task for task in asked if task.level != "patients"]
    assert house.roll_ups.write(others) == dict.fromkeys(others)
    assert written(house) == {"series", "studies"}


@pytest.mark.parametrize("error", [ArchiveError("the disk is full"), ValueError("unforeseen")])
def test_one_that_cannot_be_written_keeps_none_of_the_others_back(house, asked, monkeypatch, error):
    write = house.orthanc.set_metadata

    def fails_for_studies(level, *rest):
        if level == "studies":
            raise error
        write(level, *rest)

    monkeypatch.setattr(house.orthanc, "set_metadata", fails_for_studies)
    tried = house.roll_ups.write(asked)
    assert {task.level for task, why in tried.items() if why} == {"studies"}
    assert written(house) == {"series", "patients"}


def test_where_the_index_cannot_be_read_all_are_told_so(house, asked, monkeypatch):
    def fails(*_):
        raise RecordError("locked")

    for question in ("below", "children"):
        monkeypatch.setattr(house.index, question, fails)
    tried = house.roll_ups.write(asked)
    assert set(tried) == set(asked) and all(tried.values())


def test_after_a_quarter_of_a_second_the_rest_is_left(house, asked, monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr("service.records.rollups.time.monotonic", lambda: next(now))
    alone = [task for task in asked if task.level != "patients"]
    assert len(house.roll_ups.write(alone)) == 1


def test_when_the_service_stops_no_further_one_is_begun(house, asked):
    house.stopping.set()
    assert [task.level for task in house.roll_ups.write(asked)] == ["patients"]
    assert written(house) == {"patients"}


def test_a_roll_up_with_nothing_left_below_is_taken_away(house, asked):
    house.roll_ups.write(asked)
    house.annotations.gone("i")
    house.roll_ups.write(asked)
    assert written(house) == set()
    for level, resource in LEVELS.items():
        assert house.orthanc.metadata(level, resource, "BodyPartExamined") is None


def test_one_that_is_asked_for_meanwhile_is_done_again(house, asked):
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", examined="foot"))
    assert house.roll_ups.write(asked) == dict.fromkeys(asked)
    house.tasks.finish_all(asked)
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET due = 0")
    again = house.tasks.claim_some((Kind.ROLL_UP,), 10)
    assert {task.resource for task in again} == set(LEVELS.values())
    house.tasks.finish_all(again)
    assert house.tasks.claim_some((Kind.ROLL_UP,), 10) == []
    assert house.tasks.count(Kind.ROLL_UP) == 0
