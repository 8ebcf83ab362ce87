import threading
import time
from datetime import datetime, timedelta

import pytest

from routed import PARENTS, annotation, outbox, rules
from service.deliveries.couriers import Courier, Pauses
from service.deliveries.delivery import REMOVED, State
from service.deliveries.overview import Overview
from service.deliveries.readiness import Readiness
from service.deliveries.routing import Routing
from service.deliveries.senders import FolderSender, JobGoneError, SendError, StoppedError
from service.errors import ArchiveError, LostFileError, NotFoundError, RecordError
from waiting import eventually


class Archive:
    """An Orthanc with one instance."""

    def __init__(self):
        self.note, self.stored, self.stable = annotation(), True, True
        self.down = False

    def sender(self, _):
        return "", ""

    def annotation(self, _):
        return self.note

    def exists(self, *_):
        return self.stored

    def is_stable(self, _):
        return self.stable

    def last_change(self):
        if self.down:
            raise ArchiveError("away")
        return 1


class Sender:
    """Does what it is told, in turn, then succeeds."""

    def __init__(self):
        self.sent, self.errors = [], []

    def send(self, delivery, _):
        self.sent.append(delivery.instance)
        if self.errors:
            raise self.errors.pop(0)


class Desk:
    """A courier with all that it needs."""

    def __init__(self, folder, rule, count=1, retries=5, sender=None):
        self.outbox, self.archive, self.sender = outbox(folder), Archive(), sender or Sender()
        self.lines = []
        self.overview = Overview(self.outbox.database)
        self.away = False
        self.routing = Routing(rules(rule), self.outbox, self.archive, settle=0)
        self.courier = Courier(
            "modality:A",
            self.sender,
            self.outbox,
            Readiness(self.archive, self.outbox, self.routing.pairs(), lambda _: self.away, 10.0),
            Pauses(60.0, 480.0, retries),
            damaged=pytest.fail,
            log=self.lines.append,
        )
        for number in range(count):
            self.routing.take(annotation(instance=f"instance {number}"), PARENTS)

    def carry(self):
        with self.outbox.database.write() as connection:
            connection.exec_driver_sql("UPDATE deliveries SET due = 0 WHERE state = 'waiting'")
        self.courier.carry(self.outbox.claim("modality:A"))
        return self.row()

    def run_until(self, condition):
        """Let the courier deliver until a condition holds."""
        stopping = threading.Event()
        running = threading.Thread(target=self.courier.run, args=(stopping,))
        running.start()
        try:
            eventually(condition)
        finally:
            stopping.set()
            self.outbox.wake()
            running.join()

    def row(self):
        return self.overview.page([], None, 10)[-1]


@pytest.fixture
def desk(tmp_path):
    rule = {"Name": "all", "If": {}, "To": ["modality:A"]}

    def made(count=1, retries=5, sender=None, **changes):
        return Desk(tmp_path, {**rule, **changes}, count, retries, sender)

    return made


def test_what_arrived_is_delivered(desk):
    one = desk()
    assert one.carry().state == State.DELIVERED
    assert one.courier.delivered == 1


def test_tags_come_first(desk):
    one = desk(Urgent=True)
    one.archive.note = annotation(tags={"state": "pending"})
    assert (one.carry().state, one.row().attempts, one.sender.sent) == ("waiting", 0, [])


def test_what_no_rule_here_asks_for_does_not_leave(desk, tmp_path):
    """Another node that shares the outbox may have another configuration."""
    one = desk(count=0)
    Desk(tmp_path, {"Name": "elsewhere", "If": {}, "To": ["modality:A"]})
    assert (one.carry().state, one.sender.sent) == (State.CANCELLED, [])


def test_a_series_must_be_complete_unless_it_is_urgent(desk):
    one = desk()
    one.archive.stable = False
    assert (one.carry().state, one.row().attempts) == ("waiting", 0)


def test_an_urgent_rule_sends_before_the_series_is_complete(desk):
    one = desk(Urgent=True)
    one.archive.stable = False
    assert one.carry().state == State.DELIVERED


