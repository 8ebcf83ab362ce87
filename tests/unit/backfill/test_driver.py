"""The driver: nothing is lost, whatever becomes of workers and service; and a clear end."""

import io
import re
import threading
import time
from collections import deque

import pytest

from backfill import driver as module
from backfill import progress
from backfill.__main__ import summary
from backfill.crew import Outcome
from backfill.driver import Driver
from backfill.errors import BackfillError, MismatchError, RefusedError
from backfill.progress import Progress
from backfill.reference import Reference
from unit.backfill.archive import MODEL, REFERENCE


class Service:
    """Lends, takes, and knows what is left."""

    def __init__(self, count):
        self.waiting = deque(f"i{n}" for n in range(count))
        self.total, self.taken, self.lent, self.returned = count, [], set(), []
        self.state, self.reference = "running", REFERENCE
        self.refusals, self.refuses_returns = [], False
        self.posted, self.known, self.looks, self.slow = [], [], 0, lambda: None

    def get(self, path):
        if "helper" in path:
            self.known.append(path.partition("?")[2])
            return self.reference
        self.looks += 1
        left = self.total - len(self.taken)
        state = self.state if left else "done"
        return {"state": state, "total": self.total, "pending": left}

    def post(self, path, body):
        self.posted.append((path.rpartition("/")[2], body))
        if path.endswith("lease"):
            found = [self.waiting.popleft() for _ in range(min(body["Count"], len(self.waiting)))]
            self.lent.update(found)
            return found
        assert body.get("model", MODEL["sha256"]) == MODEL["sha256"]
        self.slow()
        if body["results"] and self.refusals:
            raise self.refusals.pop()
        if body.get("returned") and self.refuses_returns:
            raise RefusedError("409")
        brought = [result["instance"] for result in body["results"]]
        dropped = {i: "by now" for i in brought if i in self.taken}
        self.taken += [i for i in brought if i not in dropped]
        self.returned += body.get("returned", [])
        return {"taken": len(brought) - len(dropped), "dropped": dropped}


class Crew:
    """Answers at once; ``lose`` workers, one a batch, are lost first."""

    def __init__(self, workers=2, lose=0):
        self.workers, self.lose, self.given = workers, lose, deque()
        self.after_one = lambda: None

    @property
    def room(self):
        return 2 * self.workers - len(self.given)

    def give(self, batch):
        self.given.append(batch)

    def wait(self, _seconds):
        if not self.given:
            return []
        batch = self.given.popleft()
        self.after_one()
        if self.lose:
            self.lose -= 1
            self.workers -= 1
            return [Outcome(batch, lost="its machine burnt down")]
        return [Outcome(batch, [{"instance": i, "annotation": {}} for i in batch.instances])]


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    for name, value in {"BATCH": 4, "_LOOK_EVERY": 0.0, "_TICK": 0.0, "_LEARN_EVERY": 0.0}.items():
        monkeypatch.setattr(module, name, value)


def lead(service, crew, stopping=None):
    stream = io.StringIO()
    driver = Driver(
        service,
        crew,
        Reference(MODEL, REFERENCE["settings"], None, None),
        Progress(stream),
        stopping or threading.Event(),
    )
    return driver, stream


def test_everything_is_brought_back_once(monkeypatch):
    monkeypatch.setattr(progress, "_EVERY_IN_FILE", 0.0)
    service = Service(50)
    driver, stream = lead(service, Crew())
    tally = driver.run()
    assert sorted(service.taken) == sorted(f"i{n}" for n in range(50))
    assert (tally.taken, tally.dropped, tally.state) == (50, 0, "done")
    assert re.search(r"^50 of 50, [\d.]+ a second by 2 workers$", stream.getvalue(), re.MULTILINE)


def test_a_batch_of_a_lost_worker_goes_to_another():
    service = Service(50)
    driver, stream = lead(service, Crew(3, lose=2))
    assert driver.run().taken == 50
    assert stream.getvalue().count("its machine burnt down") == 2


def test_without_workers_it_ends_with_the_reason_and_gives_all_back():
    service = Service(50)
    driver, _ = lead(service, Crew(2, lose=2))
    with pytest.raises(BackfillError, match="no worker is left: its machine burnt down"):
        driver.run()
    assert set(service.returned) == service.lent - set(service.taken)


