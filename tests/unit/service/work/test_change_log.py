"""Orthanc's change log becomes tasks, each entry once, whatever is killed when."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from service.errors import ArchiveError
from service.orthanc_api.resources import Change
from service.queue.tasks import Kind
from service.work import change_log
from service.work.change_log import ChangeLog


@pytest.fixture
def log(house):
    def made(first=0, live=True, is_own=None):
        return ChangeLog(
            house.orthanc,
            house.records,
            live=live,
            first=first,
            is_own=is_own,
        )

    return made


@pytest.fixture
def clock(monkeypatch):
    """What the log takes for the time; it stands unless ``now`` is moved."""
    standing = SimpleNamespace(now=100.0)
    monkeypatch.setattr("service.work.change_log.time.monotonic", lambda: standing.now)
    return standing


def next_look(reader):
    """Return the seconds after which the log is looked at next, unless something is stored."""
    looks, woken = [], reader._woken
    reader._woken = SimpleNamespace(wait=looks.append, clear=woken.clear)
    reader.follow(SimpleNamespace(is_set=iter((False, True)).__next__))
    reader._woken = woken
    return looks[0]


def test_what_arrived_is_a_task_once(house, log):
    reader = log()
    house.orthanc.arrive("j", b"file")
    assert reader.unread_instances() == 2
    reader.read()
    assert reader.unread_instances() == 0
    assert house.to_annotate() == {"i", "j"}
    house.orthanc.log.append(Change(house.orthanc.last_change() + 1, "StableSeries", "series"))
    assert reader.unread_instances() == 0
    reader.read()
    assert house.to_annotate() == set()


def test_workers_are_woken_for_what_arrived_and_for_nothing_else(house, log, monkeypatch):
    woken = []
    monkeypatch.setattr(house.tasks, "wake", lambda: woken.append(True))
    reader = log()
    reader.read()
    house.orthanc.log.append(Change(house.orthanc.last_change() + 1, "StableSeries", "series"))
    reader.read()
    assert woken == [True]


def test_what_waits_already_and_is_sent_once_more_is_one_instance(house, log):
    reader = log()
    house.ask(Kind.ANNOTATE, "i")
    house.orthanc.arrive("j", b"file")
    assert house.tasks.count(Kind.ANNOTATE) + reader.unread_instances() == 2


def test_a_file_that_ours_replaced_is_no_task_and_one_that_came_after_it_is(house, log):
    """Who annotated waited for the rewrite's end, to find that nothing was to be done."""
    own = {}
    reader = log(is_own=lambda instance, entry: own.get((instance, entry), False))
    house.to_annotate()
    number = house.orthanc.last_change()
    house.orthanc.arrive("j", b"file")
    own["j", number + 1] = None  # It may be ours, or one that ours is about to replace.
    reader.wake("j", ours=True)
    house.orthanc.arrive("k", b"file")
    for found in ({"i"}, set()):
        reader.read()
        assert house.to_annotate() == found
    assert reader.is_unread("k")
    assert next_look(reader) < 0.1  # What came behind it waits, too.
    own["j", number + 1] = True
    reader.read()
    assert house.to_annotate() == {"k"}
    assert next_look(reader) > 0.1
    house.orthanc.arrive("j", b"another picture")
    reader.read()
    assert house.to_annotate() == {"j"}


def test_it_goes_on_where_it_was_killed(house, log):
    log().read()
    assert house.to_annotate() == {"i"}
    house.orthanc.arrive("j", b"file")
    log(first=99).read()
    assert house.to_annotate() == {"j"}


def test_the_first_start_begins_with_what_comes(house, log):
    log(first=house.orthanc.last_change()).read()
    assert house.to_annotate() == set()


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_log_that_was_emptied_and_counts_anew_is_followed(house, log, restarted, at_once):
    reader = log()
    for name in "jkl":
        house.orthanc.arrive(name, b"file")
    reader.read()
    house.to_annotate()
    house.orthanc.empty_the_log()
    if restarted:
        reader = log(first=99)
    if not at_once:
        reader.read()
    house.orthanc.arrive("m", b"file")
    reader.read()
    reader.read()
    assert house.to_annotate() == {"m"}


