"""The table of tasks: order, claims, what is asked for again, kills."""

import threading
import time
from contextlib import contextmanager

import pytest

from service.databases.database import Database
from service.databases.schema import INDEX_SCHEMA, prepare
from service.errors import RecordError
from service.queue.lending import Lending
from service.queue.statements import next_due
from service.queue.tasks import Kind, Mode, Priority, Tasks


@pytest.fixture
def database(tmp_path):
    made = Database.of_file(tmp_path / "index.sqlite")
    prepare(made, INDEX_SCHEMA)
    return made


@pytest.fixture
def tasks(database):
    return Tasks(database, "node")


@pytest.fixture
def ask(database, tasks):
    def asked(resource, kind=Kind.ANNOTATE, **options):
        with database.write() as connection:
            tasks.ask(connection, kind, [resource], **options)

    return asked


def drained(tasks, *kinds):
    found = []
    while task := tasks.claim(kinds or (Kind.ANNOTATE,)):
        found.append(task.resource)
        tasks.finish(task)
    return found


def test_a_person_goes_first_and_the_old_stock_last(ask, tasks):
    ask("old", priority=Priority.BACKFILL)
    ask("new")
    ask("asked", priority=Priority.PERSON)
    assert drained(tasks) == ["asked", "new", "old"]


def test_of_several_kinds_the_most_urgent_goes_first_then_the_longest_due(ask, tasks):
    ask("late", Kind.LOOK)
    ask("early", delay=-5)
    ask("word", Kind.APPLY, priority=Priority.PERSON)
    assert drained(tasks, Kind.ANNOTATE, Kind.LOOK, Kind.APPLY) == ["word", "early", "late"]


def test_a_claim_sorts_nothing_however_much_waits(database):
    with database.read() as connection:
        for kind in Kind:
            question = next_due(kind).params(now=0.0, most=1)
            text = question.compile(database.engine, compile_kwargs={"literal_binds": True})
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").fetchall()
            assert [row.detail for row in plan] == ["SEARCH tasks USING INDEX tasks_next (kind=?)"]


def test_several_are_claimed_together_in_their_order(ask, tasks):
    for number in range(3):
        ask(f"late {number}", Kind.LOOK, delay=-number - 2)
    ask("first", Kind.APPLY, priority=Priority.PERSON)
    ask("not yet", delay=60)
    kinds = (Kind.ANNOTATE, Kind.LOOK, Kind.APPLY)
    claimed = tasks.claim_some(kinds, 3)
    assert [task.resource for task in claimed] == ["first", "late 2", "late 1"]
    assert [task.resource for task in tasks.claim_some(kinds, 3)] == ["late 0"]


def test_of_several_that_end_together_the_one_that_was_asked_for_again_stays(ask, tasks):
    for resource in ("a", "b"):
        ask(resource)
    claimed = tasks.claim_some((Kind.ANNOTATE,), 2)
    ask("a")
    tasks.finish_all(claimed)
    assert drained(tasks) == ["a"]


def test_several_that_nobody_tried_are_given_out_again_at_once_and_as_they_were(ask, tasks):
    for resource in ("a", "b", "c"):
        ask(resource)
    claimed = tasks.claim_some((Kind.ANNOTATE,), 3)
    tasks.retry(claimed[2], 60.0)
    tasks.let_go(claimed)
    again = tasks.claim_some((Kind.ANNOTATE,), 3)
    assert [(task.resource, task.attempts) for task in again] == [("a", 0), ("b", 0)]


def test_one_that_is_claimed_is_given_to_nobody_else(ask, tasks, database):
    ask("i")
    assert tasks.claim((Kind.ANNOTATE,)).resource == "i"
    assert tasks.claim((Kind.ANNOTATE,)) is None
    assert Tasks(database, "other").claim((Kind.ANNOTATE,)) is None
    assert tasks.stands(Kind.ANNOTATE, "i")


