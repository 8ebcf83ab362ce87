"""What the change log did not tell of is found; what is gone is forgotten."""

import threading

import pytest

from bodypart.annotation import Review
from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode, Priority
from service.records.index import UNSEEN
from unit.service.house import PARENTS, note


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    monkeypatch.setattr("service.queue.sweep._ANEW_AFTER", (0.0, 0.0))


def run(sweep):
    sweep.run(threading.Event())


def test_what_arrived_unheard_is_queued_and_the_old_stock_noted(house, sweep):
    house.orthanc.arrive("new", b"file", received="20260701T000000")
    assert sweep.is_due()
    run(sweep)
    assert house.claim(Kind.ANNOTATE).resource == "new"
    assert house.index.state("i") == UNSEEN
    assert not sweep.is_due()


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_one_that_cannot_be_looked_at_hides_no_others(house, sweep, monkeypatch, error):
    house.orthanc.arrive("a", b"file", received="20260701T000000")
    house.orthanc.arrive("new", b"file", received="20260701T000000")
    adopt = house.annotator.adopt

    def stumbles(instance):
        if instance == "a":
            raise error
        return adopt(instance)

    monkeypatch.setattr(house.annotator, "adopt", stumbles)
    run(sweep)
    assert house.tasks.stands(Kind.ANNOTATE, "new")
    assert not any("name" in line for line in house.lines)


