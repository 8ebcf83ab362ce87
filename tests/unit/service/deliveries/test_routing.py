import threading

import pytest

from routed import PARENTS, annotation, outbox, rules
from service.deliveries import outbox as outbox_module
from service.deliveries.delivery import Priority, State
from service.deliveries.routing import RETURN, Origin, Routing, _resolved, came_from
from service.deliveries.webhook import idempotency_key

KNEES = {"Name": "knees", "If": {"Examined": "knee"}, "To": ["modality:A"]}
HANDS = {"Name": "hands", "If": {"Examined": "hand"}, "To": ["modality:B"]}
REST = {"Name": "rest", "Otherwise": True, "To": ["modality:B"]}


class Archive:
    """Knows where everything came from."""

    def __init__(self, aet="", ip=""):
        self.found = aet, ip
        self.asked = 0

    def sender(self, _):
        self.asked += 1
        return self.found

    def node(self, kind, name):
        return (name, "10.0.0.1") if kind == "modalities" else ("", "10.0.0.2")


class Routed:
    """Routing over a real outbox."""

    def __init__(self, folder, *given, archive=None):
        self.outbox = outbox(folder)
        self.archive = archive or Archive()
        self.routing = Routing(rules(*given), self.outbox, self.archive, settle=60)

    def take(self, note=None, **options):
        return self.routing.take(note or annotation(), PARENTS, **options)

    def rows(self):
        with self.outbox.database.read() as connection:
            found = self.outbox.of(connection, "instance")
        return {(row.rule, row.destination): row for row in found}

    def states(self):
        return {key: str(row.state) for key, row in self.rows().items()}

    def deliver(self, destination):
        with self.outbox.database.write() as connection:
            connection.exec_driver_sql("UPDATE deliveries SET due = 0")
        self.outbox.delivered(self.outbox.claim(destination))


@pytest.fixture
def routed(tmp_path):
    return lambda *given, **options: Routed(tmp_path, *given, **options)


def test_what_a_rule_takes_stands_in_the_outbox_once_however_often_it_is_asked_for(routed):
    found = routed(KNEES, REST)
    assert found.take() == 1
    assert found.take() == 0
    (row,) = found.rows().values()
    assert (row.rule, row.destination, row.answer) == ("knees", "modality:A", "knee L")
    assert (row.state, row.series, row.study) == (State.WAITING, "series", "study")


def test_nothing_is_written_where_no_rule_takes_it(routed):
    found = routed(KNEES)
    assert found.take(annotation("hand")) == 0
    assert found.rows() == {}
    assert found.archive.asked == 0


def test_two_rules_that_name_one_destination_send_there_once(routed):
    found = routed(KNEES, {"Name": "all", "If": {}, "To": ["modality:A", "modality:B"]})
    assert found.take() == 2
    assert set(found.rows()) == {("knees", "modality:A"), ("all", "modality:B")}


def test_a_new_answer_is_routed_anew_and_what_waits_for_the_old_one_withdrawn(routed):
    found = routed(KNEES, HANDS)
    found.take()
    found.take(annotation("hand"))
    assert found.states() == {
        ("knees", "modality:A"): "cancelled",
        ("hands", "modality:B"): "waiting",
    }
    # The first answer returns: it was never sent, so it is sent now.
    found.take()
    assert found.states() == {
        ("knees", "modality:A"): "waiting",
        ("hands", "modality:B"): "cancelled",
    }


def test_what_was_delivered_is_never_recalled_nor_sent_again_for_the_same_answer(routed):
    found = routed(KNEES, HANDS)
    found.take()
    found.deliver("modality:A")
    found.take(annotation("hand"))
    found.take()
    assert found.states()["knees", "modality:A"] == "delivered"


def test_another_side_is_another_answer(routed):
    found = routed(KNEES)
    found.take()
    found.deliver("modality:A")
    assert found.take(annotation(laterality={"value": "R", "source": "person"})) == 1
    assert found.states() == {("knees", "modality:A"): "waiting"}


