"""Local workers: each outcome comes back, also that of a worker that cannot go on."""

import threading
import time
from types import SimpleNamespace

import pytest

from backfill import crew as module
from backfill.crew import LocalCrew
from backfill.errors import AwayError, RefusedError
from backfill.options import Order
from backfill.reader import Batch


class Reader:
    """Answers, or fails as its batch says."""

    closed = 0

    def __init__(self, *_):
        """Take what a reader takes."""

    def read(self, batch):
        if batch.instances == ("refused",):
            raise RefusedError("401")
        if batch.instances == ("broken",):
            raise KeyError("FileUuid")
        return [{"instance": instance} for instance in batch.instances]

    def close(self):
        Reader.closed += 1


@pytest.fixture
def crew(monkeypatch):
    monkeypatch.setattr(module, "Reader", Reader)
    Reader.closed = 0
    made = LocalCrew(Order("http://o"), 2, lambda _: None)
    yield made
    made.close()
    assert Reader.closed == 2


def outcomes(crew, count):
    found = []
    while len(found) < count:
        found += crew.wait(5)
    return found


def test_every_batch_comes_back(crew):
    assert crew.room == 4
    for name in "abcd":
        crew.give(Batch((name,), None))
    assert crew.room == 0
    found = outcomes(crew, 4)
    assert sorted(one.answers[0]["instance"] for one in found) == list("abcd")
    assert crew.room == 4


@pytest.mark.parametrize(("name", "why"), [("refused", "401"), ("broken", "KeyError")])
def test_a_worker_that_cannot_go_on_is_lost_with_the_reason(crew, name, why):
    crew.give(Batch((name,), None))
    (lost,) = outcomes(crew, 1)
    assert why in lost.lost
    assert crew.workers == 1
    crew.give(Batch(("a",), None))
    assert outcomes(crew, 1)[0].answers


def test_nothing_to_do_is_no_busy_loop(crew):
    began = time.monotonic()
    assert crew.wait(0.05) == []
    assert time.monotonic() - began > 0.04


@pytest.mark.parametrize("ends", ["amid a batch", "with a batch"])
def test_a_crew_that_is_closed_reads_no_further_and_ends_its_network(monkeypatch, ends):
    read, closed, began = [], [], threading.Event()

    class Waiting(Reader):
        def __init__(self, _order, stopping, *_):
            self.stopping = stopping

        def read(self, batch):
            read.append(batch.instances)
            began.set()
            assert self.stopping.wait(5)
            if ends == "amid a batch":
                raise AwayError
            return []

    network = SimpleNamespace(close=lambda: closed.append(True))
    monkeypatch.setattr(module, "MachineNetwork", lambda: network)
    monkeypatch.setattr(module, "Reader", Waiting)
    crew = LocalCrew(Order("http://o"), 1, lambda _: None)
    for name in "ab":
        crew.give(Batch((name,), None))
    assert began.wait(5)
    crew.close()
    assert (read, closed) == ([("a",)], [True])
    assert len(crew.wait(0)) == (ends == "with a batch")