def test_a_closed_window_is_waited_for(desk):
    now = datetime.now()
    opens, closes = now + timedelta(hours=2), now + timedelta(hours=3)
    one = desk(When=f"{opens:%H:%M}-{closes:%H:%M}")
    found = one.carry()
    assert (found.state, found.attempts) == (State.WAITING, 0)
    assert 3500 < found.due - now.timestamp() < 7300
    assert one.sender.sent == []


def test_an_instance_that_is_just_being_rewritten_is_waited_for(desk):
    one = desk()
    one.archive.note, one.away = None, True
    assert one.carry().state == State.WAITING


def test_an_instance_that_is_gone_is_not_tried_again(desk):
    one = desk()
    one.archive.note, one.archive.stored = None, False
    assert (one.carry().state, one.row().error) == ("failed", "the instance is gone")


@pytest.mark.parametrize(
    ("error", "state"), [(NotFoundError("series"), "failed"), (ArchiveError("busy"), "waiting")]
)
def test_no_attempt_is_counted_while_orthanc_does_not_answer(desk, monkeypatch, error, state):
    one = desk(retries=0)
    one.archive.down = True

    def fails(_):
        raise error

    monkeypatch.setattr(one.archive, "is_stable", fails)
    assert (one.carry().state, one.sender.sent) == (state, [])
    assert one.overview.departures(0, 10) == []


def test_an_orthanc_that_fails_for_one_instance_alone_ends_its_delivery(desk, monkeypatch):
    """It was asked about that one every two seconds, for ever."""
    one = desk(retries=2)
    good = one.archive.annotation

    def fails(_):
        raise ArchiveError("GET /instances/0: status 500")

    monkeypatch.setattr(one.archive, "annotation", fails)
    found = [one.carry() for _ in range(3)]
    assert [str(row.state) for row in found] == ["waiting", "waiting", "failed"]
    assert found[1].due - found[0].due > 0.5
    assert (
        found[-1].error
        == "Orthanc does not answer about the instance: GET /instances/0: status 500"
    )
    monkeypatch.setattr(one.archive, "annotation", good)
    one.overview.again(found[-1].number)
    one.run_until(lambda: one.row().state == State.DELIVERED)


def test_a_delivery_that_fails_unforeseen_does_not_hold_up_the_others(desk, monkeypatch):
    """It was the next one again, every second, for ever."""
    one = desk(count=2, retries=1)

    def odd(instance, annotation=one.archive.annotation):
        if instance == "instance 0":
            raise ValueError("a patient's name")
        return annotation(instance)

    monkeypatch.setattr(one.archive, "annotation", odd)
    for _ in range(3):
        one.carry()
    assert one.sender.sent == ["instance 1"]
    assert (one.row().state, one.row().error) == ("failed", "it could not be sent: ValueError")


@pytest.mark.parametrize("while_sending", [False, True])
def test_what_is_the_courier_s_own_fault_does_not_hold_the_destination(
    desk, monkeypatch, while_sending
):
    """After three odd annotations nothing left for a destination that takes everything."""
    one = desk(count=5)

    def odd(*_):
        raise ValueError("a patient's name")

    with monkeypatch.context() as wrong:
        where = (one.sender, "send") if while_sending else (one.archive, "annotation")
        wrong.setattr(*where, odd)
        for _ in range(4):
            one.courier.carry(one.outbox.claim("modality:A"))
    one.run_until(lambda: one.sender.sent)
    assert len(one.sender.sent) == 1
    assert one.row().error == "it could not be sent: ValueError"


def test_files_that_orthanc_has_lost_do_not_hold_the_folder(desk, tmp_path):
    """After three of them nothing was written to a folder that takes everything."""
    asked = set()

    def lost(instance):
        asked.add(instance)
        raise LostFileError(f"Orthanc's storage has no file of {instance}")

    one = desk(count=5, sender=FolderSender(tmp_path, lost))
    one.run_until(lambda: len(asked) == 5)
    row = one.carry()
    assert row.state == State.WAITING
    assert row.error.endswith(f"Orthanc's storage has no file of {row.instance}")


