import contextlib
import threading
import time
from unittest.mock import Mock

import pytest

from bodypart.settings import Settings
from routed import CONFIGURATION, annotation, outbox
from service.databases.database import Database
from service.databases.schema import INDEX_SCHEMA, SEEN_SCHEMA, prepare
from service.deliveries.delivery import Priority
from service.deliveries.dispatch import Dispatch
from service.errors import ArchiveError, ConflictError, NotFoundError, RecordError
from service.orthanc_api.resources import Parents
from service.records.facts import Facts
from service.records.index import Index
from service.work.rule_application import RuleApplication
from waiting import eventually

KNEES = {
    "Name": "knees",
    "If": {"Examined": "knee", "View": "frontal", "Modality": "DX"},
    "To": ["modality:A", "modality:B"],
}
REST = {"Name": "rest", "Otherwise": True, "To": ["modality:A"]}


class Stock:
    """An archive of annotated instances, some of them knees."""

    def __init__(self, folder, *given):
        database = Database.of_file(folder / "index.sqlite")
        prepare(database, INDEX_SCHEMA)
        prepare(database, SEEN_SCHEMA)
        self.index = Index(database)
        self.database = database
        self.notes = {}
        self.outbox = outbox(folder)
        self.facts = Facts(self.outbox.database, {})
        self.restart(*given)

    def restart(self, *given):
        settings = Settings.parse({"Routes": list(given)})
        dispatch = Dispatch(settings, CONFIGURATION, self.outbox, self, settle=60, log=pytest.fail)
        self.routing, self.overview = dispatch.routing, dispatch.overview
        self.rule_application = RuleApplication(self, self, dispatch, self.facts, pytest.fail)

    def put(self, instance, label, view="frontal"):
        image = {"top": [{"label": label, "probability": 0.9}], "rejected": False, "view": view}
        note = annotation(label, instance=instance, image=image)
        note |= {"agreement": "agree", "annotated_at": "", "review": None, "model": None}
        self.notes[instance] = note
        with self.database.write() as connection:
            self.index.put(connection, note, Parents("s", "t", "p", "DX", "20261128"))

    def annotation(self, instance):
        return self.notes[instance]

    def annotations(self, ids):
        return [self.annotation(instance) for instance in ids]

    def last_change(self):
        return 0

    def sender(self, _):
        return "", ""

    @contextlib.contextmanager
    def lock(self, _):
        yield

    def run(self, name, *, dry_run):
        self.rule_application.start(name, dry_run=dry_run)
        while self.rule_application.step():
            pass
        return self.rule_application.progress()


@pytest.fixture
def stock(tmp_path):
    found = Stock(tmp_path, KNEES, REST)
    for number in range(3):
        found.put(f"knee {number}", "knee")
    found.put("knee from the side", "knee", view="lateral")
    found.put("hand", "hand")
    return found


def test_a_count_sends_nothing(stock):
    done = stock.run("knees", dry_run=True)
    assert (done["state"], done["taken"], done["deliveries"]) == ("done", 3, 6)
    assert stock.overview.page([], None, 10) == []


@contextlib.contextmanager
def following(application):
    stopping = threading.Event()
    thread = threading.Thread(target=application.follow, args=(stopping,), daemon=True)
    thread.start()
    yield
    stopping.set()
    application.stop()
    thread.join()


def test_a_run_begins_when_it_is_asked_for(stock):
    with following(stock.rule_application):
        time.sleep(0.1)  # It looked for a run from before a restart.
        assert stock.rule_application.start("knees", dry_run=True)["rule"] == "knees"
        eventually(lambda: stock.rule_application.progress()["state"] == "done")


def test_a_run_goes_on_by_itself_after_a_restart(stock):
    stock.rule_application.start("knees", dry_run=True)
    stock.restart(KNEES, REST)
    with following(stock.rule_application):
        eventually(lambda: stock.rule_application.progress()["state"] == "done")


def test_a_run_whose_node_never_returns_goes_on_at_another(stock, monkeypatch):
    """It stayed "running" until a node was started anew, and no other rule could be counted."""
    monkeypatch.setattr("service.work.rule_application._LOOK_EVERY", 0.01)
    gone = stock.rule_application
    stock.restart(KNEES, REST)
    with following(stock.rule_application):
        gone.start("knees", dry_run=True)
        eventually(lambda: gone.progress()["state"] == "done")


