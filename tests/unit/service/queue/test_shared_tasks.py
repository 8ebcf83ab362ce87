"""The table of tasks of several nodes and helpers, in a real PostgreSQL."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from service.databases.schema import open_shared
from service.databases.tables import facts as facts_table
from service.databases.tables import tasks as table
from service.queue.lending import Lending
from service.queue.tasks import Kind, Priority, Tasks
from service.records.facts import Facts
from service.records.index import UNSEEN, Index
from service.work.backfill import Backfill
from unit.service.house import PARENTS

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def database(postgres):
    found = open_shared(postgres.driver_url)
    yield found
    with found.write() as connection:
        connection.execute(sa.delete(table))
    found.close()


def test_who_was_too_slow_leaves_alone_what_another_has(database):
    slow, other = Tasks(database, "slow"), Tasks(database, "other")
    slow.ask_now(Kind.ANNOTATE, ["i"], priority=Priority.BACKFILL)
    lending = Lending(database)
    assert lending.lend(5, -1, "first") == ["i"]
    lent = lending.task("i", "first")
    task = other.claim((Kind.ANNOTATE,))
    slow.finish(lent)
    slow.retry(lent, 0.0)
    slow.claims.release()
    lending.take_back(["i"], "first")
    assert lending.task("i", "first") is None
    assert other.standing_task(Kind.ANNOTATE, "i") == task
    other.retry(task, 0.0)
    assert lending.lend(5, 60) == []  # It was tried before: that is for the service itself.
    again = slow.claim((Kind.ANNOTATE,))
    other.finish(task)
    assert slow.stands(Kind.ANNOTATE, "i")
    slow.finish(again)
    assert not slow.stands(Kind.ANNOTATE, "i")


def test_a_back_fill_that_another_node_cancels_leaves_no_tasks(database, monkeypatch):
    """A page of them that was just being asked for was annotated all the same."""
    tasks, index, facts = Tasks(database, "node"), Index(database), Facts(database, {})
    with database.write() as connection:
        index.put_new(connection, {"i": PARENTS}, UNSEEN)
    archive = SimpleNamespace(count=lambda: 1)
    sweep = SimpleNamespace(run=lambda _: None, unheard_left_out=lambda: 0)
    one, other = (Backfill(archive, index, tasks, facts, sweep, pytest.fail) for _ in range(2))
    cancelling = threading.Thread(target=other.cancel)
    ask = tasks.ask_now

    def cancelled_first(*which, **how):
        cancelling.start()
        while cancelling.is_alive() and not database.value(WAITING):
            time.sleep(0.01)
        ask(*which, **how)

    monkeypatch.setattr(tasks, "ask_now", cancelled_first)
    one.start()
    one.step(threading.Event())
    cancelling.join()
    assert one.progress()["state"] == "cancelled"
    assert not tasks.count(Kind.ANNOTATE)


def test_two_nodes_that_start_for_the_first_time_note_that_both(database):
    """One of them ended by an error, and was started again."""
    facts = Facts(database, {})
    first = sa.insert(facts_table).values(name="installed", value="now")
    with ThreadPoolExecutor(1) as node:
        with database.write() as connection:
            connection.execute(first)
            noted = node.submit(facts.set, "installed", "a moment later")
            while not noted.done() and not database.value(WAITING):
                time.sleep(0.01)
        noted.result()
    assert facts.get("installed") == "a moment later"


def test_signs_of_life_hold_no_task_while_they_wait_for_another(database):
    """Who writes an annotation asks for the levels above first, and ends its task last."""
    tasks = Tasks(database, "node")
    tasks.ask_now(Kind.ANNOTATE, ["i"])
    with database.write() as connection:
        tasks.ask_roll_ups(connection, [("series", "s")], 0.0)
    done = tasks.claim((Kind.ANNOTATE,))
    assert tasks.claim((Kind.ROLL_UP,))
    given = []
    signs = threading.Thread(target=lambda: given.append(tasks.claims.renew()))
    with database.write() as connection:
        tasks.ask_roll_ups(connection, [("series", "s")], 0.0)
        signs.start()
        end = time.monotonic() + 10
        while not database.value(WAITING) and time.monotonic() < end:
            time.sleep(0.01)
        assert database.value(WAITING)
        tasks.finish(done, connection)
    signs.join()
    assert given == [None]
    assert not tasks.stands(Kind.ANNOTATE, "i")
