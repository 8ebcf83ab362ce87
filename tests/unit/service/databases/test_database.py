"""What SQLite writes at once, and what with the next change."""

import sqlite3
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import facts
from service.dicom_tags.file_mark import FileMark
from unit.service.databases.test_schema import REVIEW
from unit.service.house import PARENTS, heard

LAST = Prepared(sa.select(facts))
FACT = Prepared(sa.insert(facts).inline())
NORMAL, FULL = 1, 2
"""As SQLite numbers `PRAGMA synchronous`."""


def synchronous(connection):
    return connection.exec_driver_sql("PRAGMA synchronous").scalar()


def test_what_is_done_again_after_a_power_cut_is_not_waited_for(house):
    with house.durable.write() as connection:
        assert synchronous(connection) == FULL
    with house.durable.write(at_once=False) as connection:
        assert synchronous(connection) == NORMAL
    at_once = heard(house.durable)
    number = house.trail.reviewed("i", REVIEW)
    house.backups.take("i", PARENTS, [], None, FileMark.of(b"file", signed=True))
    assert [one.split()[0] for one in at_once].count("INSERT") == 2
    at_once.clear()
    house.trail.applied(number)
    house.backups.drop("i")
    assert not at_once
    assert house.trail.open(10) == []
    assert house.backups.of("i") is None


def test_a_statement_put_together_once_asks_for_nothing_of_sqlalchemys_pool(house):
    """To lend a connection there took longer than the question that nearly each picture asks."""
    assert house.trail.last("i") is None
    lent = []
    sa.event.listen(house.durable.asked, "checkout", lambda *_: lent.append(1))
    house.trail.reviewed("i", REVIEW)
    assert house.trail.last("i").review.examined == REVIEW["examined"]
    assert house.trail.last("other") is None
    assert not lent
    assert len(house.durable._idle) == 1


def test_who_asks_amid_another_question_has_a_connection_of_its_own(house):
    house.durable.rows(LAST)
    with house.durable._quick() as one, house.durable._quick() as other:
        assert one is not other
    house.durable.close()
    for connection in (one, other):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_changes_one_after_the_other_are_of_one_connection(house):
    """To lend one from the pool took longer than to begin and end a transaction."""
    house.durable.put(FACT, name="a", value="1")
    with house.durable.write():
        pass
    lent = []
    sa.event.listen(house.durable.engine, "checkout", lambda *_: lent.append(1))
    for value in "23":
        with house.durable.write() as connection:
            connection.execute(sa.update(facts).values(value=value))
    assert [row.value for row in house.durable.rows(LAST)] == ["3"]
    assert not lent


def test_after_a_change_that_failed_the_next_is_kept(house):
    for value in "12":
        with pytest.raises(RuntimeError), house.durable.write() as connection:
            FACT.run(connection, {"name": value, "value": value})
            raise RuntimeError
        with house.durable.write() as connection:
            FACT.run(connection, {"name": f"after {value}", "value": value})
    assert [row.name for row in house.durable.rows(LAST)] == ["after 1", "after 2"]


def test_a_change_begun_while_the_database_is_closed_is_kept(house, monkeypatch):
    """Its connection was closed under it, which undid the change without a word."""
    durable = house.durable
    for at_once in (True, False):
        with durable.write(at_once=at_once):
            pass
    first = durable._writers[durable.engine]
    close = first.close
    with ExitStack() as changing:

        def closing():
            close()
            connection = changing.enter_context(durable.write(at_once=False))
            FACT.run(connection, {"name": "a", "value": "1"})

        monkeypatch.setattr(first, "close", closing)
        durable.close()
    assert [row.name for row in durable.rows(LAST)] == ["a"]