def test_a_node_that_does_not_know_a_rule_yet_leaves_its_run_alone(stock, monkeypatch):
    monkeypatch.setattr("service.work.rule_application._LOOK_EVERY", 0.01)
    begun = stock.rule_application
    stock.restart(REST)
    other, looks = stock.rule_application, []
    monkeypatch.setattr(other, "progress", lambda: looks.append(1) or begun.progress())
    with following(other):
        eventually(lambda: len(looks) > 1)  # The first look is for one from before a start.
        begun.start("knees", dry_run=True)
        seen = len(looks) + 3
        eventually(lambda: len(looks) > seen)
    assert begun.progress()["state"] == "running"


def test_who_has_no_rule_to_apply_does_not_tell_that_the_database_is_away(stock, monkeypatch):
    monkeypatch.setattr("service.work.rule_application._LOOK_EVERY", 0.0)
    stopping, states = threading.Event(), iter([{"state": "idle"}])

    def away_by_now():
        for state in states:
            return state
        stopping.set()
        raise RecordError("their database cannot be reached")

    monkeypatch.setattr(stock.rule_application, "progress", away_by_now)
    stock.rule_application.follow(stopping)


def test_a_page_that_two_nodes_do_at_once_counts_whole(stock, monkeypatch):
    """Each counted what the other had not sent yet, and one of both counts was kept."""
    taking_turns, annotation = threading.RLock(), stock.annotation
    monkeypatch.setattr(stock.database, "hold", lambda _: taking_turns)
    stock.run("knees", dry_run=True)
    stock.rule_application.start("knees", dry_run=False)
    other = threading.Thread(target=stock.rule_application.step)

    def meanwhile(instance):
        if instance == "knee 1":
            monkeypatch.setattr(stock, "annotation", annotation)
            other.start()
            other.join(0.2)
        return annotation(instance)

    monkeypatch.setattr(stock, "annotation", meanwhile)
    stock.rule_application.step()
    other.join()
    assert stock.rule_application.progress()["deliveries"] == 6


def test_what_is_just_being_rewritten_is_counted(stock, monkeypatch):
    """For a moment Orthanc has no metadata of it: the count left it out, and so did the rule."""
    rewritten = stock.notes.pop("knee 1")
    stock.notes["knee 1"] = None

    @contextlib.contextmanager
    def waits_for_the_rewrite(instance):
        stock.notes["knee 1"] = rewritten
        yield

    monkeypatch.setattr(stock, "lock", waits_for_the_rewrite)
    assert stock.run("knees", dry_run=True)["deliveries"] == 6


def test_a_run_that_fails_goes_on(stock, monkeypatch):
    monkeypatch.setattr("service.work.rule_application._PAUSE_AFTER_TROUBLE", 0.0)
    lines, stopping, annotation = [], threading.Event(), stock.annotation
    monkeypatch.setattr(stock.rule_application, "_log", lines.append)

    def back(instance):
        stopping.set()
        return annotation(instance)

    def away():
        monkeypatch.setattr(stock, "annotation", back)
        raise ArchiveError("status 502")

    monkeypatch.setattr(stock, "annotation", Mock(side_effect=ArchiveError("status 500")))
    monkeypatch.setattr(stock, "last_change", away)
    stock.rule_application.start("knees", dry_run=True)
    stock.rule_application.follow(stopping)
    assert lines == ["applying a rule to the old stock failed and starts again: status 502"]
    assert stock.rule_application.progress()["taken"] == 3


@pytest.mark.parametrize("counted", [True, False])
def test_an_instance_that_orthanc_fails_at_holds_up_no_others(stock, monkeypatch, counted):
    """The same page was begun every five seconds, for ever."""
    lines, annotation = [], stock.annotation
    monkeypatch.setattr(stock.rule_application, "_log", lines.append)

    def fails(instance):
        if instance == "knee 1":
            raise ArchiveError("status 500")
        return annotation(instance)

    if counted:
        stock.run("knees", dry_run=True)
    monkeypatch.setattr(stock, "annotation", fails)
    if not counted:
        stock.run("knees", dry_run=True)
    assert stock.run("knees", dry_run=False)["deliveries"] == 4
    assert lines == ["a rule leaves out instance knee 1: status 500"]


def test_a_rule_is_applied_after_its_count_only(stock):
    with pytest.raises(ConflictError, match="must be counted first"):
        stock.rule_application.start("knees", dry_run=False)
    stock.run("rest", dry_run=True)
    with pytest.raises(ConflictError, match="must be counted first"):
        stock.rule_application.start("knees", dry_run=False)
    stock.run("knees", dry_run=True)
    assert stock.run("knees", dry_run=False)["deliveries"] == 6
    found = stock.overview.page([], None, 10)
    assert {(row.rule, row.priority) for row in found} == {("knees", Priority.OLD_STOCK)}
    with pytest.raises(ConflictError, match="must be counted first"):
        stock.rule_application.start("knees", dry_run=False)


