"""What is answered of an instance that has no annotation at the moment."""

from types import SimpleNamespace

import pytest
from fastapi import Response

from service.errors import NotFoundError, UnannotatedError
from service.queue.tasks import Kind, Mode
from service.routes import annotations
from service.routes.annotations import (
    _roll_up,
    _tags_kept,
    annotation_of,
    review_and_follow,
    withdraw,
)
from service.routes.models import Correction
from service.routes.requests import HttpError
from service.work.change_log import ChangeLog
from unit.service.house import PARENTS


@pytest.fixture
def service(house):
    """What the route asks, around an annotated instance whose change was read."""
    log = ChangeLog(house.orthanc, house.records, live=True, first=0)
    log.read()
    house.annotator.annotate("i", Mode.NEW, task=house.claim(Kind.ANNOTATE))
    return SimpleNamespace(
        in_place=None,
        annotation=house.orthanc.annotation,
        annotator=house.annotator,
        archive=house.orthanc,
        tasks=house.tasks,
        index=house.index,
        change_log=log,
        backfill=SimpleNamespace(running=False),
        settings=house.settings,
        pending=lambda: house.tasks.count(Kind.ANNOTATE) + log.unread_instances(),
    )


def test_what_was_forgotten_already_is_not_counted_again(house, service):
    service.reviewer, service.settle = house.reviewer, lambda _: None
    told = [annotations.remove("instances", "i", service, "ann", None) for _ in range(2)]
    assert [one["forgotten"] for one in told] == [1, 0]


def test_an_instance_that_is_deleted_amid_a_study_leaves_the_others_to_be_done(house, service):
    """The answer was that there is no such study, and what came after it was left."""
    service.reviewer, service.annotator = house.reviewer, house.annotator
    service.settle = lambda _: None
    house.orthanc.instances_of = lambda _level, _id: ["gone", "i"]
    del house.orthanc.metadata_["instances", "i"]["BodyPart"]
    rolled = annotations.classify("studies", "study", service, Response(), None)
    assert [line["instance"] for line in rolled["children"]] == ["i"]
    assert house.orthanc.annotation("i")["status"] == "done"
    assert annotations.remove("studies", "study", service, "ann", None)["forgotten"] == 1
    with pytest.raises(NotFoundError):
        annotations.remove("instances", "gone", service, "ann", None)


def test_what_is_sent_once_more_is_pending_before_anybody_read_of_it(house, service):
    """A script that sends a file again and asks at once was told to start a back-fill."""
    assert annotation_of(service, "i")["status"] == "done"
    house.orthanc.arrive("i", b"file")
    assert annotation_of(service, "i")["status"] == "pending"
    service.change_log.read()
    assert annotation_of(service, "i")["status"] == "pending"


def test_what_was_removed_is_pending_only_once_it_is_sent_again(house, service):
    house.reviewer.remove("i", by="ann")
    with pytest.raises(UnannotatedError, match="no annotation"):
        annotation_of(service, "i")
    house.orthanc.arrive("i", b"file")
    assert annotation_of(service, "i")["status"] == "pending"


def test_an_annotation_that_somebody_took_out_of_the_metadata_is_not_on_its_way(house, service):
    del house.orthanc.metadata_["instances", "i"]["BodyPart"]
    with pytest.raises(UnannotatedError):
        annotation_of(service, "i")
    # The answer points to the back-fill, which left out what the index has an annotation of.
    assert house.index.counts() == {"unseen": 1}
    assert house.claim_due(Kind.ROLL_UP)


def lines(service):
    rolled = _roll_up(service, "studies", "study")
    return rolled["status"], {line["instance"]: line["status"] for line in rolled["children"]}


def test_a_study_of_which_a_picture_waits_is_not_done(house, service):
    """Who waited for the study had the answer of its first picture."""
    assert lines(service) == ("done", {"i": "done"})
    house.orthanc.arrive("j", b"file")
    assert lines(service) == ("pending", {"i": "done", "j": "pending"})
    service.change_log.read()
    assert lines(service) == ("pending", {"i": "done", "j": "pending"})
    house.annotator.annotate("j", Mode.NEW, task=house.claim(Kind.ANNOTATE))
    assert lines(service) == ("done", {"i": "done", "j": "done"})


def test_a_study_stays_done_while_an_instance_is_only_read_again(house, service):
    house.ask(Kind.ANNOTATE, "i", mode=Mode.AGAIN)
    assert lines(service) == ("done", {"i": "done"})


def test_the_old_stock_waits_while_it_is_back_filled(house, service):
    house.orthanc.arrive("old", b"file")
    service.change_log.read()
    house.annotations.note_bare({"old": PARENTS})
    house.tasks.finish(house.claim(Kind.ANNOTATE))
    assert lines(service) == ("done", {"i": "done"})
    service.backfill.running = True
    assert lines(service) == ("pending", {"i": "done", "old": "pending"})


def test_a_study_without_any_annotation_is_said_to_have_none(house, service):
    house.reviewer.remove("i", by="ann")
    with pytest.raises(HttpError, match="no annotation"):
        _roll_up(service, "studies", "study")


def test_a_removal_of_many_waits_a_minute_in_all(monkeypatch):
    """Where decoders stood still it waited ten seconds for each file of a study."""
    now, limits = [0.0], []

    def outcome(instance, limit):
        limits.append(limit)
        now[0] += limit
        return "signed" if instance == "signed" else None

    monkeypatch.setattr(annotations.time, "monotonic", lambda: now[0])
    in_place = SimpleNamespace(outcome=outcome)
    assert _tags_kept(in_place, [*map(str, range(200)), "signed"]) == {"signed": "signed"}
    assert limits[:6] == [10.0] * 6
    assert sum(limits) == 60.0


@pytest.mark.parametrize(
    ("kind", "many", "waits"),
    [(Kind.REWRITE, 1, True), (Kind.REWRITE, 5, False), (Kind.ROLL_UP, 30, False)],
)
def test_no_word_said_or_taken_back_waits_for_its_file_where_many_are_to_follow(
    house, service, kind, many, waits
):
    """The eighth of eight people waited for the files of the seven before."""
    waited = []
    service.in_place = SimpleNamespace(outcome=lambda instance, _: waited.append(instance))
    service.settle = waited.extend
    service.reviewer = house.reviewer
    for number in range(many):
        house.ask(kind, f"other-{number}")
    said = review_and_follow(service, "i", Correction(examined="foot"), "ann", None)
    assert said["examined"]["label"] == "foot"
    assert said["tags"]["state"] == "pending"
    assert bool(waited) == waits
    waited.clear()
    assert withdraw("i", service, "ann", None, Response())["review"] is None
    assert bool(waited) == waits