def test_a_lost_index_is_rebuilt_from_the_metadata_and_the_trail(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.arrive("removed", b"file")
    file = house.orthanc.versions["removed"]
    house.trail.removed("removed", by="ann", at="2026-11-28T10:00:00Z", file=file)
    with house.database.write() as connection:
        for table in ("instances", "mentions", "counts", "tasks"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    run(sweep)
    assert house.index.children("series", "series")[0].examined == "hand"
    assert house.index.state("removed") == "forgotten"


def test_what_is_gone_is_taken_out(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.arrive("j", b"file")
    house.annotator.annotate("j", Mode.NEW)
    house.orthanc.delete_instance("i")
    run(sweep)
    assert house.index.state("i") is None
    assert house.index.state("j") == "done"


def test_what_orthanc_cannot_tell_of_is_not_gone_and_hides_no_others(house, sweep, monkeypatch):
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


def test_what_was_deleted_while_the_service_was_down_leaves_no_picture(house, sweep):
    """Its thumbnail stayed until the cache was full."""
    house.annotator.annotate("i", Mode.NEW)
    house.thumbnails.put("i", 192, "file-1", b"jpeg")
    house.orthanc.delete_instance("i")
    run(sweep)
    assert house.thumbnails.get("i", 192, "file-1") is None


def test_rows_of_before_there_were_stations_get_theirs(house, sweep):
    house.annotator.annotate("i", Mode.NEW)
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE instances SET station = NULL")
    assert house.index.without_station(9) == ["series"]
    run(sweep)
    assert house.index.without_station(9) == []
    assert house.index.parents("i").station == "ROOM 1"


def test_a_back_fill_annotates_the_old_stock_and_ends(house, backfill):
    assert backfill.progress()["state"] == "idle"
    assert backfill.start() == {**backfill.progress(), "state": "running", "total": 1, "done": 0}
    backfill._step(threading.Event())
    task = house.claim(Kind.ANNOTATE)
    assert task.mode == Mode.ASKED
    house.annotator.annotate("i", Mode.ASKED, task=task)
    backfill._step(threading.Event())
    assert backfill.progress() == {**backfill.progress(), "state": "done", "done": 1, "pending": 0}


@pytest.fixture(params=[ArchiveError("status 500"), ValueError("a patient's name")])
def broken(house, request, monkeypatch):
    """Give an instance that Orthanc cannot tell of, and what mends it."""
    house.orthanc.arrive("broken", b"file")
    with monkeypatch.context() as wrong:
        for name in ("glance", "annotation", "stored_file"):
            ask = getattr(house.orthanc, name)

            def fails(asked, *level, _ask=ask):
                if "broken" in asked:
                    raise request.param
                return _ask(asked, *level)

            wrong.setattr(house.orthanc, name, fails)
        yield wrong.undo


def test_a_back_fill_ends_though_orthanc_cannot_tell_of_one(house, backfill, sweep, broken):
    """It was `running` for ever."""
    backfill.start()
    backfill._step(threading.Event())
    house.annotator.annotate("i", Mode.ASKED, task=house.claim(Kind.ANNOTATE))
    backfill._step(threading.Event())
    assert backfill.progress()["state"] == "done"
    assert sweep.left_out == ["broken"]
    assert not sweep.is_due()
    assert not any("name" in line for line in house.lines)


def test_what_was_left_out_is_looked_at_again_with_the_next_look(house, sweep, broken, monkeypatch):
    stopping, looks = threading.Event(), []

    def wait(seconds):
        if seconds == 600.0:
            looks.append(list(sweep.left_out))
            broken()
            if len(looks) == 2:
                stopping.set()

    monkeypatch.setattr(stopping, "wait", wait)
    sweep.follow(stopping, fresh=True, every=600.0)
    assert looks == [["broken"], []]
    assert house.index.state("broken") == UNSEEN


def test_a_back_fill_ends_though_one_can_neither_be_annotated_nor_given_up(house, backfill, broken):
    with house.database.write() as connection:
        house.index.put_bare(connection, "broken", PARENTS, UNSEEN)
    backfill.start()
    backfill._step(threading.Event())
    for task in (house.claim(Kind.ANNOTATE), house.claim(Kind.ANNOTATE)):
        if task.resource == "i":
            house.annotator.annotate("i", Mode.ASKED, task=task)
        else:
            house.tasks.retry(task, 0.0, priority=Priority.RETRY)
    backfill._step(threading.Event())
    assert backfill.progress()["state"] == "done"
    assert house.tasks.stands(Kind.ANNOTATE, "broken")


def test_where_orthanc_can_tell_of_nothing_the_sweep_is_done_again(house, sweep, monkeypatch):
    monkeypatch.setattr("service.queue.sweep._MOST_LEFT_OUT", 0)
    monkeypatch.setattr(house.orthanc, "glance", lambda _: 1 / 0)
    monkeypatch.setattr(house.annotator, "adopt", lambda _: 1 / 0)
    with pytest.raises(ArchiveError):
        run(sweep)


def test_a_back_fill_that_is_cancelled_gives_out_nothing(house, backfill):
    backfill.start()
    backfill._step(threading.Event())
    assert backfill.cancel()["state"] == "cancelled"
    assert house.claim(Kind.ANNOTATE) is None
    backfill._step(threading.Event())
    assert house.claim(Kind.ANNOTATE) is None


def test_a_back_fill_reopens_what_was_removed_before_it(house, backfill):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.remove("i", by="ann")
    backfill.start()
    backfill._step(threading.Event())
    house.annotator.annotate("i", Mode.ASKED, task=house.claim(Kind.ANNOTATE))
    assert house.orthanc.annotation("i")["examined"]["label"] == "hand"


class Trouble:
    """Lets a number of questions to Orthanc fail."""

    def __init__(self, orthanc, question, times, monkeypatch):
        self._ask, self._left = getattr(orthanc, question), times
        self.asked = 0
        monkeypatch.setattr(orthanc, question, self.ask)

    def ask(self, *values):
        self.asked += 1
        self._left -= 1
        if self._left >= 0:
            raise ArchiveError("away")
        return self._ask(*values)


def test_a_sweep_that_failed_is_done_again_soon(house, sweep, monkeypatch):
    """Nothing else finds what stands there: numbers may be the same by chance."""
    trouble = Trouble(house.orthanc, "instance_ids", 2, monkeypatch)
    stopping, pauses = threading.Event(), []

    def wait(seconds):
        pauses.append(seconds)
        if house.index.state("i") == UNSEEN and len(pauses) > 3:
            stopping.set()

    monkeypatch.setattr(stopping, "wait", wait)
    sweep.follow(stopping, fresh=True, every=600.0)
    assert house.index.state("i") == UNSEEN
    assert [pause for pause in pauses if pause > 1][:3] == [5.0, 10.0, 600.0]
    assert trouble.asked >= 4


def test_the_sweep_of_a_back_fill_is_done_again_if_it_failed(house, backfill, monkeypatch):
    trouble = Trouble(house.orthanc, "instance_ids", 1, monkeypatch)
    backfill.start()
    with pytest.raises(ArchiveError):
        backfill._step(threading.Event())
    backfill._step(threading.Event())
    assert backfill.progress()["state"] == "running"
    assert trouble.asked == 1
    monkeypatch.setattr("service.queue.backfill.time.monotonic", lambda: 1e9)
    backfill._step(threading.Event())
    assert trouble.asked > 1
    assert house.claim(Kind.ANNOTATE).resource == "i"


@pytest.fixture
def three_models(house):
    """Return pictures that two earlier models and the present one read, one of them reviewed."""
    read = {"a": "1.2.1", "b": "1.2.1", "c": "2.0.0", "d": "2.1.0", "reviewed": "1.2.1"}
    for instance, version in read.items():
        model = {"name": "bodypart", "version": version, "sha256": f"sha-{version}"}
        house.orthanc.arrive(instance, b"file")
        house.annotations.put(note(instance, model=model), PARENTS)
    house.reviewer.review("reviewed", Review("ann", "2026-11-28T10:00:00Z", "foot"))


@pytest.mark.parametrize(
    ("version", "found"),
    [("1.2.1", ["a", "b"]), ("2.1.0", ["d"]), ("1.2", []), (None, ["a", "b", "c"])],
)
def test_what_an_earlier_model_read_is_read_again_but_no_person_s_word(
    house, backfill, three_models, version, found
):
    assert backfill.read_again(version, present="sha-2.1.0") == len(found)
    tasks = [house.claim(Kind.ANNOTATE) for _ in found]
    assert sorted(task.resource for task in tasks) == found
    assert {task.mode for task in tasks} <= {Mode.AGAIN}
    assert house.claim(Kind.ANNOTATE) is None


def test_a_version_is_found_though_the_first_picture_that_it_read_is_away(
    house, backfill, three_models
):
    """While its file is rewritten its metadata are away, and none of the others was read again."""
    house.orthanc.delete_metadata("instances", "a", "BodyPart")
    assert backfill.read_again("1.2.1", present="sha-2.1.0") == 2


def test_what_is_to_be_read_again_is_taken_in_pages_and_can_be_cancelled(
    house, backfill, three_models, monkeypatch
):
    monkeypatch.setattr("service.queue.backfill._READ_AGAIN", 1)
    assert backfill.read_again(None, present="sha-2.1.0") == 3
    house.claim(Kind.ANNOTATE)
    assert backfill.cancel()["state"] == "idle"
    assert house.claim(Kind.ANNOTATE) is None
