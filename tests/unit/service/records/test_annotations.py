"""Annotations go to metadata, index, labels and what follows; revisions tell answers apart."""

import itertools
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from service.databases.tables import tasks
from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode, Priority
from service.records.annotations import of_file, sealed
from unit.service.house import PARENTS, House, heard, note


class Clock:
    """Stands still."""

    now = 0.0

    def time(self):
        return self.now


def test_an_annotation_is_everywhere_and_its_parents_follow(house):
    written = house.annotations.put(note(needs_review=True), PARENTS)
    assert house.orthanc.annotation("i") == written
    assert house.orthanc.metadata("instances", "i", "BodyPartExamined") == "85562004"
    assert house.orthanc.labels("instances", "i") == ["bodypart-hand", "bodypart-review"]
    assert house.index.state("i") == "done"
    while task := house.claim_due(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)
    for level, resource in PARENTS.levels():
        assert house.orthanc.annotation(resource, level)["examined"]["label"] == "hand"
    house.annotations.erase("i", house.orthanc.stored_file("i"))
    assert house.orthanc.annotation("i") is None
    assert house.orthanc.labels("instances", "i") == []
    while task := house.claim_due(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)
    assert house.orthanc.annotation("study", "studies") is None


def test_what_is_annotated_has_its_labels_whatever_was_cut_short(house, monkeypatch):
    """Labels came last: cut short before them, the next try found the annotation, and was done."""
    house.ask(Kind.ANNOTATE, "i")
    task = house.claim(Kind.ANNOTATE)
    with monkeypatch.context() as patch, pytest.raises(ArchiveError):
        patch.setattr(house.orthanc, "set_label", _away)
        house.annotator.annotate("i", Mode.NEW, task=task)
    house.annotator.annotate("i", Mode.NEW, task=task)
    assert house.orthanc.annotation("i")["examined"]["label"] == "hand"
    assert house.orthanc.labels("instances", "i") == ["bodypart-hand"]


def _away(*_, **__):
    raise ArchiveError("Orthanc is away")


def test_labels_of_others_stay(house):
    house.orthanc.set_label("instances", "i", "teaching", present=True)
    house.annotations.put(note(), PARENTS)
    house.annotations.put(note(label="knee"), PARENTS)
    assert house.orthanc.labels("instances", "i") == ["bodypart-knee", "teaching"]


def test_a_file_follows_only_where_the_operator_wants_it_and_somebody_looked(tmp_path):
    never = House(tmp_path, tags="none")
    never.orthanc.arrive("i", b"file")
    assert never.annotations.put(note(), PARENTS)["tags"]["state"] == "none"
    assert never.claim(Kind.REWRITE) is None


def test_what_only_the_header_says_is_not_written_into_a_file(house):
    assert house.annotations.put(note(image=None), PARENTS)["tags"]["state"] == "none"
    assert house.claim(Kind.REWRITE) is None


def test_the_file_of_what_arrives_follows_before_those_of_the_old_stock(house):
    for instance, priority, mode in (
        ("old", Priority.BACKFILL, Mode.ASKED),
        ("new", Priority.ARRIVAL, Mode.NEW),
    ):
        house.orthanc.arrive(instance, b"file")
        house.ask(Kind.ANNOTATE, instance, mode=mode, priority=priority)
        house.annotations.put(note(instance), PARENTS, done=house.claim(Kind.ANNOTATE))
    assert [house.claim_due(Kind.REWRITE).resource for _ in range(2)] == ["new", "old"]


def _annotated(house, instance, when, *, old):
    """Have one annotated at a time; return when the roll-up of its series is due, and as what."""
    priority, mode = (Priority.BACKFILL, Mode.ASKED) if old else (Priority.ARRIVAL, Mode.NEW)
    house.ask(Kind.ANNOTATE, instance, mode=mode, priority=priority)
    parents = replace(PARENTS, series=f"series of {instance}")
    house.orthanc.arrive(instance, b"file")
    house.clock.now = when
    house.annotations.put(note(instance), parents, done=house.claim(Kind.ANNOTATE))
    of = sa.select(tasks.c.due, tasks.c.priority).where(tasks.c.resource == parents.series)
    return tuple(house.database.rows(of)[0])


def test_roll_ups_of_the_old_stock_are_due_together_and_hold_up_no_other(tmp_path, monkeypatch):
    """Each came due by itself, in a transaction of its own."""
    house, house.clock = House(tmp_path, tags="none"), Clock()
    monkeypatch.setattr("service.records.annotations.time", house.clock)
    monkeypatch.setattr("service.queue.tasks.time", house.clock)
    start = time.time() // 1
    dues = [_annotated(house, f"old {at}", start + at, old=True) for at in (0.1, 0.5, 0.9)]
    assert dues == [(start + 1, Priority.BACKFILL)] * 3
    assert _annotated(house, "new", start + 0.1, old=False) == (
        pytest.approx(start + 0.12),
        Priority.ARRIVAL,
    )


def test_the_revision_changes_with_the_answer_alone():
    first = sealed(note(annotated_at="then"))
    assert sealed({**first, "tags": {"state": "written"}, "file": "another"}) == {
        **first,
        "tags": {"state": "written"},
        "file": "another",
    }
    assert sealed({**first, "group": "spine"})["revision"] != first["revision"]


def test_an_annotation_of_version_0_1_is_of_whatever_file_there_is():
    assert of_file(note(), "file-1")
    assert of_file(note(file="file-1"), "file-1")
    assert not of_file(note(file="file-1"), "file-2")


def test_of_what_is_gone_nothing_is_remembered_of_where_it_belonged(house):
    house.annotations.put(note(), PARENTS)
    house.annotations.gone("i")
    assert house.orthanc.asked_anew == [PARENTS.series]


def test_what_is_gone_takes_the_task_of_its_file_along(house):
    house.annotations.put(note(), PARENTS)
    house.annotations.gone("i")
    assert house.index.state("i") is None
    assert not house.tasks.stands(Kind.REWRITE, "i")


def _put(house, task):
    house.annotations.put(note(), PARENTS, done=task)


def _erase(house, _):
    house.annotations.erase("i", house.orthanc.stored_file("i"))


def _gone(house, _):
    house.annotations.gone("i")


@pytest.fixture
def touched(house):
    """Give which kinds of tasks a piece of work writes, in order."""

    def of(work):
        house.ask(Kind.ANNOTATE, "i")
        task = house.claim(Kind.ANNOTATE)
        statements = heard(house.database)
        work(house, task)
        writing = [one for one in statements if "tasks" in one and not one.startswith("SELECT")]
        kinds = [kind for one in writing for kind in Kind if f"'{kind}'" in one]
        return list(dict.fromkeys(kinds))

    return of


def test_tasks_are_touched_in_one_order_whatever_is_done(touched):
    """A node that took out what was gone, and one that annotated it, waited for each other."""
    orders = [touched(work) for work in (_put, _erase, _gone)]
    for one, other in itertools.combinations(orders, 2):
        assert {*one, *other} >= {Kind.ANNOTATE, Kind.REWRITE, Kind.ROLL_UP}
        assert [kind for kind in one if kind in other] == [kind for kind in other if kind in one]
