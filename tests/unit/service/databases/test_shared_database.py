"""Locks that several nodes respect, and rights that one lacks, in a real PostgreSQL."""

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from service.databases import database as module
from service.databases import schema
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
            with database.hold("i"):
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
        with database.hold(str(number)):
            if number < 20:
                all_hold.wait(20)
            assert database.value(sa.text("SELECT 1")) == 1

    with ThreadPoolExecutor(60) as pool:
        for future in [pool.submit(work, number) for number in range(60)]:
            future.result()


def test_a_thread_takes_its_own_lock_again_and_a_second_one(node):
    database, other = node(), node()
    with database.hold("i"), database.hold("i"), database.hold("j"):
        (held,) = {id(connection) for connection in database._mine.held.values()}
        assert held
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: other.hold("i").__enter__()).result(5) is None


def test_a_lock_that_a_hanging_node_keeps_is_an_error_after_a_while(node, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_LOCK", 1)
    database, hanging = node(), node()
    with hanging.hold("i"), pytest.raises(RecordError), database.hold("i"):
        pass
    with database.hold("i"):
        pass


@pytest.fixture
def as_superuser(postgres):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE poor LOGIN")
        yield lambda statement: connection.execute(statement.encode())
        for statement in ("DROP SCHEMA IF EXISTS bodypart CASCADE", "DROP OWNED BY poor"):
            connection.execute(statement.encode())
        connection.execute("DROP ROLE poor")


@pytest.fixture
def opened(postgres):
    made = []

    def open_as(name):
        made.append(schema.open_shared(postgres.driver_url.replace("postgres@", f"{name}@")))
        return made[-1]

    yield open_as
    for database in made:
        database.close()


def test_a_right_that_is_missing_is_named_and_on_what(as_superuser, opened):
    """Of each there was the same one word, InsufficientPrivilege."""

    def lacks(what, do):
        with pytest.raises(RecordError) as told:
            do()
        assert str(told.value) == f"the records cannot be kept: permission denied for {what}"

    lacks("database orthanc (CREATE)", lambda: opened("poor"))
    opened("postgres")
    lacks("schema bodypart", lambda: opened("poor"))
    as_superuser("GRANT USAGE ON SCHEMA bodypart TO poor")
    lacks("table durable_version (SELECT)", lambda: opened("poor"))
    as_superuser("GRANT SELECT ON ALL TABLES IN SCHEMA bodypart TO poor")
    database = opened("poor")
    lacks("table tasks (DELETE)", lambda: database.rows(sa.text("DELETE FROM tasks")))


def test_who_owns_the_schema_needs_no_right_to_make_one(as_superuser, opened):
    """PostgreSQL refuses CREATE SCHEMA IF NOT EXISTS where it exists, too."""
    as_superuser("CREATE SCHEMA bodypart AUTHORIZATION poor")
    assert opened("poor").value(sa.text("SELECT count(*) FROM tasks")) == 0


def test_a_server_that_is_cut_off_is_noticed_within_a_minute_amid_a_question_too(node):
    """A question that never arrived was waited for a quarter of an hour, with the locks held."""
    with node().engine.connect() as connection:
        kept = connection.connection.dbapi_connection
        with socket.socket(fileno=os.dup(kept.fileno())) as way:
            assert way.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
