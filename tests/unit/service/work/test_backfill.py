"""The old stock is annotated, all of it, and no longer than it takes."""

import threading

import pytest

from bodypart.annotation import Review
from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode, Priority
from service.records.index import UNSEEN
from unit.service.house import PARENTS, note


def test_a_back_fill_annotates_the_old_stock_and_ends(house, backfill):
    assert backfill.progress()["state"] == "idle"
    assert backfill.start() == {**backfill.progress(), "state": "running", "total": 1, "done": 0}
    backfill.step(threading.Event())
    task = house.claim(Kind.ANNOTATE)
    assert task.mode == Mode.ASKED
    house.annotator.annotate("i", Mode.ASKED, task=task)
    backfill.step(threading.Event())
    assert backfill.progress() == {**backfill.progress(), "state": "done", "done": 1, "pending": 0}


def test_a_back_fill_ends_though_orthanc_cannot_tell_of_one(house, backfill, sweep, broken):
    """It was `running` for ever."""
    backfill.start()
    backfill.step(threading.Event())
    house.annotator.annotate("i", Mode.ASKED, task=house.claim(Kind.ANNOTATE))
    backfill.step(threading.Event())
    assert backfill.progress()["state"] == "done"
    assert sweep.left_out == ["broken"]
    assert not sweep.is_due()
    assert not any("name" in line for line in house.lines)


def test_a_back_fill_ends_though_one_can_neither_be_annotated_nor_given_up(house, backfill, broken):
    with house.database.write() as connection:
        house.index.put_bare(connection, "broken", PARENTS, UNSEEN)
    backfill.start()
    backfill.step(threading.Event())
    for task in (house.claim(Kind.ANNOTATE), house.claim(Kind.ANNOTATE)):
        if task.resource == "i":
            house.annotator.annotate("i", Mode.ASKED, task=task)
        else:
            house.tasks.retry(task, 0.0, priority=Priority.STUCK)
    backfill.step(threading.Event())
    assert backfill.progress()["state"] == "done"
    assert house.tasks.stands(Kind.ANNOTATE, "broken")


def test_what_is_stuck_and_has_its_answer_hides_nothing_that_is_left(house, backfill):
    house.orthanc.arrive("done", b"file")
    house.annotator.annotate("done", Mode.NEW)
    house.ask(Kind.ANNOTATE, "done", mode=Mode.AGAIN)
    house.tasks.retry(house.claim(Kind.ANNOTATE), 0.0, priority=Priority.STUCK)
    backfill.start()
    backfill.step(threading.Event())
    assert backfill.progress()["pending"] == 1


def test_a_back_fill_that_is_cancelled_gives_out_nothing(house, backfill):
    backfill.start()
    backfill.step(threading.Event())
    assert backfill.cancel()["state"] == "cancelled"
    assert house.claim(Kind.ANNOTATE) is None
    backfill.step(threading.Event())
    assert house.claim(Kind.ANNOTATE) is None


def test_a_back_fill_that_is_cancelled_while_it_makes_tasks_leaves_none(
    house, backfill, monkeypatch
):
    """A whole page of them was annotated all the same."""
    ask = house.index.those_in_state

    def cancelled_first(*question):
        backfill.cancel()
        return ask(*question)

    monkeypatch.setattr(house.index, "those_in_state", cancelled_first)
    backfill.start()
    backfill.step(threading.Event())
    assert backfill.progress()["state"] == "cancelled"
    assert house.claim(Kind.ANNOTATE) is None


def test_a_back_fill_reopens_what_was_removed_before_it(house, backfill):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.remove("i", by="ann")
    backfill.start()
    backfill.step(threading.Event())
    house.annotator.annotate("i", Mode.ASKED, task=house.claim(Kind.ANNOTATE))
    assert house.orthanc.annotation("i")["examined"]["label"] == "hand"


def test_the_sweep_of_a_back_fill_is_done_again_if_it_failed(house, backfill, monkeypatch, trouble):
    asked = trouble("instance_ids", 1)
    backfill.start()
    with pytest.raises(ArchiveError):
        backfill.step(threading.Event())
    backfill.step(threading.Event())
    assert backfill.progress()["state"] == "running"
    assert asked.asked == 1
    monkeypatch.setattr("service.work.backfill.time.monotonic", lambda: 1e9)
    backfill.step(threading.Event())
    assert asked.asked > 1
    assert house.claim(Kind.ANNOTATE).resource == "i"


def test_a_back_fill_that_is_started_once_more_brings_nothing_back(house, backfill, monkeypatch):
    """What was removed since it began stays removed."""
    began = backfill.start()["started_at"]
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.remove("i", by="ann")
    monkeypatch.setattr("service.work.run.utc_now", lambda: "later")
    assert backfill.start()["started_at"] == began
    backfill.step(threading.Event())
    assert house.claim(Kind.ANNOTATE) is None


def test_a_back_fill_that_fails_goes_on(house, backfill, monkeypatch):
    stopping = threading.Event()
    failures = iter([ArchiveError("status 500")])

    def step(_):
        backfill.stop()
        if error := next(failures, None):
            raise error
        stopping.set()

    monkeypatch.setattr(backfill, "step", step)
    backfill.follow(stopping)
    assert house.lines == ["the back-fill failed and starts again: status 500"]


@pytest.fixture
def three_models(house):
    """Return pictures that two earlier models and the present one read, one of them reviewed."""
    read = {"a": "1.2.1", "b": "1.2.1", "c": "2.0.0", "d": "2.1.0", "reviewed": "1.2.1"}
    for instance, version in read.items():
        model = {"name": "bodypart", "version": version, "sha256": f"sha-{version}"}
        house.orthanc.arrive(instance, b"file")
        house.annotations.put(note(instance, model=model), PARENTS)
    house.reviewer.review("reviewed", Review("ann", "2026-11-28T10:00:00Z", "foot"))


@pytest.mark.parametrize(
    ("version", "found"),
    [("1.2.1", ["a", "b"]), ("2.1.0", ["d"]), ("1.2", []), (None, ["a", "b", "c"])],
)
def test_what_an_earlier_model_read_is_read_again_but_no_person_s_word(
    house, backfill, three_models, version, found
):
    assert backfill.read_again(version, present="sha-2.1.0") == len(found)
    tasks = [house.claim(Kind.ANNOTATE) for _ in found]
    assert sorted(task.resource for task in tasks) == found
    assert {task.mode for task in tasks} <= {Mode.AGAIN}
    assert house.claim(Kind.ANNOTATE) is None


def test_a_version_is_found_though_the_first_picture_that_it_read_is_away(
    house, backfill, three_models
):
    """While its file is rewritten its metadata are away, and none of the others was read again."""
    house.orthanc.delete_metadata("instances", "a", "BodyPart")
    assert backfill.read_again("1.2.1", present="sha-2.1.0") == 2


def test_what_is_to_be_read_again_is_taken_in_pages_and_can_be_cancelled(
    house, backfill, three_models, monkeypatch
):
    monkeypatch.setattr("service.work.backfill._READ_AGAIN", 1)
    assert backfill.read_again(None, present="sha-2.1.0") == 3
    house.claim(Kind.ANNOTATE)
    assert backfill.cancel()["state"] == "idle"
    assert house.claim(Kind.ANNOTATE) is None
