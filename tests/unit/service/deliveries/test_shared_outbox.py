"""The outbox of several nodes, in a real PostgreSQL."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from routed import PARENTS, annotation, rules
from service.databases.schema import open_shared
from service.databases.tables import deliveries, departures
from service.deliveries.delivery import State
from service.deliveries.outbox import Outbox
from service.deliveries.overview import Overview
from service.deliveries.routing import Routing

ALL = {"Name": "all", "If": {}, "To": ["modality:A"], "Urgent": True}
HANDS = {"Name": "hands", "If": {"Examined": "hand"}, "To": ["modality:B"], "Urgent": True}


@pytest.fixture
def database(postgres):
    found = open_shared(postgres.driver_url)
    yield found
    with found.write() as connection:
        for table in (deliveries, departures):
            connection.execute(sa.delete(table))
    found.close()


def route(database, count, *given):
    archive = type("Archive", (), {"sender": lambda *_: ("", "")})()
    routing = Routing(rules(*given), Outbox(database, "node 1"), archive, settle=0)
    for number in range(count):
        routing.take(annotation(instance=f"instance {number}"), PARENTS)
    return routing


def test_a_delivery_is_sent_by_one_node_only(database):
    route(database, 60, ALL)
    taken = Counter()

    def work(node):
        box = Outbox(database, node)
        while delivery := box.claim("modality:A"):
            taken[delivery.instance] += 1
            box.delivered(delivery)

    threads = [threading.Thread(target=work, args=(f"node {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A node may find nothing while the others hold the next rows: then a later look takes them.
    work("node 5")
    assert set(taken.values()) == {1}
    assert len(taken) == 60


def test_a_node_takes_up_its_own_again_and_leaves_the_others_alone(database):
    route(database, 2, ALL)
    first, second = Outbox(database, "node 1"), Outbox(database, "node 2")
    mine, others = first.claim("modality:A"), second.claim("modality:A")
    assert mine.number != others.number
    first.recover("modality:A")
    assert first.claim("modality:A").number == mine.number
    assert first.claim("modality:A") is None


@pytest.mark.parametrize(
    "depart",
    [Outbox.delivered, Outbox.may_have_left, lambda box, _: box.recover("modality:A")],
    ids=["delivered", "perhaps", "recovered"],
)
def test_a_departure_that_is_noted_late_is_not_passed_over(database, depart):
    """The larger number was there first, and who read on from it never heard of the smaller."""
    route(database, 2, ALL)
    noted, goes_on = threading.Event(), threading.Event()

    @contextmanager
    def slowly():
        with database.write() as connection:
            yield connection
            noted.set()
            goes_on.wait(10)

    first, other = (Outbox(database, f"node {n}") for n in (1, 2))
    one, another = first.claim("modality:A"), other.claim("modality:A")
    slow = Outbox(SimpleNamespace(shared=True, hold=database.hold, write=slowly), "node 1")
    overview, waiting = (
        Overview(database),
        sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"),
    )
    with ThreadPoolExecutor(2) as nodes:
        late = nodes.submit(depart, slow, one)
        assert noted.wait(10)
        soon = nodes.submit(other.delivered, another)
        while not soon.done() and not database.value(waiting):
            time.sleep(0.01)
        seen = overview.departures(0, 10)
        goes_on.set()
    assert late.result() is soon.result() is None
    seen += overview.departures(seen[-1]["number"] if seen else 0, 10)
    assert [row["instance"] for row in seen] == [one.instance, another.instance]


def test_answers_pages_and_troubles_are_as_on_sqlite(database):
    routing = route(database, 3, ALL, HANDS)
    box, overview = Outbox(database, "node 1"), Overview(database)
    sending = box.claim("modality:A")
    routing.take(annotation("hand", instance=sending.instance), PARENTS)
    box.retry(sending, 0.0, "refused")
    box.hold("modality:A", 0.0, 0, "down")
    found = {(row.instance, row.destination): str(row.state) for row in overview.page([], None, 9)}
    assert found[sending.instance, "modality:B"] == "waiting"
    assert sorted(found.values()) == ["failed", "failed", "failed", "waiting"]
    assert overview.open_counts(["modality:A"])["modality:A"]["failed"] == 3
    assert [row.state for row in overview.page([], None, 1, states=["failed"])] == [State.FAILED]