def test_what_is_asked_for_meanwhile_is_done_again(ask, tasks):
    ask("i")
    task = tasks.claim((Kind.ANNOTATE,))
    ask("i")
    tasks.finish(task)
    again = tasks.claim((Kind.ANNOTATE,))
    assert again.resource == "i"
    tasks.finish(again)
    assert not tasks.stands(Kind.ANNOTATE, "i")


def test_a_node_that_was_killed_takes_its_own_back_and_leaves_the_others_theirs(
    ask, tasks, database
):
    database.shared = True
    ask("mine"), ask("theirs"), ask("later", delay=30)
    assert tasks.claim((Kind.ANNOTATE,)).resource == "mine"
    assert Tasks(database, "other").claim((Kind.ANNOTATE,)).resource == "theirs"
    again = Tasks(database, "node")
    again.claims.release()
    assert drained(again) == ["mine"]


def test_a_single_node_takes_over_what_it_claimed_under_another_name(ask, tasks, database):
    """A new container has a new host name, and the claims of the old one would wait for minutes."""
    ask("mine"), ask("lent", priority=Priority.BACKFILL)
    assert tasks.claim((Kind.ANNOTATE,)).resource == "mine"
    assert Lending(database).lend(1, 600) == ["lent"]
    renamed = Tasks(database, "another name")
    renamed.claims.release()
    assert drained(renamed) == ["mine"]


def test_a_node_that_gives_signs_of_life_keeps_what_it_claimed(ask, tasks, database, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now)
    ask("i", priority=Priority.BACKFILL)
    assert Lending(database).lend(1, -1) == ["i"]
    lent = Lending(database).task("i")
    task = tasks.claim((Kind.ANNOTATE,))
    tasks.finish(lent)  # By a helper that was too slow: its claim had run out.
    for _ in range(20):
        now += 10
        tasks.claims.renew()
        assert tasks.claim((Kind.ANNOTATE,)) is None
    now += 61
    assert tasks.claim((Kind.ANNOTATE,)).resource == task.resource


def test_the_claim_of_a_node_that_fell_silent_runs_out(ask, tasks, database):
    ask("i")
    Tasks(database, "other").claim((Kind.ANNOTATE,))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET claimed_until = 1")
    assert drained(tasks) == ["i"]


@pytest.mark.parametrize(
    "claim",
    [
        lambda tasks: tasks.claim((Kind.ANNOTATE,)),
        lambda tasks: tasks.claim_this(Kind.ANNOTATE, "i"),
    ],
)
def test_a_claim_of_which_the_database_gave_no_answer_runs_out(ask, tasks, monkeypatch, claim):
    """The connection broke between the commit and its answer: no worker has what is claimed."""
    now = 1000.0
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now)
    write = Database.write

    @contextmanager
    def kept_but_unanswered(database):
        with write(database) as connection:
            yield connection
        raise RecordError("the records cannot be kept: OperationalError")

    ask("i")
    with monkeypatch.context() as broken, pytest.raises(RecordError):
        broken.setattr(Database, "write", kept_but_unanswered)
        claim(tasks)
    for _ in range(7):
        assert tasks.claim((Kind.ANNOTATE,)) is None
        now += 10
        tasks.claims.renew()
    assert tasks.claim((Kind.ANNOTATE,)).resource == "i"


def test_what_was_done_or_waits_again_is_renewed_no_more(ask, tasks, database, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now)
    ask("done"), ask("again")
    tasks.finish(tasks.claim((Kind.ANNOTATE,)))
    tasks.retry(tasks.claim((Kind.ANNOTATE,)), 0.0)
    ask("done")
    Tasks(database, "node").claim_some((Kind.ANNOTATE,), 2)
    for _ in range(7):
        now += 10
        tasks.claims.renew()
    assert sorted(drained(tasks)) == ["again", "done"]


