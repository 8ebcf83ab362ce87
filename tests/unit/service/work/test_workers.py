"""The threads take tasks as they may, and give back what could not be ended."""

import threading
from types import SimpleNamespace

import pytest

from service.errors import DamagedError, RecordError
from service.queue.tasks import Kind, Mode
from service.work.workers import Workers, duties
from waiting import eventually


class Started:
    """The threads at work with one decoder, which a burst of uploads may hold up."""

    def __init__(self, house, annotating, follow_ups, burst):
        self.burst, self.damaged = burst, []
        change_log = SimpleNamespace(burst=lambda: self.burst)
        plan = duties(house.decoders, 1, change_log, annotating, follow_ups)
        workers = Workers(house.tasks, plan, damaged=self.damaged.append, log=house.lines.append)
        self.threads = workers.threads(house.stopping)
        for thread in self.threads:
            thread.start()


@pytest.fixture
def start(house, annotating, follow_ups, monkeypatch):
    """Return what lets the threads work, until the end of the test."""
    monkeypatch.setattr("service.work.workers.PAUSE_AFTER_TROUBLE", 0.01)
    monkeypatch.setattr("service.work.workers._PAUSE_AFTER_FAILURE", 0.01)
    made = []

    def begin(burst=0.0):
        made.append(Started(house, annotating, follow_ups, burst))
        return made[0]

    yield begin
    house.stopping.set()
    house.tasks.wake(everybody=True)
    for thread in made[0].threads:
        thread.join()


def test_an_instance_is_annotated_and_its_file_and_roll_ups_follow(house, start):
    house.ask(Kind.ANNOTATE, "i")
    start()
    eventually(lambda: house.orthanc.annotation("patient", "patients"))
    eventually(lambda: house.orthanc.files["i"] == b"file corrected to hand")


@pytest.mark.parametrize(("ready", "burst"), [(True, 0.01), (False, 0.0)])
def test_nothing_is_annotated_amid_a_burst_or_without_a_decoder(house, start, ready, burst):
    asked = threading.Event()
    house.decoders.while_asked, house.decoders.ready = asked.set, ready
    house.ask(Kind.ANNOTATE, "i")
    at_work = start(burst)
    assert not asked.wait(0.2)
    at_work.burst, house.decoders.ready = 0.0, True
    assert asked.wait(5)


def test_a_task_that_could_not_be_ended_is_done_once_the_records_can_be_written(
    house, start, monkeypatch
):
    failures = iter([RecordError("the disk is full")] * 3)
    finish = house.tasks.finish_all

    def fails_at_first(tasks):
        if error := next(failures, None):
            raise error
        finish(tasks)

    monkeypatch.setattr(house.tasks, "finish_all", fails_at_first)
    house.annotator.annotate("i", Mode.NEW)
    start()
    eventually(lambda: not house.tasks.count(Kind.ROLL_UP))
    assert any(line.startswith("the queue failed and starts again") for line in house.lines)


def test_a_damaged_database_is_told_of(house, start, monkeypatch):
    def damaged(*_):
        raise DamagedError("index.sqlite")

    monkeypatch.setattr(house.tasks, "wait", damaged)
    at_work = start()
    eventually(lambda: len(at_work.damaged) == len(at_work.threads))
