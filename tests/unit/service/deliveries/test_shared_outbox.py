"""The outbox of several nodes, in a real PostgreSQL."""

import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from routed import PARENTS, annotation, rules
from service.databases.schema import open_shared
from service.databases.tables import deliveries
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
        connection.execute(sa.delete(deliveries))
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