@pytest.mark.parametrize("late", [Tasks.finish, lambda own, task: own.retry(task, 0.0)])
def test_who_was_too_slow_leaves_alone_what_another_works_on(ask, tasks, database, late):
    """What is asked for anew has the first generation again: that alone tells nothing."""
    ask("i")
    slow = tasks.claim((Kind.ANNOTATE,))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET claimed_until = 1")
    other = Tasks(database, "other")
    other.finish(other.claim((Kind.ANNOTATE,)))
    ask("i")
    theirs = other.claim((Kind.ANNOTATE,))
    late(tasks, slow)
    assert other.standing_task(Kind.ANNOTATE, "i") == theirs
    assert tasks.claim((Kind.ANNOTATE,)) is None
    other.finish(theirs)
    assert not other.stands(Kind.ANNOTATE, "i")


@pytest.mark.parametrize(
    "let_go", [lambda own, task: own.retry(task, 0.0), lambda own, task: own.let_go([task])]
)
def test_a_claim_that_another_thread_makes_at_once_is_not_released(ask, tasks, monkeypatch, let_go):
    now = 1000.0
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now)
    ask("i")
    task = tasks.claim((Kind.ANNOTATE,))
    write, others = Database.write, []

    @contextmanager
    def and_another_is_quick(database):
        with write(database) as connection:
            yield connection
        if not others:
            others.append(True)
            others.append(tasks.claim((Kind.ANNOTATE,)))

    with monkeypatch.context() as quick:
        quick.setattr(Database, "write", and_another_is_quick)
        let_go(tasks, task)
    assert others[1].resource == "i"
    for _ in range(7):
        now += 10
        tasks.claims.renew()
    assert tasks.claim((Kind.ANNOTATE,)) is None


def test_a_node_keeps_its_claims_also_where_it_is_alone(ask, tasks, database, monkeypatch):
    """A decoder may take longer than a claim lasts: no other thread is to begin it anew."""
    now = 1000.0
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now)
    ask("i"), ask("later", delay=211)
    assert tasks.claim((Kind.ANNOTATE,))
    stopping = threading.Event()

    def wait(seconds):
        nonlocal now
        now += seconds
        return now > 1200

    monkeypatch.setattr(stopping, "wait", wait)
    tasks.claims.keep(stopping)
    assert now > 1200
    assert tasks.claim((Kind.ANNOTATE,)) is None


@pytest.mark.parametrize(
    ("first", "second", "stronger"),
    [
        (Mode.NEW, Mode.AGAIN, Mode.AGAIN),
        (Mode.AGAIN, Mode.NEW, Mode.AGAIN),
        (Mode.NEW, Mode.ASKED, Mode.ASKED),
        (Mode.NEW, Mode.NEW, Mode.NEW),
    ],
)
def test_the_stronger_of_two_requests_counts(ask, tasks, first, second, stronger):
    ask("i", mode=first, priority=Priority.BACKFILL)
    ask("i", mode=second, priority=Priority.PERSON)
    task = tasks.claim((Kind.ANNOTATE,))
    assert (task.mode, task.priority) == (stronger, Priority.PERSON)


def test_a_retry_waits_and_counts(ask, tasks, database):
    ask("i")
    task = tasks.claim((Kind.ANNOTATE,))
    tasks.retry(task, 30.0, died=True)
    assert tasks.claim((Kind.ANNOTATE,)) is None
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET due = 0")
    tasks.retry(tasks.claim((Kind.ANNOTATE,)), 0.0, counts=False)
    again = tasks.claim((Kind.ANNOTATE,))
    assert (again.attempts, again.deaths) == (1, 1)


def test_what_is_to_settle_begins_its_wait_anew_and_other_things_do_not(ask, tasks):
    ask("series", Kind.RECONSTRUCT, delay=0.0)
    ask("series", Kind.RECONSTRUCT, delay=30.0, postpone=True)
    assert tasks.claim((Kind.RECONSTRUCT,)) is None
    ask("study", Kind.ROLL_UP, delay=0.0)
    ask("study", Kind.ROLL_UP, delay=30.0)
    assert tasks.claim((Kind.ROLL_UP,)).resource == "study"


