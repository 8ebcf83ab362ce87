"""Who is woken by what."""

import threading
import time
from contextlib import ExitStack

import pytest

from service.queue.sleepers import Sleepers
from service.queue.task import Kind

ANNOTATES, ROLLS_UP = (Kind.APPLY, Kind.ANNOTATE), (Kind.ROLL_UP,)


@pytest.fixture
def sleepers():
    return Sleepers()


def slept(sleepers, kinds, seconds, then):
    """Return for how long a thread sleeps that would do so for some seconds."""
    asleep, took = threading.Event(), []

    def sleep():
        with sleepers.looking(kinds) as sleeper:
            began = time.monotonic()
            asleep.set()
            sleeper.sleep(seconds)
            took.append(time.monotonic() - began)

    thread = threading.Thread(target=sleep)
    thread.start()
    assert asleep.wait(5)
    time.sleep(0.05)
    then()
    thread.join(20)
    return took[0]


def test_only_who_does_that_kind_of_task_is_woken(sleepers):
    def ask():
        sleepers.asked(Kind.ANNOTATE, time.time())
        sleepers.wake()

    assert slept(sleepers, ANNOTATES, 10.0, ask) < 5
    assert slept(sleepers, ROLLS_UP, 0.3, ask) > 0.29


def test_no_more_are_woken_than_there_is_to_do(sleepers):
    """All who annotate were, for each picture: one found it, and the others looked in vain."""
    with ExitStack() as asleep:
        three = [asleep.enter_context(sleepers.looking(ANNOTATES)) for _ in range(3)]
        for asked, woken in ((1, 1), (1, 2), (5, 3)):
            sleepers.asked(Kind.ANNOTATE, count=asked)
            sleepers.wake()
            assert sum(one.awake for one in three) == woken


def test_who_is_woken_for_one_kind_is_not_counted_upon_for_another(sleepers):
    with sleepers.looking(ANNOTATES) as one, sleepers.looking(ANNOTATES) as other:
        sleepers.asked(Kind.ANNOTATE)
        sleepers.asked(Kind.APPLY)
        sleepers.wake()
        assert one.awake
        assert other.awake


def test_who_was_woken_while_it_took_an_earlier_task_wakes_another_in_its_place(sleepers):
    """The later task waited until that one was done, or for a second, though others slept."""
    with ExitStack() as looking:
        busy = looking.enter_context(sleepers.looking(ANNOTATES))
        sleepers.asked(Kind.ANNOTATE)
        sleepers.wake()
        assert busy.awake
        with sleepers.looking(ROLLS_UP) as unable, sleepers.looking(ANNOTATES) as other:
            looking.close()
            assert other.awake
            assert not unable.awake


def test_who_was_woken_and_looks_again_wakes_nobody_in_its_place(sleepers):
    with ExitStack() as looking:
        woken = looking.enter_context(sleepers.looking(ANNOTATES))
        sleepers.asked(Kind.ANNOTATE)
        sleepers.wake()
        woken.sleep(10.0)
        with sleepers.looking(ANNOTATES) as other:
            looking.close()
            assert not other.awake


def test_what_is_due_later_than_somebody_looks_again_wakes_nobody(sleepers):
    def ask():
        sleepers.asked(Kind.ROLL_UP, time.time() + 5.0)
        sleepers.wake()

    assert slept(sleepers, ROLLS_UP, 0.3, ask) > 0.29
    assert slept(sleepers, ROLLS_UP, 30.0, ask) < 15


def test_all_are_woken_where_nothing_was_asked_for(sleepers):
    for kinds in (ANNOTATES, ROLLS_UP):
        assert slept(sleepers, kinds, 10.0, sleepers.wake) < 5


def test_everybody_is_woken_whatever_was_asked_for(sleepers):
    def stop():
        sleepers.asked(Kind.REPORT)
        sleepers.wake(everybody=True)

    assert slept(sleepers, ANNOTATES, 10.0, stop) < 5


def test_what_another_thread_asked_for_waits_for_its_own_wake(sleepers):
    """It is in the middle of its transaction: who looked now would see nothing."""
    sleepers.asked(Kind.ANNOTATE)

    def wake():
        sleepers.asked(Kind.REPORT)
        sleepers.wake()

    def others():
        other = threading.Thread(target=wake)
        other.start()
        other.join()

    assert slept(sleepers, ANNOTATES, 0.3, others) > 0.29
    assert slept(sleepers, ANNOTATES, 10.0, sleepers.wake) < 5


def test_what_is_asked_for_while_somebody_looks_does_not_let_him_fall_asleep(sleepers):
    with sleepers.looking(ROLLS_UP) as sleeper:
        sleepers.asked(Kind.ROLL_UP, time.time() + 60)
        sleepers.wake()
        began = time.monotonic()
        sleeper.sleep(10.0)
    assert time.monotonic() - began < 5
