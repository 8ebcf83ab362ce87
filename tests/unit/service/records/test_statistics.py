"""The numbers of the statistics: right, and counted without reading the rows of the archive."""

import random
import threading
from collections import Counter, defaultdict
from statistics import fmean
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from bodypart.regions import compatible
from service.databases.database import Database
from service.databases.schema import INDEX_SCHEMA, open_shared, prepare
from service.databases.tables import instances
from service.records.index import Index
from service.records.statistics import Statistics

PARTS = (None, "hand", "wrist", "knee", "chest")
AGREEMENTS = ("agree", "conflict", "image-only", "header-only", "none")
ROWS = 400


def rows():
    """Instances of all kinds as they come; slices of a series mostly show one part."""
    chance = random.Random(3)
    for number in range(ROWS):
        done = chance.random() < 0.9
        reviewed = done and chance.random() < 0.3
        yield {
            "id": f"{number:04}",
            "series": f"series {number // 3}",
            "study": f"study {number // 6}",
            "patient": "patient",
            "state": "done" if done else "unseen",
            "examined": chance.choice(PARTS) if done else None,
            "agreement": chance.choice(AGREEMENTS) if done else None,
            "needs_review": done and chance.random() < 0.2,
            "modality": chance.choice(("CR", "DX", "")),
            "study_date": chance.choice(("", "2026", "20260101", "20260115", "20251231")),
            "image_label": chance.choice(PARTS) if done else None,
            "header_label": chance.choice(PARTS) if done else None,
            "machine_label": chance.choice(PARTS) if done else None,
            "machine_probability": chance.choice((None, 0.0, 0.31, 0.39, 0.95, 1.0)),
            "reviewed_at": "2026-11-28T10:00:00Z" if reviewed else None,
            "reviewed_by": "ann" if reviewed else None,
        }


def filled(database):
    with database.write() as connection:
        connection.execute(sa.insert(instances), list(rows()))
    return SimpleNamespace(index=Index(database), rows=list(rows()))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    database = Database.of_file(tmp_path_factory.mktemp("statistics") / "index.sqlite")
    prepare(database, INDEX_SCHEMA)
    yield filled(database)
    database.close()


def by_label(found):
    series, number = defaultdict(set), Counter()
    for row in found:
        if row["examined"]:
            number[row["examined"]] += 1
            series[row["examined"]].add(row["series"])
    lines = [
        {"label": label, "instances": number[label], "series": len(series[label])}
        for label in number
    ]
    return sorted(lines, key=lambda line: (-line["series"], line["label"]))


def pairs(found):
    both = [(row["header_label"], row["image_label"]) for row in found]
    number = Counter(pair for pair in both if all(pair))
    return [
        {"header": header, "image": image, "instances": count, "compatible": match}
        for (header, image), count in sorted(number.items())
        for match in [compatible(header, image)]
    ]


def by_month(found):
    number = Counter(
        (row["study_date"][:6], row["agreement"])
        for row in found
        if row["state"] == "done" and len(row["study_date"]) == 8
    )
    return [
        {"month": month, "agreement": kind, "instances": count}
        for (month, kind), count in sorted(number.items())
    ]


def by_tenth(reviewed):
    tenths = defaultdict(list)
    for row in reviewed:
        if row["machine_label"] and row["machine_probability"] is not None:
            tenths[min(int(row["machine_probability"] * 10), 9)].append(row)
    return [
        {
            "from": tenth / 10,
            "to": (tenth + 1) / 10,
            "reviewed": len(found),
            "probability": round(fmean(row["machine_probability"] for row in found), 3),
            "right": round(fmean(row["machine_label"] == row["examined"] for row in found), 3),
        }
        for tenth, found in sorted(tenths.items())
    ]


@pytest.mark.parametrize("shared", [False, True])
def test_they_are_what_counting_row_by_row_gives(archive, request, shared):
    if shared:
        database = open_shared(request.getfixturevalue("postgres").driver_url)
        request.addfinalizer(database.close)
        archive = filled(database)
    told = Statistics(archive.index).everything()
    assert told["examined"] == by_label(archive.rows)
    assert told["confusion"] == pairs(archive.rows)
    assert told["agreement"] == by_month(archive.rows)
    assert told["modalities"] == ["CR", "DX"]
    reviewed = [row for row in archive.rows if row["reviewed_at"]]
    corrected = [row for row in reviewed if row["machine_label"] != row["examined"]]
    assert told["reviews"] == {
        "reviewed": len(reviewed),
        "corrected": len(corrected),
        "waiting": sum(row["needs_review"] for row in archive.rows),
        "conflicts": sum(row["agreement"] == "conflict" for row in reviewed),
    }
    assert told["calibration"] == by_tenth(reviewed)


def test_an_index_holds_what_each_question_needs(archive):
    """A million rows are a gigabyte; only those that wait for a review may be looked up."""
    engine, asked = archive.index.database.asked, []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    Statistics(archive.index).everything()
    sa.event.remove(engine, "before_cursor_execute", note)
    questions = [one for one in asked if "FROM instances" in one[0]]
    assert len(questions) == 7
    with engine.connect() as connection:
        for question, parameters in questions:
            explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", parameters)
            plan = [row[3] for row in explained if " instances" in row[3]]
            assert plan, question
            for step in plan:
                assert "COVERING INDEX" in step or "instances_to_review" in step, (step, question)


class Clock:
    """Each question takes so many seconds."""

    def __init__(self, database, seconds):
        self.now = 1000.0
        self._seconds = seconds
        self.while_asked = lambda: None
        sa.event.listen(database.asked, "before_cursor_execute", self._pass)
        self.stop = lambda: sa.event.remove(database.asked, "before_cursor_execute", self._pass)

    def _pass(self, *_question):
        self.now += self._seconds
        self.while_asked()

    def __call__(self):
        return self.now


@pytest.fixture
def timed(archive, request):
    """Statistics of which each question takes some seconds, and their clock."""

    def make(seconds):
        clock = Clock(archive.index.database, seconds)
        request.addfinalizer(clock.stop)
        return Statistics(archive.index, clock), clock

    return make


def test_what_takes_long_to_count_is_kept_for_ten_times_as_long(timed):
    statistics, clock = timed(1.0)
    began = clock.now
    first = statistics.everything()
    took = clock.now - began
    clock.now += 9 * took
    assert statistics.everything() is first
    clock.now += 1.1 * took
    assert statistics.everything() is not first


def test_nothing_is_kept_for_longer_than_five_minutes(timed):
    statistics, clock = timed(60.0)
    first = statistics.everything()
    clock.now += 299
    assert statistics.everything() is first
    clock.now += 2
    assert statistics.everything() is not first


def test_what_is_counted_quickly_is_never_old(timed):
    statistics, _clock = timed(0.01)
    first = statistics.everything()
    assert statistics.everything() is not first


def test_who_comes_while_it_is_counted_waits_for_it(timed):
    statistics, clock = timed(1.0)
    counting, goes_on, told = threading.Event(), threading.Event(), []
    clock.while_asked = lambda: counting.set() or goes_on.wait(10)
    waiting = [
        threading.Thread(target=lambda: told.append(statistics.everything())) for _ in range(5)
    ]
    for one in waiting:
        one.start()
    assert counting.wait(10)
    assert not told
    goes_on.set()
    for one in waiting:
        one.join(10)
    assert len(told) == 5
    assert all(one is told[0] for one in told)
