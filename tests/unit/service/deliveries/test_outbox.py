import sqlite3
import time
from contextlib import nullcontext

import pytest
import sqlalchemy as sa

from bodypart.annotation import utc_now
from routed import PARENTS, annotation, outbox, rules
from service.databases.schema import open_durable
from service.databases.tables import deliveries
from service.deliveries import outbox as outbox_module
from service.deliveries import overview as overview_module
from service.deliveries.delivery import State
from service.deliveries.overview import Overview
from service.deliveries.routing import Routing
from service.errors import ConflictError

ALL = {"Name": "all", "If": {}, "To": ["modality:A", "modality:B"], "Urgent": True}


@pytest.fixture
def box(tmp_path):
    return filled(outbox(tmp_path))


def filled(box, count=1, rule=ALL):
    archive = type("Archive", (), {"sender": lambda *_: ("", "")})()
    routing = Routing(rules(rule), box, archive, settle=0)
    for number in range(count):
        routing.take(annotation(instance=f"instance {number}"), PARENTS)
    return box


def row(box, destination="modality:A"):
    (found,) = [
        d for d in Overview(box.database).page([], None, 10) if d.destination == destination
    ]
    return found


def test_a_delivery_is_given_to_one_courier_only(box):
    assert box.claim("modality:A").instance == "instance 0"
    assert box.claim("modality:A") is None
    assert box.claim("modality:B") is not None


def test_what_was_being_sent_is_taken_up_again_with_its_job(box, tmp_path):
    delivery = box.claim("modality:A")
    box.note_job(delivery, "job 1")
    box.claim("modality:B")
    restarted = outbox(tmp_path)
    assert restarted.claim("modality:A") is None
    restarted.recover("modality:A")
    assert restarted.claim("modality:A").job == "job 1"
    # Without a job nobody knows whether it left: the audit says so.
    assert Overview(box.database).departures(0, 10) == []
    restarted.recover("modality:B")
    (left,) = Overview(box.database).departures(0, 10)
    assert (left["destination"], left["outcome"]) == ("modality:B", "unknown")


def test_what_was_put_back_before_the_clock_was_set_back_does_not_wait_for_the_old_time(box):
    """What waits for its window goes on waiting."""
    due = time.time() + 18_000
    for destination, changed_at in (("A", "2999-01-01T00:00:00Z"), ("B", utc_now())):
        with box.database.write() as connection:
            where = deliveries.c.destination == f"modality:{destination}"
            changes = {"due": due, "changed_at": changed_at}
            connection.execute(sa.update(deliveries).where(where).values(**changes))
        box.recover(f"modality:{destination}")
    assert box.claim("modality:A") is not None
    assert box.claim("modality:B") is None
    assert row(box, "modality:A").changed_at <= utc_now()


def test_another_node_waits_for_its_lease_to_end(box, tmp_path, monkeypatch):
    other = outbox(tmp_path, "other node")
    other.database.shared = True
    monkeypatch.setattr(other.database, "hold", lambda _: nullcontext())
    box.claim("modality:A")
    other.recover("modality:A")
    assert other.claim("modality:A") is None
    monkeypatch.setattr(outbox_module.time, "time", lambda: row(box).due + 1)
    assert other.claim("modality:A") is not None


def test_what_arrived_stands_in_the_audit(box):
    box.delivered(box.claim("modality:A"))
    found = row(box)
    assert (found.state, found.attempts, found.error) == (State.DELIVERED, 1, None)
    (left,) = Overview(box.database).departures(0, 10)
    assert {k: left[k] for k in ("rule", "destination", "instance", "answer", "outcome")} == {
        "rule": "all",
        "destination": "modality:A",
        "instance": "instance 0",
        "answer": "knee L",
        "outcome": "delivered",
    }


def test_a_retry_waits_and_counts_a_postponement_only_waits(box):
    box.postpone(box.claim("modality:A"), 0.0)
    assert row(box).attempts == 0
    box.retry(box.claim("modality:A"), 100.0, "refused")
    assert (row(box).attempts, row(box).error) == (1, "refused")
    assert box.claim("modality:A") is None


def test_a_cancelled_delivery_is_not_brought_back_by_its_courier(box):
    delivery = box.claim("modality:A")
    with box.database.write() as connection:
        connection.execute(sa.update(deliveries).values(state=State.CANCELLED))
    box.retry(delivery, 0.0, "refused")
    assert row(box).state == State.CANCELLED


def test_a_destination_in_trouble_uses_up_the_tries_of_all_that_is_due(tmp_path):
    box = filled(outbox(tmp_path), count=3)
    box.hold("modality:A", 0.0, 1, "down")
    assert {d.attempts for d in Overview(box.database).page([], None, 10)} == {0, 1}
    box.hold("modality:A", 0.0, 1, "down")
    counts = Overview(box.database).open_counts(["modality:A", "modality:B"])
    assert counts == {
        "modality:A": {"waiting": 0, "sending": 0, "failed": 3},
        "modality:B": {"waiting": 3, "sending": 0, "failed": 0},
    }


