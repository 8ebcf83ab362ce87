"""What the change log did not tell of is found; what is gone is forgotten."""

import threading

import pytest
import sqlalchemy as sa

from bodypart.annotation import Review
from service.databases.tables import instances
from service.errors import ArchiveError, NotFoundError, RecordError
from service.queue.tasks import Kind, Mode, Priority
from service.records.index import UNSEEN
from service.work.sweep import Sweep
from unit.service.house import PARENTS
from unit.service.work.failing import raiser


def run(sweep):
    sweep.run(threading.Event())


def test_what_arrived_unheard_is_queued_and_the_old_stock_noted(house, sweep):
    house.orthanc.arrive("new", b"file", received="20260701T000000")
    assert sweep.is_due()
    run(sweep)
    assert house.index.state("new") is None
    assert house.claim(Kind.ANNOTATE).resource == "new"
    assert house.index.state("i") == UNSEEN
    assert not sweep.is_due()


def test_what_arrived_unheard_is_noticed_while_the_old_stock_is_read_again(house, sweep):
    """As many as were still to be read again could be missing, for days."""
    house.annotator.annotate("i", Mode.NEW)
    house.ask(Kind.ANNOTATE, "i", mode=Mode.AGAIN, priority=Priority.BACKFILL)
    assert not sweep.is_due()
    house.orthanc.arrive("new", b"file", received="20260701T000000")
    assert sweep.is_due()
    for priority in (Priority.STUCK, Priority.ARRIVAL, Priority.PERSON):
        house.ask(Kind.ANNOTATE, "new", priority=priority)
        assert not sweep.is_due()


def test_a_sweep_is_not_due_as_the_old_stock_is_read(house, sweep, monkeypatch):
    """It was where a task ended between two counts: the whole archive was looked through."""
    house.annotator.annotate("i", Mode.NEW)
    house.ask(Kind.ANNOTATE, "i", mode=Mode.AGAIN, priority=Priority.BACKFILL)
    rows = house.database.rows

    def ended_after(statement, **values):
        found = rows(statement, **values)
        if values.get("kind") == Kind.ANNOTATE:
            monkeypatch.undo()
            house.tasks.finish(house.claim(Kind.ANNOTATE))
        return found

    monkeypatch.setattr(house.database, "rows", ended_after)
    assert not sweep.is_due()


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_one_that_cannot_be_looked_at_hides_no_others(house, sweep, monkeypatch, error):
    house.orthanc.arrive("a", b"file", received="20260701T000000")
    house.orthanc.arrive("new", b"file", received="20260701T000000")
    adopt = house.annotator.adopt

    def fails(instance):
        if instance == "a":
            raise error
        return adopt(instance)

    monkeypatch.setattr(house.annotator, "adopt", fails)
    run(sweep)
    assert house.tasks.stands(Kind.ANNOTATE, "new")
    assert not any("name" in line for line in house.lines)


def test_what_is_deleted_as_the_sweep_looks_at_it_is_not_left_out(house, sweep, monkeypatch):
    house.orthanc.arrive("a", b"file", received="20260701T000000")
    monkeypatch.setattr(house.annotator, "adopt", raiser(NotFoundError("a")))
    run(sweep)
    assert sweep.left_out == house.lines == []


def test_records_that_cannot_be_written_end_a_sweep_which_is_done_again(house, sweep, monkeypatch):
    house.orthanc.arrive("a", b"file", received="20260701T000000")
    monkeypatch.setattr(house.annotator, "adopt", raiser(RecordError("the disk is full")))
    with pytest.raises(RecordError):
        run(sweep)
    assert sweep.left_out == []


