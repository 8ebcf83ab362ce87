"""Statements that go past SQLAlchemy do what they do with it."""

import sqlite3

import pytest
import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import events, facts, instances
from service.errors import RecordError
from service.queue.tasks import Kind, Mode

OF = sa.select(instances.c.id, instances.c.needs_review, instances.c.side_in_doubt).where(
    instances.c.id == sa.bindparam("of")
)
ROW = {
    "id": "i", "series": "s", "study": "t", "patient": "p", "state": "done",
    "needs_review": True, "side_in_doubt": None,
}  # fmt: skip


def test_rows_are_those_of_sqlalchemy_with_names_and_truths(house):
    assert house.database.rows(Prepared(OF), of="i") == []
    with house.database.write() as connection:
        assert Prepared(sa.insert(instances).inline()).run(connection, ROW) == 1
    (row,) = house.database.rows(Prepared(OF), of="i")
    (usual,) = house.database.rows(OF, of="i")
    assert tuple(row) == tuple(usual) == ("i", True, None)
    assert row.needs_review is True
    assert house.database.value(Prepared(OF), of="i") == "i"
    assert house.database.value(Prepared(OF), of="other") is None


def test_one_statement_takes_now_these_columns_and_now_those(house):
    update = Prepared(sa.update(instances).where(instances.c.id == sa.bindparam("of")))
    with house.database.write() as connection:
        Prepared(sa.insert(instances).inline()).run(connection, ROW)
        assert update.run(connection, {"of": "i", "needs_review": False}) == 1
        assert update.run(connection, {"of": "i", "side_in_doubt": True}) == 1
        many = [{"of": one, "needs_review": True} for one in ("i", "other")]
        assert update.run_for_each(connection, many) == 1
    assert tuple(house.database.rows(OF, of="i")[0]) == ("i", True, True)


def test_it_is_kept_or_not_with_the_rest_of_its_transaction(house):
    insert = Prepared(sa.insert(facts))
    with pytest.raises(RuntimeError), house.durable.write() as connection:
        insert.run(connection, {"name": "a", "value": "1"})
        raise RuntimeError
    assert house.durable.rows(sa.select(facts).where(facts.c.name == "a")) == []
    house.durable.put(insert, name="a", value="1")
    assert len(house.durable.rows(sa.select(facts).where(facts.c.name == "a"))) == 1


def test_what_the_driver_cannot_do_is_an_error_of_ours(house):
    house.durable.put(Prepared(sa.insert(facts)), name="a", value="1")
    with pytest.raises(RecordError, match="cannot be kept"):
        house.durable.put(Prepared(sa.insert(facts)), name="a", value="1")
    with house.durable.write() as connection:
        connection.exec_driver_sql("DROP TABLE facts")
    with pytest.raises(RecordError) as found:
        house.durable.rows(Prepared(sa.select(facts)))
    assert isinstance(found.value.__cause__, sqlite3.Error)


def test_a_value_that_sqlalchemy_would_make_is_not_left_out(house):
    table = sa.Table("t", sa.MetaData(), sa.Column("at", sa.Integer, default=lambda: 1))
    table.append_column(sa.Column("n", sa.Integer))
    with pytest.raises(AssertionError), house.database.write() as connection:
        Prepared(sa.insert(table)).run(connection, {"n": 1})


def test_a_value_that_is_not_given_is_no_null(house):
    with pytest.raises(KeyError):
        house.database.rows(Prepared(OF))
    taken = Prepared(sa.update(instances).where(OF.whereclause).values(state=None))
    with pytest.raises(KeyError), house.database.write() as connection:
        taken.run(connection, {})


def test_columns_may_be_called_as_no_attribute_can_be(house):
    house.trail.withdrawn("i", by="ann", at="2026")
    (row,) = house.durable.rows(Prepared(sa.select(events)))
    assert (row.by, row.applied) == ("ann", False)


def test_a_picture_is_annotated_and_rewritten_past_sqlalchemy(house):
    """Its backup, which no other picture's statements showed, took longest of what is recorded."""
    house.ask(Kind.ANNOTATE, "i")
    task = house.claim(Kind.ANNOTATE)
    put_together = []
    for database in (house.durable, house.database):
        for engine in {database.engine, database._soon, database.asked}:
            sa.event.listen(engine, "before_cursor_execute", lambda *of: put_together.append(of[2]))
    house.annotator.annotate("i", Mode.NEW, task=task)
    rewrite = house.tasks.claim_this(Kind.REWRITE, "i")
    house.in_place.rewrite(rewrite)
    house.tasks.finish(rewrite)
    assert house.orthanc.annotation("i")["tags"]["state"] == "written"
    assert put_together == []