def test_what_no_rule_asks_for_any_more_is_not_sent(box):
    assert box.keep_only([("all", "modality:B")]) == 1
    assert row(box).state == State.CANCELLED
    assert row(box, "modality:B").state == State.WAITING
    assert box.keep_only([("all", "modality:B")]) == 0


def test_an_operator_retries_and_cancels_but_not_what_arrived_or_is_on_its_way(box):
    overview, number = Overview(box.database), row(box).number
    overview.cancel(number)
    assert box.claim("modality:A") is None
    overview.again(number)
    delivery = box.claim("modality:A")
    for action in (overview.again, overview.cancel):
        with pytest.raises(ConflictError, match="is sending"):
            action(number)
    box.delivered(delivery)
    for action in (overview.again, overview.cancel):
        with pytest.raises(ConflictError, match="is delivered"):
            action(number)


def test_a_withdrawn_delivery_that_an_operator_retries_waits_like_any_other(box):
    """Outside of its rule's hours, or before its tags, it was cancelled at once without a word."""
    overview, number = Overview(box.database), row(box).number
    with box.database.write() as connection:
        box.withdraw(connection, number, "the answer changed")
    overview.again(number, "hand R")
    box.postpone(box.claim("modality:A"), 0.0)
    assert (row(box).state, row(box).answer) == (State.WAITING, "hand R")
    overview.again(number, "skull -")
    box.retry(box.claim("modality:A"), 0.0, "refused")
    assert (row(box).state, row(box).answer) == (State.WAITING, "hand R")


def test_pages_follow_each_other(tmp_path):
    overview = Overview(filled(outbox(tmp_path), count=3).database)
    first = overview.page([], None, 4)
    second = overview.page([], first[-1].number, 4)
    assert [d.number for d in first + second] == [6, 5, 4, 3, 2, 1]


def test_pages_may_be_of_some_states(tmp_path):
    box = filled(outbox(tmp_path), count=3)
    overview = Overview(box.database)
    box.delivered(box.claim("modality:A"))
    overview.cancel(4)
    both = overview.page([], None, 10, states=["cancelled", "delivered"])
    assert [(d.number, str(d.state)) for d in both] == [(4, "cancelled"), (1, "delivered")]
    assert [d.number for d in overview.page([], None, 1, states=["cancelled", "delivered"])] == [4]


def test_pages_may_be_of_one_rule_or_destination(tmp_path):
    box = filled(outbox(tmp_path), count=3)
    overview = Overview(box.database)
    box.delivered(box.claim("modality:A"))
    to_a = [deliveries.c.destination == "modality:A"]
    assert [d.number for d in overview.page(to_a, None, 10)] == [5, 3, 1]
    assert [d.number for d in overview.page(to_a, 3, 10)] == [1]
    assert overview.page([deliveries.c.rule == "none"], None, 10) == []


def test_all_that_failed_on_the_way_to_one_destination_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(overview_module, "_IN_ONE_STATEMENT", 2)
    box = filled(outbox(tmp_path), count=5)
    overview = Overview(box.database)
    for destination in ("modality:A", "modality:B"):
        while delivery := box.claim(destination):
            box.give_up(delivery, "it is down")
    overview.again(1)
    box.delivered(box.claim("modality:A"))
    assert overview.all_again("modality:A", ["another rule"]) == 0
    assert overview.all_again("modality:A", ["all"]) == 4
    assert [d.state for d in overview.page([], None, 10)] == ["failed", "waiting"] * 4 + [
        "failed",
        "delivered",
    ]
    tried = box.claim("modality:A")
    assert (tried.attempts, tried.error) == (0, None)


def test_the_durable_database_of_before_gets_the_outbox(tmp_path):
    """Its rows stay."""
    path = tmp_path / "audit.sqlite"
    open_durable(path).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE deliveries")
        old.execute("DROP TABLE departures")
        old.execute("DROP TABLE counted")
        old.execute("ALTER TABLE events DROP COLUMN file")
        old.execute("UPDATE durable_version SET version_num = 'durable_0001'")
        old.execute("INSERT INTO facts VALUES ('name', 'value')")
    old.close()
    upgraded = filled(outbox_module.Outbox(open_durable(path), "node"))
    fresh = open_durable(tmp_path / "fresh.sqlite")
    assert described(upgraded.database) == described(fresh)
    assert upgraded.claim("modality:A")
    assert upgraded.database.value(sa.text("SELECT value FROM facts")) == "value"


def described(database):
    inspector = sa.inspect(database.engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            sorted(
                (i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes(table)
            ),
        )
        for table in ("deliveries", "departures")
    }
