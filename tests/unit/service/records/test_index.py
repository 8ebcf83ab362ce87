"""The index says what the annotations say, in the order of the work list, and counts."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from service.databases.schema import open_shared
from service.databases.tables import instances, mentions
from service.orthanc_api.resources import Parents
from service.queue.tasks import Kind, Mode
from service.records.index import REMOVED, UNSEEN, Index
from unit.service.house import PARENTS, heard, note


def put(house, *notes):
    with house.database.write() as connection:
        for annotation in notes:
            house.index.put(connection, annotation, PARENTS)


def test_an_annotation_is_found_by_what_each_source_says(house):
    header = {"label": "wrist", "labels": ["wrist"], "evidence": []}
    put(house, note(header=header, visible=[{"label": "finger", "probability": 0.7}]))
    rows = house.database.rows(sa.select(mentions.c.label, mentions.c.source))
    assert set(map(tuple, rows)) == {
        ("hand", "final"),
        ("hand", "image"),
        ("wrist", "header"),
        ("finger", "visible"),
    }
    put(house, note(label="knee"))
    rows = house.database.rows(sa.select(mentions.c.label).where(mentions.c.source == "final"))
    assert [row.label for row in rows] == ["knee"]


def test_counts_follow_every_change(house):
    put(house, note("a"), note("b"), note("a", label="knee"))
    with house.database.write() as connection:
        house.index.put_bare(connection, "c", PARENTS, UNSEEN)
        house.index.put_bare(connection, "b", PARENTS, REMOVED)
    assert house.index.counts() == {"done": 1, UNSEEN: 1, REMOVED: 1}
    house.index.reopen_removed()
    assert house.index.counts() == {"done": 1, UNSEEN: 2}
    with house.database.write() as connection:
        assert house.index.remove(connection, "a") == PARENTS
        assert house.index.remove(connection, "a") is None
    assert house.index.counts() == {UNSEEN: 2}
    counted = dict(
        map(
            tuple,
            house.database.rows(
                sa.select(instances.c.state, sa.func.count()).group_by(instances.c.state)
            ),
        )
    )
    assert counted == house.index.counts()


def test_a_new_state_of_the_file_rewrites_no_index_of_the_answer(house):
    """Each index of the row, what is named and what is counted would be written for nothing."""
    annotation = house.annotations.put(note(), PARENTS)
    statements = heard(house.database)
    written = {"state": "written", "changed": ["BodyPartExamined"], "refused": None}
    house.annotations.put({**annotation, "tags": written}, PARENTS, follow=False)
    assert house.index.with_pending_tags(10) == []
    assert not [text for text in statements if "mentions" in text or "counts" in text]
    house.annotations.put({**note(label="knee"), "tags": written}, PARENTS, follow=False)
    assert house.index.children("series", "series")[0].examined == "knee"


def test_a_row_that_is_emptied_keeps_nothing_of_before(house):
    put(house, note(needs_review=True, tags={"state": "pending", "changed": [], "refused": None}))
    with house.database.write() as connection:
        house.index.put_bare(connection, "i", PARENTS, REMOVED)
    (row,) = house.database.rows(sa.select(instances))
    said = {name: value for name, value in row._mapping.items() if value}
    assert said == {
        "id": "i",
        "series": "series",
        "study": "study",
        "patient": "patient",
        "state": REMOVED,
        "modality": "DX",
        "study_date": "20260101",
        "station": "ROOM 1",
        "tags_state": "none",
    }
    assert house.database.rows(sa.select(mentions)) == []


def test_what_is_known_stays_as_it_is_where_old_ones_are_noted(house):
    put(house, note())
    house.annotations.note_bare({"i": PARENTS, "j": PARENTS})
    assert house.index.counts() == {"done": 1, UNSEEN: 1}
    assert house.index.state("i") == "done"


@pytest.mark.parametrize("shared", [False, True], ids=["SQLite", "PostgreSQL"])
def test_old_ones_are_counted_as_many_as_they_are(house, request, shared):
    """In PostgreSQL each page of them counted one less than before."""
    database = house.database
    if shared:
        database = open_shared(request.getfixturevalue("postgres").driver_url)
    index = Index(database)
    for numbers in (range(1500), range(500, 2000)):
        with database.write() as connection:
            index.put_new(connection, {f"i{number}": PARENTS for number in numbers}, UNSEEN)
    assert index.counts() == {UNSEEN: 2000}
    database.close()


def test_an_answer_takes_the_place_of_what_another_node_is_just_noting(postgres):
    """Both found no row: the answer was refused as a second one, and made again later."""
    database = open_shared(postgres.driver_url)
    index = Index(database)

    def answer():
        with database.write() as connection:
            index.put(connection, note("raced"), PARENTS)

    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as node:
        with database.write() as connection:
            index.put_new(connection, {"raced": PARENTS}, UNSEEN)
            answered = node.submit(answer)
            end = time.monotonic() + 10
            while not database.value(waiting) and time.monotonic() < end:
                time.sleep(0.01)
            assert database.value(waiting)
        answered.result()
    assert index.state("raced") == "done"
    assert index.counts()["done"] == 1
    with database.write() as connection:
        index.remove(connection, "raced")
    database.close()


def test_many_are_counted_once_and_last(house):
    """From the first count on all others wait, on the other nodes as well."""
    statements = heard(house.database)
    house.annotations.note_bare({f"i{number}": PARENTS for number in range(20)})
    counting = [place for place, text in enumerate(statements) if "INTO counts" in text]
    last_row = max(place for place, text in enumerate(statements) if " instances" in text)
    assert len(counting) == 1 and counting[0] > last_row
    assert house.index.counts()[UNSEEN] == 20


def test_the_work_list_s_order_is_a_column(house):
    day = {"2": Parents("s", "t", "p", "DX", "20260102")}
    conflict = {"agreement": "conflict", "needs_review": True}
    notes = [
        note("sure"),
        note("doubt", needs_review=True),
        note("old", **conflict),
        note("2", **conflict),
    ]
    with house.database.write() as connection:
        for annotation in notes:
            house.index.put(connection, annotation, day.get(annotation["instance"], PARENTS))
    rows = house.database.rows(sa.select(instances.c.id).order_by(instances.c.rank))
    assert [row.id for row in rows] == ["2", "old", "doubt", "sure"]


@pytest.mark.parametrize(
    "day",
    ["", "2024011\u00b2", "9" * 5000, "2024.01.12"],
    ids=["none", "superscript", "endless", "of old"],
)
def test_what_is_no_date_goes_last(house, day):
    """It stands in the file as a stranger wrote it: the instance never came into the index."""
    with house.database.write() as connection:
        house.index.put(connection, note("odd"), Parents("s", "t", "p", "DX", day))
        house.index.put(connection, note("dated"), PARENTS)
    rows = house.database.rows(sa.select(instances.c.id).order_by(instances.c.rank))
    assert [row.id for row in rows] == ["dated", "odd"]


def test_pages_go_on_after_an_id(house):
    put(house, *(note(name) for name in "abcde"))
    assert house.index.after("", 2) == ["a", "b"]
    assert house.index.after("b", 10) == ["c", "d", "e"]
    assert house.index.unknown(["x", "a", "y"]) == ["x", "y"]
    put(house, note("f", tags={"state": "pending", "changed": [], "refused": None}))
    assert house.index.with_pending_tags(10) == ["f"]


def test_the_old_stock_is_given_study_by_study(house):
    with house.database.write() as connection:
        for number in range(9):
            parents = Parents(f"series-{number % 3}", f"study-{number % 3}", "patient")
            house.index.put_bare(connection, f"i{number}", parents, UNSEEN)
    pages = list(house.index.in_state(UNSEEN, 2))
    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    given = [instance for page in pages for instance in page]
    assert given == ["i0", "i3", "i6", "i1", "i4", "i7", "i2", "i5", "i8"]
    house.tasks.ask_now(Kind.ANNOTATE, given, mode=Mode.ASKED)
    time.sleep(0.001)
    assert [house.claim(Kind.ANNOTATE).resource for _ in given] == given
