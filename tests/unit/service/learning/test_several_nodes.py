"""Several nodes hear what people say at each of them, and each learns it by itself."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from service.records.audit_trail import AuditTrail
from unit.memory.hospital import MODEL, reading
from unit.service.learning.pupils import AT, House


def test_what_comes_while_it_learns_is_learned_by_the_next_step(house, monkeypatch):
    """A picture looked at just then, or what another node forgot, was taken for learned."""
    house.teach()
    house.say("wrist-50", "wrist")
    house.learning.step()
    learn = house.lessons.learn

    def slow(*given):
        beyond = learn(*given)
        house.learning.tell_word("wrist-50", reading("wrist", 50).seen)
        return beyond

    house.say(house.see("wrist", 51), "wrist")
    with monkeypatch.context() as patched:
        patched.setattr(house.lessons, "learn", slow)
        house.learning.step()
    assert house.learning.learned()["words"] == 25
    house.learning.step()
    assert house.learning.learned()["words"] == 26


def test_a_later_word_is_kept_where_the_one_before_was_too_many(house, monkeypatch):
    """Another node heard it while this one learned."""
    other = House(house.database)

    def slow(model, labels, known):
        house.say("wrist-0", "hand")
        other.learning.step()
        return known

    for number in (0, 1):
        house.say(house.see("wrist", number), "wrist")
    monkeypatch.setattr(house.lessons, "learn", slow)
    house.learning.step()
    (kept,) = house.learning.words.seen_by(MODEL)
    assert kept.labels == ("hand",)


def test_what_is_said_at_one_node_is_learned_at_the_other(house):
    other = House(house.database)
    house.teach()
    other.learning.step()
    assert other.learning.learned()["revision"] == house.learning.learned()["revision"]
    other.trail.withdrawn("wrist-1", by="reader", at=AT)
    other.learning.step()
    house.learning.step()
    assert other.learning.learned()["revision"] == house.learning.learned()["revision"]
    assert house.learning.learned()["words"] == 23


def test_what_two_nodes_say_at_once_is_heard_of_both(house):
    """The larger number was there first, and who read on from it passed over the smaller one."""
    if not house.database.shared:
        pytest.skip("there is no other node")
    house.teach()
    knee = house.see("knee", 90)
    said, goes_on = threading.Event(), threading.Event()

    @contextmanager
    def slow():
        with house.database.write() as connection:
            yield connection
            said.set()
            goes_on.wait(10)

    other = AuditTrail(SimpleNamespace(shared=True, hold=house.database.hold, write=slow))
    taken_back = {"by": "reader", "at": AT}
    with ThreadPoolExecutor(2) as nodes:
        nodes.submit(other.withdrawn, "wrist-1", **taken_back)
        assert said.wait(10)
        second = nodes.submit(house.say, knee, "knee")
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not second.done() and not house.database.value(waiting):
            time.sleep(0.01)
        house.learning.step()
        goes_on.set()
    house.learning.step()
    learned = {word.instance for word in house.learning.memory.words}
    assert knee in learned and "wrist-1" not in learned


def test_what_one_node_forgets_another_does_not_take_in_again(house, monkeypatch):
    """It had read the words just before, and set back how far they were heard."""
    if not house.database.shared:
        pytest.skip("there is no other node")
    other = House(house.database)
    forgetting = threading.Thread(target=other.learning.forget_all)
    parents = house.archive.parents

    def slow(instance):
        forgetting.start()
        forgetting.join(0.5)
        return parents(instance)

    house.say(house.see("wrist", 0), "wrist")
    monkeypatch.setattr(house.archive, "parents", slow)
    house.learning.step()
    forgetting.join()
    house.learning.step()
    assert house.learning.learned()["words"] == 0