def test_stopped_it_gives_back_what_it_has_not_read():
    service, crew, stopping = Service(50), Crew(), threading.Event()
    crew.after_one = stopping.set
    driver, _ = lead(service, crew, stopping)
    driver.run()
    assert service.taken
    assert set(service.returned) == service.lent - set(service.taken)


@pytest.mark.parametrize("batches", [1, 2])
def test_what_the_service_refuses_is_given_back_and_the_refusal_told(batches):
    """The answers of some batches are refused: neither they nor the rest wait for their lease."""
    service = Service(50)
    service.refusals, service.slow = [RefusedError("409")] * batches, lambda: time.sleep(0.01)
    driver, _ = lead(service, Crew())
    with pytest.raises(RefusedError, match="409"):
        driver.run()
    assert set(service.returned) == service.lent - set(service.taken)


def test_what_ended_it_is_told_though_nothing_can_be_given_back():
    service = Service(50)
    driver, _ = lead(service, Crew(2, lose=2))
    service.refuses_returns = True
    with pytest.raises(BackfillError, match="no worker is left"):
        driver.run()


def test_what_is_lent_and_brought_is_in_one_name_and_never_too_much_at_once():
    service = Service(1500)
    crew = Crew(workers=400)
    driver, _ = lead(service, crew)
    driver.run()
    names = {body.get("Helper") or body["helper"] for _, body in service.posted}
    assert len(names) == 1 and len(names.pop()) == 16
    first = next(body for path, body in service.posted if path == "lease")
    assert (first["Count"], first["Seconds"]) == (1000, 300)
    other, _ = lead(service, crew)
    assert other._name != driver._name


def test_where_less_is_lent_than_asked_for_the_service_is_not_asked_again_and_again(monkeypatch):
    monkeypatch.setattr(module, "_LOOK_EVERY", 1_000.0)
    monkeypatch.setattr(module, "_LEARN_EVERY", 1_000.0)
    service, crew, stopping = Service(19), Crew(), threading.Event()
    rounds, work = [], crew.wait

    def wait(seconds):
        rounds.append(1)
        if len(rounds) == 20:
            stopping.set()
        return work(seconds)

    crew.wait = wait
    assert lead(service, crew, stopping)[0].run().taken == 19
    assert [body["Count"] for path, body in service.posted if path == "lease"] == [16, 4]
    assert (service.looks, service.known) == (1, [])


def test_each_batch_is_read_with_the_memory_that_there_is_by_then():
    service, crew = Service(16), Crew(workers=1)
    read = []

    def after_one():
        service.reference = {**REFERENCE, "revision": "words"}

    give, crew.after_one = crew.give, after_one
    crew.give = lambda batch: read.append(batch.memory) or give(batch)
    lead(service, crew)[0].run()
    assert read == [None, None, "words", "words"]
    assert service.known[0] == "" and service.known[-1] == "after=words"


@pytest.mark.parametrize(
    "other",
    [
        {"model": {**MODEL, "sha256": "1" * 64}},
        {"settings": {"ReviewThreshold": 0.5}},
    ],
)
def test_another_model_in_the_service_ends_it(other):
    service = Service(50)
    service.reference = {**REFERENCE, **other}
    driver, _ = lead(service, Crew())
    with pytest.raises(MismatchError, match="another model"):
        driver.run()


def test_cancelled_there_it_ends_here():
    service = Service(50)
    service.state = "cancelled"
    driver, stream = lead(service, Crew())
    assert "was cancelled" in summary(driver.run(), Progress(stream))


def test_answers_are_sent_in_bodies_that_the_service_takes(monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_BODY", 100)
    answers = [{"instance": "i", "annotation": {"text": "x" * length}} for length in (10, 20, 300)]
    assert [len(part) for part in module.in_bodies(answers)] == [1, 1, 1]
    monkeypatch.setattr(module, "_LARGEST_BODY", 150)
    assert [len(part) for part in module.in_bodies(answers)] == [2, 1]
    assert list(module.in_bodies([])) == []


def test_progress_says_why_it_waits_once_and_that_it_goes_on():
    stream = io.StringIO()
    shown = Progress(stream)
    for why in ("Orthanc is away", "Orthanc is away", "it answers 503", None, None):
        shown.waits(why)
    assert stream.getvalue() == "Orthanc is away; waiting\ngoing on\n"
