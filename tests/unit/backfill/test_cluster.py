"""A cluster's crew: what an actor died with is found out and failed, as a local reader does.

Ray itself is played here: an actor that dies takes all that it was given, and is asked again as
often as it was started with.
"""

import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from backfill import cluster as module
from backfill.cluster import RayCrew
from backfill.errors import RefusedError
from backfill.options import Order
from backfill.reader import Batch


class Death(BaseException):
    """Ends an actor amid its work."""


class RayError(Exception):
    """As Ray's."""


class ActorUnavailableError(RayError):
    """As Ray's, of an actor that begins again."""


class Reader:
    """Dies of what its class is told to."""

    deadly = refused = frozenset()

    def __init__(self, *_):
        """Take what a reader takes."""

    def read(self, batch):
        if self.deadly & set(batch.instances):
            raise Death
        if self.refused & set(batch.instances):
            raise RefusedError("401")
        return [{"instance": one, "status": "done"} for one in batch.instances]

    def give_up(self, instance, reason):
        if "always" in self.deadly:
            raise Death
        return {"instance": instance, "status": reason}


@dataclass(eq=False)
class Call:
    """Something to wait for."""

    name: str
    given: tuple[Batch, ...]
    left: int
    got: object = None
    done: bool = False


class Actor:
    """Does what it was given one after the other."""

    def __init__(self, made, tries):
        self._made, self._tries, self.calls, self.deaths = made, tries, [], 0
        self._life = made()
        self.has_place = True
        self.begin, self.read, self.give_up = map(self._method, ("begin", "read", "give_up"))

    def _method(self, name):
        def remote(*given):
            self.calls.append(Call(name, given, self._tries))
            return self.calls[-1]

        return SimpleNamespace(remote=remote)

    def do_one(self):
        if not self.calls or not self.has_place:
            return
        call = self.calls[0]
        try:
            call.got = getattr(self._life, call.name)(*call.given)
            call.done = True
            self.calls.pop(0)
        except Death:
            self._life = self._made()
            self.deaths += 1
            assert self.deaths < 100, "it is tried again without end"
            for lost in list(self.calls):
                lost.left -= 1
                if lost.left == -1:
                    lost.got = ActorUnavailableError("gone")
                    lost.done = True
                    self.calls.remove(lost)


@pytest.fixture
def crew(monkeypatch):
    """Give a crew of two actors."""
    actors = []

    def remote(*, max_task_retries, **_):
        def made(cls):
            def start(order):
                actors.append(Actor(lambda: cls(order), max_task_retries))
                return actors[-1]

            return SimpleNamespace(remote=start)

        return made

    def wait(references, **_):
        for actor in actors:
            actor.do_one()
        return [one for one in references if one.done], []

    def get(reference):
        if isinstance(reference.got, Exception):
            raise reference.got
        return reference.got

    ray = SimpleNamespace(
        init=lambda **_: None,
        cluster_resources=lambda: {"CPU": 2},
        remote=remote,
        wait=wait,
        get=get,
        kill=lambda _: None,
        shutdown=lambda: None,
        exceptions=SimpleNamespace(RayError=RayError, ActorUnavailableError=ActorUnavailableError),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(module, "Reader", Reader)
    monkeypatch.setattr(module, "check_files", lambda _: None)
    monkeypatch.setattr(module, "ray_environment", lambda _: {})
    made = RayCrew(Order("http://o"), 2, "auto")
    made.played = actors
    yield made
    made.close()


def status(crew, batches):
    """Have batches read as the driver does; return what became of each picture."""
    found, lost, waiting = {}, 0, [Batch(tuple(names), None) for names in batches]
    expected = sum(len(names) for names in batches)
    while len(found) < expected and crew.workers:
        while waiting and crew.room > 0:
            crew.give(waiting.pop())
        for outcome in crew.wait(0.0):
            lost += outcome.lost is not None
            if outcome.lost:
                waiting.append(outcome.batch)
            for answer in outcome.answers:
                assert answer["instance"] not in found
                found[answer["instance"]] = answer["status"]
    return found, lost


def test_a_picture_that_kills_its_actor_each_time_is_failed_and_all_others_are_read(
    crew, monkeypatch
):
    monkeypatch.setattr(Reader, "deadly", {"d", "k"})
    found, lost = status(crew, ["abc", "def", "ghi", "jkl", "mno"])
    assert lost == 0
    assert {name for name, said in found.items() if said == "done"} == set("abcefghijlmno")
    assert "quarantined" in found["d"] and "2 times" in found["k"]
    assert crew.room == 4


def test_an_actor_that_dies_whatever_it_does_is_lost_and_no_picture_is_failed(crew, monkeypatch):
    monkeypatch.setattr(Reader, "deadly", {"a", "always"})
    found, lost = status(crew, ["a"])
    assert (found, lost, crew.workers) == ({}, 2, 0)


def test_nothing_is_given_to_an_actor_that_has_no_machine_yet(crew):
    """It would lie there until its lease ends."""
    late = crew.played[1]
    late.has_place = False
    found, _ = status(crew, ["abc", "def", "ghi", "jkl", "mno"])
    assert len(found) == 15
    assert (crew.workers, crew.room) == (2, 2)
    late.has_place = True
    crew.wait(0.0)
    assert crew.room == 4


def test_a_machine_that_cannot_read_is_lost_with_the_reason(crew, monkeypatch):
    monkeypatch.setattr(Reader, "refused", {"a"})
    crew.wait(0.0)
    crew.give(Batch(("a",), None))
    (outcome,) = crew.wait(0.0)
    assert "401" in outcome.lost
    assert crew.workers == 1


def test_a_cluster_reports_to_nobody_and_starts_no_worker_that_nobody_asked_for():
    given = {"RAY_AUTH_MODE": "none", "RAY_USAGE_STATS_ENABLED": "1", "HOME": "/root"}
    found = module.ray_environment(given)
    assert found["RAY_USAGE_STATS_ENABLED"] == "0"
    assert found["RAY_prestart_worker_first_driver"] == "0"
    assert (found["RAY_AUTH_MODE"], found["HOME"]) == ("none", "/root")
