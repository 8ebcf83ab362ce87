"""Pages behind a place give each line once, in one order, found by an index."""

import random
import re

import pytest
import sqlalchemy as sa

from service.databases.schema import open_durable, open_index
from service.databases.tables import INDEX, instances
from service.records.keyset import Key, behind
from service.routes.filters import Filters
from service.routes.sheet import _GROUPS, _ORDERS


@pytest.fixture
def engine():
    made = sa.create_engine("sqlite://")
    INDEX.create_all(made)
    return made


def filled(engine, count=60):
    chance = random.Random(2)
    rows = [
        {
            "id": f"i{number:03}",
            **dict.fromkeys(("series", "patient"), "x"),
            "study": f"s{number // 4}",
            "state": "done",
            "examined": chance.choice([None, "hand", "knee"]),
            "image_label": chance.choice([None, "hand", "foot"]),
            "header_label": chance.choice([None, "knee"]),
            "station": chance.choice([None, "", "ROOM1"]),
            "probability": chance.choice([None, 0.25, 0.5, 0.75]),
            "study_date": chance.choice(["", "20250101", "20260101"]),
            "rank": f"{chance.randint(0, 9)}{number:03}",
        }
        for number in range(count)
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(instances), rows)
    return rows


def page(connection, keys, place, limit):
    question = sa.select(instances.c.id, *(key.value for key in keys))
    question = question.order_by(*(key.order() for key in keys)).limit(limit)
    if place:
        question = question.where(behind(keys, place))
    return [tuple(row) for row in connection.execute(question)]


@pytest.mark.parametrize("order", _ORDERS)
@pytest.mark.parametrize("group", _GROUPS)
def test_pages_give_each_line_once_in_one_order(engine, group, order):
    rows = filled(engine)
    keys = (*_GROUPS[group], *_ORDERS[order])
    with engine.connect() as connection:
        whole = page(connection, keys, None, 1000)
        found, place = [], None
        while lines := page(connection, keys, place, 7):
            found += lines
            place = lines[-1][1:]
    assert found == whole
    assert sorted(line[0] for line in found) == [row["id"] for row in rows]


def test_descending_is_the_other_way_round(engine):
    filled(engine)
    keys = (Key(instances.c.id, descending=True),)
    with engine.connect() as connection:
        assert page(connection, keys, ("i002",), 5) == [("i001", "i001"), ("i000", "i000")]


@pytest.mark.parametrize("order", _ORDERS)
@pytest.mark.parametrize("group", _GROUPS)
def test_no_first_page_of_the_sheet_sorts_the_whole_table(engine, group, order):
    """SQLite may sort within a group, or a day: it says RIGHT PART then."""
    keys = (*_GROUPS[group], *_ORDERS[order])
    question = sa.select(instances.c.id).order_by(*(key.order() for key in keys)).limit(200)
    text = str(question.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        plan = [row[3] for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    assert not any(step == "USE TEMP B-TREE FOR ORDER BY" for step in plan), plan
    assert any("USING" in step and "INDEX" in step for step in plan), plan


@pytest.mark.parametrize("show", ["review", "open", "all"])
def test_what_is_shown_is_counted_in_an_index(engine, show):
    where, _ = Filters(show=show).conditions(None)
    question = sa.select(sa.func.count()).select_from(instances).where(*where)
    text = str(question.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        (plan,) = [row[3] for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    assert "INDEX instances_" in plan


ADDED = (
    "instances_to_review",
    "instances_open",
    "instances_day",
    "instances_sure",
    "instances_answer",
    "instances_picture",
    "instances_pair",
    "instances_station",
)
MADE = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")


def made(database):
    """Return what the indexes are made of, without spaces and quotes."""
    return {row.name: re.sub(r'[ "]', "", row.sql).lower() for row in database.rows(MADE)}


def test_an_older_index_gets_the_same_ones(tmp_path):
    durable = open_durable(tmp_path / "audit.sqlite")
    fresh = open_index(tmp_path / "index.sqlite", durable, print)
    wanted = made(fresh)
    with fresh.write() as connection:
        for name in ADDED:
            connection.execute(sa.text(f"DROP INDEX {name}"))
        connection.execute(sa.text("ALTER TABLE instances DROP COLUMN side_in_doubt"))
        connection.execute(sa.text("UPDATE index_version SET version_num = 'index_0003'"))
    assert wanted.keys() - made(fresh).keys() == set(ADDED)
    fresh.close()
    upgraded = open_index(tmp_path / "index.sqlite", durable, print)
    assert made(upgraded) == wanted
    upgraded.close()
    durable.close()