def test_an_instance_that_goes_while_it_is_sent_is_not_tried_again(desk):
    one = desk()
    one.sender.errors = [NotFoundError("instance")]
    assert one.carry().state == State.FAILED


def test_a_removed_annotation_is_not_sent(desk):
    one = desk()
    one.archive.note = None
    assert (one.carry().state, one.row().error) == ("cancelled", REMOVED)


@pytest.mark.parametrize("stored", [True, False], ids=["stored over", "deleted"])
def test_an_instance_that_is_sent_anew_is_delivered(desk, stored):
    """A courier may look at it before its new file is annotated: as it had been."""
    one = desk()
    one.archive.note, one.archive.stored = None, stored
    assert one.carry().state in (State.CANCELLED, State.FAILED)
    assert one.routing.take(annotation(instance="instance 0"), PARENTS) == 1
    one.archive.note, one.archive.stored = annotation(), True
    assert (one.carry().state, one.row().error) == (State.DELIVERED, None)
    assert one.routing.take(annotation(instance="instance 0"), PARENTS) == 0


@pytest.mark.parametrize(
    "error", [SendError("refused"), JobGoneError("job"), ValueError("unforeseen")]
)
def test_a_failure_is_tried_again_and_ends(desk, error):
    one = desk(retries=2)
    one.sender.errors = [error] * 3
    assert [str(one.carry().state) for _ in range(3)] == ["waiting", "waiting", "failed"]
    assert one.row().attempts == 3
    unknown = [left["outcome"] for left in one.overview.departures(0, 10)]
    assert unknown == (["unknown"] * 3 if isinstance(error, JobGoneError) else [])


def test_a_receiver_s_wish_for_a_pause_is_honoured(desk):
    one = desk()
    one.sender.errors = [SendError("503", pause=500.0)]
    before = datetime.now().timestamp()
    assert one.carry().due - before >= 500


def test_what_is_being_sent_when_the_service_stops_stays_so(desk):
    one = desk()
    one.sender.errors = [StoppedError()]
    with pytest.raises(StoppedError):
        one.carry()
    assert one.row().state == State.SENDING


def test_after_three_failures_in_a_row_all_wait(desk):
    one = desk(count=5)
    one.sender.errors = [SendError("down")] * 3
    for _ in range(3):
        one.carry()
    assert {row.attempts for row in one.overview.page([], None, 10)} >= {1}
    assert all(row.attempts for row in one.overview.page([], None, 10))
    assert one.outbox.claim("modality:A") is None


def test_pauses_double_up_to_a_ceiling():
    pauses = Pauses(1.0, 8.0, 5)
    found = [pauses.after(failures) for failures in (1, 2, 3, 4, 5, 1000)]
    for pause, longest in zip(found, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.9 * longest <= pause <= longest


def test_a_clock_that_is_set_back_is_noticed(desk, monkeypatch):
    one, clock, stopping = desk(count=0), {"ahead": 18_000.0}, threading.Event()
    now, recovered = time.time, []
    monkeypatch.setattr("service.clock.time.time", lambda: now() + clock["ahead"])

    def recover(destination):
        recovered.append(destination)
        if len(recovered) == 2:
            stopping.set()

    def wait(*_):
        clock["ahead"] = 0.0
        stopping.wait(0.01)

    monkeypatch.setattr(one.outbox, "recover", recover)
    monkeypatch.setattr(one.outbox, "wait", wait)
    running = threading.Thread(target=one.courier.run, args=(stopping,))
    running.start()
    running.join(2)
    told, _ = len(recovered), stopping.set()
    running.join(5)
    assert told == 2


def test_why_deliveries_fail_is_logged(desk, monkeypatch):
    """The log had the kind of the error alone, and did not tell of a full disk."""
    one, stopping = desk(), threading.Event()

    def full(_):
        stopping.set()
        raise RecordError("the records cannot be kept: database or disk is full")

    monkeypatch.setattr(one.outbox, "claim", full)
    one.courier.run(stopping)
    (line,) = one.lines
    assert line.endswith(
        "modality:A failed and start again: the records cannot be kept: database or disk is full"
    )