def test_a_confirmation_is_no_new_answer(routed):
    found = routed(KNEES)
    found.take()
    found.deliver("modality:A")
    assert found.take(annotation(review={"by": "her"}, needs_review=False)) == 0
    assert found.states() == {("knees", "modality:A"): "delivered"}


def test_another_rule_takes_over_what_waits_for_the_same_destination(routed):
    sure = {"Name": "sure", "If": {"NeedsReview": False}, "To": ["modality:A"]}
    doubtful = {"Name": "doubtful", "If": {"NeedsReview": True}, "To": ["modality:A"]}
    found = routed(sure, doubtful)
    found.take()
    found.take(annotation(needs_review=True))
    assert found.states() == {
        ("sure", "modality:A"): "cancelled",
        ("doubtful", "modality:A"): "waiting",
    }


def test_what_is_being_sent_for_an_older_answer_is_sent_again_after_that(routed):
    found = routed(KNEES)
    found.take()
    with found.outbox.database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET due = 0")
    sending = found.outbox.claim("modality:A")
    found.take(annotation(laterality={"value": "R", "source": "person"}))
    assert found.states() == {("knees", "modality:A"): "sending"}
    found.outbox.delivered(sending)
    (row,) = found.rows().values()
    assert (row.state, row.answer) == (State.WAITING, "knee R")
    found.deliver("modality:A")
    assert found.states() == {("knees", "modality:A"): "delivered"}


@pytest.mark.parametrize("in_flight", [False, True])
def test_an_answer_that_returns_is_no_repetition_of_its_first_delivery(
    routed, monkeypatch, in_flight
):
    """A receiver that drops what it had before kept the side that was taken back."""
    found = routed({**KNEES, "Urgent": True})
    keys = []

    def take(second, side):
        monkeypatch.setattr(outbox_module, "utc_now", lambda: f"2026-11-30T10:00:0{second}Z")
        found.take(annotation(laterality={"value": side, "source": "person"}))

    take(0, "L")
    for second, next_side in enumerate("RL-", 1):
        sent = found.outbox.claim("modality:A")
        keys.append(idempotency_key(sent))
        if in_flight:
            take(second, next_side)
            found.outbox.delivered(sent)
        else:
            found.outbox.delivered(sent)
            take(second, next_side)
    assert len(set(keys)) == 3


@pytest.mark.parametrize(("arrives", "state"), [(True, "delivered"), (False, "cancelled")])
def test_what_is_being_sent_and_belongs_elsewhere_now_is_not_tried_again(routed, arrives, state):
    found = routed(KNEES, HANDS)
    found.take()
    with found.outbox.database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET due = 0")
    sending = found.outbox.claim("modality:A")
    found.take(annotation("hand"))
    assert found.states()["knees", "modality:A"] == "sending"
    if arrives:
        found.outbox.delivered(sending)
    else:
        found.outbox.retry(sending, 0.0, "refused")
    row = found.rows()["knees", "modality:A"]
    assert (str(row.state), row.answer) == (state, "knee L" if arrives else "")


def test_a_removed_annotation_is_sent_no_more(routed):
    found = routed(KNEES)
    found.take()
    found.routing.removed("instance")
    assert found.states() == {("knees", "modality:A"): "cancelled"}
    assert found.take() == 1


def test_an_urgent_rule_does_not_wait_for_the_series(routed):
    found = routed({**KNEES, "Urgent": True}, {"Name": "all", "If": {}, "To": ["modality:B"]})
    found.take()
    rows = found.rows()
    urgent, usual = rows["knees", "modality:A"], rows["all", "modality:B"]
    assert usual.due - urgent.due == pytest.approx(60, abs=1)
    assert (urgent.priority, usual.priority) == (Priority.URGENT, Priority.ARRIVAL)


def test_a_rule_applied_to_the_old_stock_leaves_the_others_alone(routed):
    found = routed(KNEES, {"Name": "all", "If": {}, "To": ["modality:B"]})
    assert found.take(only=found.routing.rules[1]) == 1
    (row,) = found.rows().values()
    assert (row.rule, row.priority) == ("all", Priority.OLD_STOCK)