def remove(house):
    file = house.orthanc.versions["i"]
    house.trail.removed("i", by="ann", at="2026-11-28T10:00:00Z", file=file)


def test_what_was_removed_after_an_entry_was_written_is_no_task(house, log):
    reader = log()
    remove(house)
    reader.read()
    assert house.to_annotate() == set()
    house.orthanc.arrive("i", b"file")
    reader.read()
    assert house.to_annotate() == {"i"}


def test_an_instance_that_orthanc_fails_to_describe_does_not_hold_up_the_log(
    house, log, monkeypatch
):
    """Nothing that came after it was ever annotated."""
    reader = log()
    remove(house)
    house.orthanc.arrive("j", b"file")
    monkeypatch.setattr(house.orthanc, "stored_file", Mock(side_effect=ArchiveError("status 500")))
    reader.read()
    assert house.to_annotate() == {"i", "j"}


@pytest.mark.parametrize("shared", [False, True])
def test_nothing_is_a_task_where_uploads_are_not_annotated(house, log, shared):
    reader = log(live=False)
    house.database.shared = shared
    assert reader.unread_instances() == 0
    reader.read()
    reader.wake("i")
    reader.read()
    assert house.to_annotate() == set()


def test_a_burst_is_waited_for_and_a_stream_is_kept_up_with(log, clock):
    reader = log()
    assert reader.burst() == 0.0
    reader.wake("i")
    assert 0.0 < reader.burst() < 0.05
    for _ in range(1100):
        clock.now += 0.01
        reader.wake("i")
    assert reader.burst() == 0.0


def test_a_stream_with_short_pauses_is_kept_up_with(log, clock):
    reader = log()
    for _ in range(20):
        for _ in range(60):
            clock.now += 0.01
            reader.wake("i")
        clock.now += 0.1
        reader.wake("i")
    assert reader.burst() == 0.0
    clock.now += 2.0
    reader.wake("i")
    assert reader.burst() > 0.0


def test_the_longer_the_intervals_of_a_burst_the_longer_its_end_is_waited_for(log, clock):
    """Files of many megabytes follow each other more slowly than small ones."""
    reader = log()
    for _ in range(5):
        clock.now += 0.1
        reader.wake("i")
    clock.now += 0.1
    assert reader.burst() > 0.0
    clock.now += 0.11
    assert reader.burst() == 0.0
    clock.now += 10.0
    reader.wake("i")
    assert 0.0 < reader.burst() < 0.05


def test_several_senders_whose_uploads_end_unevenly_make_one_burst(log, clock):
    """Whoever judged by the last interval alone labelled amid the burst, and slowed it down."""
    reader = log()
    for sent in range(6):
        for interval in (0.1, 0.001, 0.002, 0.001):
            clock.now += interval
            assert sent < 2 or reader.burst() > 0.0
            reader.wake("i")
    clock.now += 0.2
    assert reader.burst() == 0.0


def test_one_that_comes_alone_is_waited_with_less_long(log, clock):
    reader = log()
    reader.wake("i")
    alone = reader.burst()
    clock.now += 0.002
    reader.wake("i")
    assert 0.0 < 2 * alone < reader.burst()