def test_a_lost_index_is_rebuilt_from_the_metadata_and_the_trail(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.set_metadata("instances", "i", "ReceptionDate", "20260701T000000")
    house.orthanc.arrive("removed", b"file")
    file = house.orthanc.versions["removed"]
    house.trail.removed("removed", by="ann", at="2026-11-28T10:00:00Z", file=file)
    with house.database.write() as connection:
        for table in ("instances", "mentions", "counts", "tasks"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    run(sweep)
    assert house.index.children("series", "series")[0].examined == "hand"
    assert house.claim(Kind.ANNOTATE) is None
    assert house.index.state("removed") == "forgotten"


@pytest.mark.parametrize("removed", [True, False])
def test_what_a_person_says_as_the_sweep_looks_at_it_stays_in_the_index(
    house, sweep, monkeypatch, removed
):
    """The sweep noted that it has no annotation, and no search found it any more."""
    if removed:
        file = house.orthanc.versions["i"]
        house.trail.removed("i", by="ann", at="2026-11-28T10:00:00Z", file=file)
    else:
        monkeypatch.setattr(house.orthanc, "glance", raiser(ArchiveError("status 500")))
    parents = house.orthanc.parents

    def spoken_of(instance):
        monkeypatch.undo()
        house.reviewer.review(instance, Review("bob", "2026-11-28T11:00:00Z", "foot"))
        return parents(instance)

    monkeypatch.setattr(house.orthanc, "parents", spoken_of)
    run(sweep)
    assert house.index.state("i") == "done"
    assert house.index.counts() == {"done": 1}


def test_sides_in_doubt_are_noted_of_what_an_earlier_version_took_in(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    annotation = house.orthanc.annotation("i")
    marker = {"side": "R", "letter": "R", "probability": 0.9, "both": False}
    doubtful = {
        "image": {**annotation["image"], "marker": marker},
        "laterality": {"value": "L", "source": "header"},
        "needs_review": True,
    }
    house.annotations.put({**annotation, **doubtful}, PARENTS)
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE instances SET side_in_doubt = NULL")
    assert house.index.without_side(5) == ["i"]
    run(sweep)
    assert house.index.without_side(5) == []
    assert house.database.value(sa.select(instances.c.side_in_doubt)) is True


@pytest.mark.parametrize(
    ("not_noted", "swept"),
    [
        ("tags_state = 'none'", 0),
        ("station = NULL", 1),
        ("side_in_doubt = NULL, needs_review = 1, laterality_source = 'header'", 1),
    ],
)
def test_a_start_sweeps_for_what_an_earlier_version_did_not_note(
    house, sweep, monkeypatch, not_noted, swept
):
    house.annotator.annotate("i", Mode.NEW)
    with house.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE instances SET {not_noted}")
    stopping, sweeps = threading.Event(), []
    monkeypatch.setattr(stopping, "wait", lambda seconds: seconds == 600.0 and stopping.set())
    monkeypatch.setattr(sweep, "run", sweeps.append)
    sweep.follow(stopping, every=600.0)
    assert len(sweeps) == swept


def test_an_instance_that_cannot_be_adopted_ends_no_sweep(house, sweep, monkeypatch):
    house.annotator.annotate("i", Mode.NEW)
    doubt = "side_in_doubt = NULL, needs_review = 1, laterality_source = 'header'"
    with house.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE instances SET {doubt}")

    def fails(_):
        raise ArchiveError("status 500")

    monkeypatch.setattr(house.annotator, "adopt", fails)
    run(sweep)
    assert house.index.without_side(5) == ["i"]


def test_what_is_gone_is_taken_out(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.arrive("j", b"file")
    house.annotator.annotate("j", Mode.NEW)
    house.orthanc.delete_instance("i")
    run(sweep)
    assert house.index.state("i") is None
    assert house.index.state("j") == "done"


def test_an_instance_that_orthanc_fails_to_describe_is_not_gone_and_hides_no_others(
    house, sweep, monkeypatch
):
    for instance in ("gone", "odd"):
        house.orthanc.arrive(instance, b"file")
        house.annotator.annotate(instance, Mode.NEW)
    house.orthanc.delete_instance("gone")
    exists = house.orthanc.exists

    def fails(*_):
        raise ArchiveError("status 500")

    monkeypatch.setattr(house.orthanc, "glance", fails)
    monkeypatch.setattr(
        house.orthanc, "exists", lambda at, i: fails() if i == "odd" else exists(at, i)
    )
    monkeypatch.setattr(house.orthanc, "count", lambda: 1)
    run(sweep)
    assert house.index.state("gone") is None
    assert house.index.state("odd") == "done"


def test_what_is_there_is_asked_for_in_one_question(house, sweep, monkeypatch):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.arrive("gone", b"file")
    house.annotator.annotate("gone", Mode.NEW)
    house.orthanc.delete_instance("gone")
    asked, exists = [], house.orthanc.exists
    monkeypatch.setattr(house.orthanc, "exists", lambda at, i: asked.append(i) or exists(at, i))
    run(sweep)
    assert asked == ["gone"]
    monkeypatch.setattr(house.orthanc, "glance", raiser(ArchiveError("status 500")))
    run(sweep)  # As many as are known are there: none is asked for.
    assert asked == ["gone"]


def test_what_was_deleted_while_the_service_was_down_leaves_no_picture(house, sweep):
    """Its thumbnail stayed until the cache was full."""
    house.annotator.annotate("i", Mode.NEW)
    house.thumbnails.put("i", 192, "file-1", b"jpeg")
    house.orthanc.delete_instance("i")
    run(sweep)
    assert house.thumbnails.get("i", 192, "file-1") is None


def test_what_another_node_was_told_is_gone_leaves_no_picture_here(house, sweep, monkeypatch):
    """That node dropped its own thumbnail; ours stayed until the cache was full."""
    monkeypatch.setattr("service.work.sweep._PAGE", 1)
    house.annotator.annotate("i", Mode.NEW)
    for instance in ("gone", "i", "lost"):
        house.thumbnails.put(instance, 192, "file", b"jpeg")
    stopping = threading.Event()
    monkeypatch.setattr(stopping, "wait", lambda seconds: seconds == 600.0 and stopping.set())
    sweep.follow(stopping, every=600.0)
    assert house.thumbnails.instances("", 10) == ["i"]


def test_rows_of_before_there_were_stations_get_theirs(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE instances SET station = NULL")
    assert house.index.without_station(9) == ["series"]
    run(sweep)
    assert house.index.without_station(9) == []
    assert house.index.parents("i").station == "ROOM 1"


def test_what_was_left_out_is_looked_at_again_with_the_next_look(house, sweep, broken, monkeypatch):
    stopping, looks = threading.Event(), []

    def wait(seconds):
        if seconds == 600.0:
            looks.append(list(sweep.left_out))
            broken()
            if len(looks) == 2:
                stopping.set()

    monkeypatch.setattr(stopping, "wait", wait)
    sweep.follow(stopping, every=600.0)
    assert looks == [["broken"], []]
    assert house.index.state("broken") == UNSEEN


def test_what_orthanc_describes_a_moment_later_is_not_left_out(house, sweep, broken, monkeypatch):
    stopping = threading.Event()
    monkeypatch.setattr(stopping, "wait", lambda seconds: None if seconds else broken())
    sweep.run(stopping)
    assert sweep.left_out == []
    assert not any("is not annotated" in line for line in house.lines)
    assert house.index.state("broken") == UNSEEN


def test_what_is_left_out_does_not_hide_what_is_gone(house, facts, sweep, broken):
    """As many of the one as of the other: neither was noticed, not after a start anew either."""
    house.annotator.annotate("i", Mode.NEW)
    run(sweep)
    assert sweep.left_out == ["broken"]
    assert "instance broken is not annotated: Orthanc gives no data of it" in house.lines
    assert not sweep.is_due()
    house.orthanc.delete_instance("i")
    later = Sweep(
        *(house.orthanc, house.records, house.annotator, facts), live=True, log=house.lines.append
    )
    assert later.is_due()
    run(later)
    assert house.index.state("i") is None
    assert not later.is_due()


def test_a_sweep_is_done_again_if_orthanc_describes_no_instance(house, sweep, monkeypatch):
    monkeypatch.setattr("service.work.sweep._MOST_LEFT_OUT", 0)
    monkeypatch.setattr(house.orthanc, "glance", lambda _: 1 / 0)
    monkeypatch.setattr(house.annotator, "adopt", lambda _: 1 / 0)
    with pytest.raises(ArchiveError):
        run(sweep)


def test_a_sweep_that_failed_is_done_again_soon(house, sweep, monkeypatch, trouble):
    """Nothing else finds what stands there: numbers may be the same by chance."""
    asked = trouble("instance_ids", 2)
    stopping, pauses = threading.Event(), []

    def wait(seconds):
        pauses.append(seconds)
        if house.index.state("i") == UNSEEN and len(pauses) > 3:
            stopping.set()

    monkeypatch.setattr(stopping, "wait", wait)
    sweep.follow(stopping, every=600.0)
    assert house.index.state("i") == UNSEEN
    assert [pause for pause in pauses if pause > 1][:3] == [5.0, 10.0, 600.0]
    assert asked.asked >= 4