def test_waiting_for_what_is_done_is_short(ask, tasks):
    ask("study", Kind.ROLL_UP)
    began = time.monotonic()
    tasks.wait_for(Kind.ROLL_UP, {"study"}, 0.1)
    assert time.monotonic() - began > 0.09
    drained(tasks, Kind.ROLL_UP)
    began = time.monotonic()
    tasks.wait_for(Kind.ROLL_UP, {"study"}, 10.0)
    assert time.monotonic() - began < 5


def test_who_waits_for_one_end_asks_no_more_because_other_things_end(ask, tasks, monkeypatch):
    ask("study", Kind.ROLL_UP)
    for number in range(50):
        ask(f"i{number}")
    looks = []
    standing = tasks.standing
    monkeypatch.setattr(tasks, "standing", lambda *of: looks.append(of) or standing(*of))
    waiting = threading.Thread(target=tasks.wait_for, args=(Kind.ROLL_UP, {"study"}, 10.0))
    began = time.monotonic()
    waiting.start()
    drained(tasks)
    assert len(looks) <= 3 + (time.monotonic() - began) / 0.1
    drained(tasks, Kind.ROLL_UP)
    waiting.join(1)
    assert not waiting.is_alive()


def test_cancelling_leaves_what_is_being_done_and_what_others_asked_for(ask, tasks):
    for resource in ("doing", "old"):
        ask(resource, priority=Priority.BACKFILL)
    doing = tasks.claim((Kind.ANNOTATE,))
    ask("new")
    tasks.cancel(Kind.ANNOTATE, Priority.BACKFILL)
    assert drained(tasks) == ["new"]
    assert tasks.stands(Kind.ANNOTATE, doing.resource)
    assert tasks.count(Kind.ANNOTATE, Priority.BACKFILL) == 1


@pytest.mark.parametrize("seconds", [-1.0, 60.0])
def test_cancelling_takes_out_what_is_lent_and_perhaps_never_brought_back(
    ask, tasks, database, seconds
):
    """It was given out again, after the end."""
    ask("i", priority=Priority.BACKFILL)
    assert Lending(database).lend(1, seconds, "died") == ["i"]
    tasks.cancel(Kind.ANNOTATE, Priority.BACKFILL)
    assert not tasks.stands(Kind.ANNOTATE, "i")


def test_one_task_is_claimed_whenever_it_is_due_unless_somebody_has_it(ask, tasks):
    ask("later", delay=60)
    ask("taken")
    taken = tasks.claim((Kind.ANNOTATE,))
    assert taken.resource == "taken"
    assert tasks.claim_this(Kind.ANNOTATE, "taken") is None
    assert tasks.claim_this(Kind.ANNOTATE, "none") is None
    later = tasks.claim_this(Kind.ANNOTATE, "later")
    assert tasks.claim_this(Kind.ANNOTATE, "later") is None
    tasks.finish(later)
    assert not tasks.stands(Kind.ANNOTATE, "later")


@pytest.mark.parametrize("away", [False, True], ids=["at work", "switched off"])
def test_a_clock_that_was_set_back_holds_nothing_up(ask, tasks, database, monkeypatch, away):
    """What had been asked for before it, or was lent, waited until the old time came again."""
    now, steps = [50_000.0], iter([0, -3_600, 0])
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now[0])
    ask("lent", priority=Priority.BACKFILL)
    Lending(database).lend(1, 120.0, "died")
    ask("i")

    class Stopping:
        def wait(self, _):
            now[0] += next(steps, 0)
            return next(ends)

    ends = iter([False, False, True])
    if away:
        now[0] -= 3_600
        tasks.claims.release()
        now[0] += 61
    else:
        tasks.claims.keep(Stopping())
        assert now[0] == 46_400.0
    now[0] += 0.001
    assert drained(tasks) == ["i"]
    now[0] += 121
    assert drained(tasks) == ([] if away else ["lent"])