@contextmanager
def following(reader):
    stopping = threading.Event()
    thread = threading.Thread(target=reader.follow, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        reader.stop()
        thread.join()


def tasks_come_to(house, number, seconds):
    for _ in range(int(seconds * 100)):
        if house.tasks.count(Kind.ANNOTATE) == number:
            return True
        time.sleep(0.01)
    return False


def test_one_that_comes_alone_is_a_task_before_its_wait_is_over(house, log, clock):
    """So what the reading takes is not added to the wait; a burst is read when it is over."""
    reader = log()
    reader.wake("i")
    with following(reader):
        assert tasks_come_to(house, 1, seconds=10)
        assert reader.burst() > 0.0
        house.orthanc.arrive("j", b"file")
        clock.now += 0.001
        reader.wake("j")
        assert not tasks_come_to(house, 2, seconds=0.2)
        clock.now += 1.0
        assert tasks_come_to(house, 2, seconds=10)


def test_who_waits_for_each_answer_does_not_wait_for_a_burst(house, log, clock):
    reader = log()
    reader.wake("i")
    alone = reader.burst()
    reader.read()
    assert house.to_annotate() == {"i"}
    clock.now += 0.1
    reader.wake("j")
    assert reader.burst() == alone


def test_what_comes_while_another_is_annotated_may_be_a_burst(house, log, clock):
    reader = log()
    reader.wake("i")
    alone = reader.burst()
    reader.read()
    task = house.claim(Kind.ANNOTATE)
    clock.now += 0.05
    reader.wake("j")
    assert reader.burst() > alone
    house.tasks.finish(task)


def test_a_stream_that_was_caught_up_with_once_is_still_a_stream(house, log, clock):
    """Whenever nothing was being annotated, all were held up for a further ten seconds."""
    reader = log()
    for _ in range(110):
        clock.now += 0.1
        reader.wake("i")
    reader.read()
    assert house.to_annotate() == {"i"}
    for _ in range(2):
        clock.now += 0.1
        reader.wake("i")
    assert reader.burst() == 0.0


def test_what_is_rewritten_makes_no_burst(log):
    reader = log()
    reader.wake("i", ours=True)
    assert reader.burst() == 0.0


def test_an_entry_of_several_orthancs_below_the_mark_is_still_asked_for(house, log):
    """Another Orthanc's entry was seen first, though its number is the higher one."""
    reader = log()
    house.database.shared = True
    late = house.orthanc.log.pop()
    house.orthanc.arrive("j", b"file")
    reader.wake("j")
    reader.read()
    assert house.tasks.standing_task(Kind.ANNOTATE, "j").generation == 1
    assert house.to_annotate() == {"j"}
    house.orthanc.log.insert(0, late)
    house.orthanc.log.append(Change(house.orthanc.last_change() + 1, "UpdatedMetadata", "i"))
    reader.wake("i")
    reader.read()
    assert house.to_annotate() == {"i"}
    remove(house)
    reader.wake("i")
    reader.read()
    assert house.to_annotate() == set()


def test_an_entry_below_the_mark_of_what_was_removed_and_sent_again_is_still_asked_for(house, log):
    """Another Orthanc's entry has the higher number and was seen first."""
    reader = log()
    house.database.shared = True
    remove(house)
    house.orthanc.arrive("i", b"file")
    late = house.orthanc.log.pop()
    house.orthanc.arrive("j", b"file")
    reader.read()
    assert house.to_annotate() == {"j"}
    house.orthanc.log.insert(0, late)
    reader.wake("i")
    reader.read()
    assert house.to_annotate() == {"i"}


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("no number")])
def test_what_the_hook_named_is_asked_for_though_the_log_could_not_be_read(
    house, log, monkeypatch, error
):
    reader = log()
    house.database.shared = True
    house.orthanc.log.clear()
    reader.wake("i")
    with monkeypatch.context() as away:
        away.setattr(house.orthanc, "changes", Mock(side_effect=error))
        with pytest.raises(type(error)):
            reader.read()
    reader.read()
    assert house.to_annotate() == {"i"}


def test_what_is_gone_again_is_asked_for_all_the_same(house, log):
    reader = log()
    remove(house)
    house.orthanc.files.pop("i")
    reader.read()
    assert house.to_annotate() == {"i"}


def test_what_is_unread_is_found_however_much_stands_before_it(house, log, monkeypatch):
    monkeypatch.setattr(change_log, "_PAGE", 2)
    reader = log()
    for name in "jklm":
        house.orthanc.arrive(name, b"file")
    assert [reader.is_unread(name) for name in "imn"] == [True, True, False]
    reader.read()
    assert not reader.is_unread("m")
    house.orthanc.arrive("m", b"file")
    assert reader.is_unread("m")
    assert not log(live=False).is_unread("m")