def test_what_was_counted_for_another_rule_is_not_looked_at_again(stock):
    for rule in ("knees", "rest"):
        stock.run(rule, dry_run=True)
    assert stock.run("rest", dry_run=False)["looked_at"] == 2


def test_a_rule_that_changed_since_its_count_is_counted_again(stock):
    stock.run("knees", dry_run=True)
    stock.restart({**KNEES, "If": {}}, REST)
    with pytest.raises(ConflictError, match="must be counted first"):
        stock.rule_application.start("knees", dry_run=False)


def test_what_went_already_is_not_counted_and_not_sent_again(stock):
    for dry_run in (True, False):
        stock.run("knees", dry_run=dry_run)
    assert stock.run("knees", dry_run=True)["deliveries"] == 0


def test_what_was_cancelled_with_a_rule_is_sent_when_the_rule_returns(stock):
    """It was never sent, and yet counted as given: nobody could have it sent at once."""
    for dry_run in (True, False):
        stock.run("knees", dry_run=dry_run)
    stock.restart(REST)
    assert stock.outbox.keep_only(stock.routing.pairs()) == 6
    stock.restart(KNEES, REST)
    assert stock.run("knees", dry_run=True)["deliveries"] == 6
    assert stock.run("knees", dry_run=False)["deliveries"] == 6
    assert {str(row.state) for row in stock.overview.page([], None, 10)} == {"waiting"}


def test_only_what_was_counted_is_sent(stock):
    stock.run("knees", dry_run=True)
    stock.put("knee 0", "hand")
    stock.put("knee 9", "knee")
    stock.notes["knee 1"] = None  # It was removed.
    done = stock.run("knees", dry_run=False)
    assert (done["deliveries"], done["counted"]) == (2, 6)
    assert {row.instance for row in stock.overview.page([], None, 10)} == {"knee 2"}


def test_what_was_counted_for_another_answer_stays(stock):
    stock.run("rest", dry_run=True)
    stock.put("hand", "wrist")
    assert stock.run("rest", dry_run=False)["deliveries"] == 1


def test_the_count_that_is_sent_is_the_one_that_was_seen(stock, monkeypatch):
    for at in ("2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z"):
        monkeypatch.setattr("service.work.run.utc_now", lambda at=at: at)
        stock.run("knees", dry_run=True)
    with pytest.raises(ConflictError, match="was counted again since"):
        stock.rule_application.start("knees", dry_run=False, count="2026-11-28T10:00:00Z")
    stock.rule_application.start("knees", dry_run=False, count="2026-11-28T11:00:00Z")


def test_a_page_of_a_run_that_was_stopped_does_not_count_for_the_next(stock, monkeypatch):
    stock.rule_application.start("knees", dry_run=True)
    answers = stock.annotations

    def begun_anew(ids):
        monkeypatch.setattr(stock, "annotations", answers)
        stock.rule_application.cancel()
        stock.rule_application.start("rest", dry_run=True)
        return answers(ids)

    monkeypatch.setattr(stock, "annotations", begun_anew)
    while stock.rule_application.step():
        pass
    while stock.rule_application.step():
        pass
    assert (
        stock.rule_application.progress()["rule"],
        stock.run("rest", dry_run=False)["taken"],
    ) == (
        "rest",
        2,
    )


def test_otherwise_takes_what_the_other_rules_leave(stock):
    done = stock.run("rest", dry_run=True)
    assert (done["looked_at"], done["taken"], done["deliveries"]) == (5, 2, 2)


def test_a_run_goes_on_after_a_restart_and_may_be_cancelled(stock, monkeypatch):
    monkeypatch.setattr("service.work.rule_application._PAGE", 2)
    stock.rule_application.start("knees", dry_run=True)
    assert stock.rule_application.step()
    with pytest.raises(ConflictError, match="is being looked at"):
        stock.rule_application.start("rest", dry_run=True)
    stock.restart(KNEES, REST)
    while stock.rule_application.step():
        pass
    assert stock.rule_application.progress()["deliveries"] == 6
    stock.rule_application.start("knees", dry_run=True)
    assert stock.rule_application.cancel()["state"] == "cancelled"
    assert not stock.rule_application.step()


def test_a_run_of_a_rule_that_is_gone_ends(stock):
    stock.run("knees", dry_run=True)
    stock.rule_application.start("knees", dry_run=False)
    stock.restart(REST)
    assert not stock.rule_application.step()
    assert stock.rule_application.progress()["state"] == "cancelled"
    assert stock.overview.page([], None, 10) == []


def test_an_unknown_rule_is_told(stock):
    with pytest.raises(NotFoundError):
        stock.rule_application.start("nobody", dry_run=True)
