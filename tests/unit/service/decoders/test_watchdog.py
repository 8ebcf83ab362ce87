"""Seconds that are over, held and forgotten; all watchdogs share one thread."""

import threading
import time

from service.decoders.watchdog import Watchdog


def watched(seconds):
    expired = threading.Event()
    return Watchdog(seconds, expired.set), expired


def test_it_bites_when_the_seconds_are_over_whoever_else_is_watched():
    late, never = watched(60.0)
    soon, over = watched(0.05)
    late.resume()
    soon.resume()
    assert over.wait(5)
    assert soon.expired and not late.expired and not never.is_set()
    late.pause()


def test_while_it_is_paused_the_seconds_do_not_run():
    dog, over = watched(0.3)
    dog.resume()
    time.sleep(0.1)
    dog.pause()
    assert not over.wait(0.4)
    dog.resume()
    began = time.monotonic()
    assert over.wait(5)
    assert time.monotonic() - began < 0.3


def test_one_that_was_paused_before_it_ran_or_twice_is_left_alone():
    dog, over = watched(0.05)
    dog.pause()
    dog.resume()
    dog.pause()
    dog.pause()
    assert not over.wait(0.2)
    assert not dog.expired


def test_one_that_cannot_bite_leaves_the_others_watched():
    def fail():
        raise OSError

    Watchdog(0.02, fail).resume()
    time.sleep(0.1)
    dog, over = watched(0.05)
    dog.resume()
    assert over.wait(5)


def test_a_thousand_need_one_thread():
    before = threading.active_count()
    dogs = [watched(60.0)[0] for _ in range(1000)]
    for dog in dogs:
        dog.resume()
    assert threading.active_count() <= before + 1
    for dog in dogs:
        dog.pause()
