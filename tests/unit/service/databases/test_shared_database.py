"""Locks that several nodes respect, in a real PostgreSQL."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from service.databases import database as module
from service.databases.database import Database
from service.errors import RecordError


@pytest.fixture
def node(postgres):
    made = []

    def make():
        made.append(Database(postgres.driver_url))
        return made[-1]

    yield make
    for database in made:
        database.close()


def test_a_lock_is_held_by_one_node_at_a_time(node):
    inside, most = [], []

    def work(database):
        for _ in range(10):
            with database.hold(7):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                inside.pop()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, database) for database in (node(), node()) * 2]:
            future.result()
    assert len(most) == 40 and max(most) == 1


def test_who_holds_a_lock_can_write_however_many_hold_one(node):
    """As many as there may be requests: each has a lock of its own, and then writes."""
    database = node()
    all_hold = threading.Barrier(20)

    def work(number):
        with database.hold(number):
            if number < 20:
                all_hold.wait(20)
            assert database.value(sa.text("SELECT 1")) == 1

    with ThreadPoolExecutor(60) as pool:
        for future in [pool.submit(work, number) for number in range(60)]:
            future.result()


def test_a_thread_takes_its_own_lock_again_and_a_second_one(node):
    database, other = node(), node()
    with database.hold(1), database.hold(1), database.hold(2):
        (held,) = {id(connection) for connection in database._mine.held.values()}
        assert held
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: other.hold(1).__enter__()).result(5) is None


def test_a_lock_that_a_hanging_node_keeps_is_an_error_after_a_while(node, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_LOCK", 1)
    database, hanging = node(), node()
    with hanging.hold(3), pytest.raises(RecordError), database.hold(3):
        pass
    with database.hold(3):
        pass