def test_of_the_old_stock_only_what_was_routed_follows_its_answer(routed):
    found = routed(KNEES, HANDS)
    assert found.take(if_known=True) == 0
    found.take()
    assert found.take(annotation("hand"), if_known=True) == 1


def test_nothing_returns_to_its_sender(routed):
    found = routed(KNEES, archive=Archive("A", "127.0.0.1"))
    found.take()
    (row,) = found.rows().values()
    assert (row.state, row.error) == (State.CANCELLED, RETURN)
    # Neither when it is annotated again.
    assert found.take() == 0


def test_what_came_with_our_tags_in_it_does_not_return_either(routed):
    """A node with this plugin wrote them; the file says what we would write, and is as it came."""
    found = routed(KNEES, archive=Archive("A", "10.0.0.1"))
    found.take(annotation(tags={"state": "written"}), only=found.routing.rules[0])
    assert found.states() == {("knees", "modality:A"): "cancelled"}


def test_what_we_rewrote_ourselves_may_go_anywhere(routed):
    found = routed(KNEES, archive=Archive("", "127.0.0.1"))
    found.take(annotation(tags={"state": "written"}))
    assert found.states() == {("knees", "modality:A"): "waiting"}


def test_the_sender_is_remembered_where_a_rewriting_hides_it(routed):
    found = routed(KNEES, HANDS, archive=Archive("B", "10.0.0.2"))
    found.take()
    found.archive.found = "", "127.0.0.1"
    found.take(annotation("hand", tags={"state": "written"}))
    assert found.states()["hands", "modality:B"] == "cancelled"


@pytest.mark.parametrize(
    ("aet", "ip", "returns"),
    [
        ("A", "", True),
        ("A", "192.168.0.9", True),
        ("OTHER", "10.0.0.1", False),
        ("OTHER", "10.0.0.9", False),
        ("", "10.0.0.1", True),
        ("", "127.0.0.1", False),
        ("", "", False),
    ],
)
def test_aet_and_address_tell_the_sender(aet, ip, returns):
    ((to,),) = (rule.destinations for rule in rules(KNEES))
    assert came_from(to, Origin(aet, ip)) is returns


@pytest.mark.parametrize(
    ("to", "sender", "state"),
    [
        ("modality:NEW", ("NEW", "10.9.9.9"), "cancelled"),
        ("peer:NEW", ("", "10.0.0.2"), "cancelled"),
        ("peer:NEW", ("NEW", "10.0.0.2"), "cancelled"),
        ("peer:NEW", ("NEW", "10.0.0.1"), "waiting"),
    ],
)
def test_a_node_that_orthanc_keeps_in_its_database_is_asked_for(
    tmp_path, monkeypatch, to, sender, state
):
    kept = {"DicomModalitiesInDatabase": True, "OrthancPeersInDatabase": True}
    monkeypatch.setattr("routed.CONFIGURATION", kept)
    found = Routed(tmp_path, {"Name": "all", "If": {}, "To": [to]}, archive=Archive(*sender))
    found.take()
    assert found.states() == {("all", to): state}


def test_the_address_of_this_machine_tells_nothing():
    ((to,),) = (rule.destinations for rule in rules(KNEES))
    here = type(to)(to.kind, to.name, "", "127.0.0.1")
    assert not came_from(here, Origin("", "127.0.0.1"))


def test_nobody_who_writes_waits_for_a_name_server(routed, monkeypatch):
    """While it did not answer, no correction was taken: each look-up held the one writer."""
    found = routed(KNEES, archive=Archive("", "192.168.0.9"))
    written = []

    def looked_up(host, _):
        other = threading.Thread(target=found.outbox.recover, args=("modality:A",), daemon=True)
        other.start()
        other.join(2)
        written.append((host, not other.is_alive()))
        raise OSError

    monkeypatch.setattr("service.deliveries.routing.socket.getaddrinfo", looked_up)
    _resolved.cache_clear()
    found.take()
    assert written == [("10.0.0.1", True)]
    _resolved.cache_clear()
