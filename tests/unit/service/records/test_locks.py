"""Locks by name: what one holds others wait for, and nobody else."""

import threading

from service.records.locks import Locks


def test_who_holds_a_lock_is_waited_for_and_others_are_not():
    locks, entered = Locks(), []

    def enter(name):
        with locks.hold(name):
            entered.append(name)

    with locks.hold("a"):
        threads = [threading.Thread(target=enter, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        threads[1].join(5)
        assert entered == ["b"]
    threads[0].join(5)
    assert entered == ["b", "a"]


def test_a_thread_takes_what_it_holds_once_more():
    locks = Locks()
    with locks.hold("a"), locks.hold("a"):
        pass


def test_nothing_is_kept_of_what_nobody_holds():
    locks = Locks()
    try:
        with locks.hold("a"), locks.hold("b"):
            raise ValueError
    except ValueError:
        pass
    assert locks._locks == locks._users == {}


def test_of_many_threads_one_at_a_time_is_inside():
    locks, inside, most = Locks(), [], []

    def work():
        for _ in range(200):
            with locks.hold("a"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert not locks._locks
