"""Rules tried on an instance, whatever is just being done to it."""

from types import SimpleNamespace

import pytest

from service.queue.tasks import Mode
from service.routes.deliveries import Action, _test_stored, act
from service.routes.requests import HttpError


@pytest.fixture
def service(house):
    """What the route asks, around an annotated instance whose file is to follow."""
    house.annotator.annotate("i", Mode.NEW)
    return SimpleNamespace(
        archive=house.orthanc,
        annotation=house.in_place.annotation_of,
        dispatch=SimpleNamespace(routing=SimpleNamespace(rules=())),
    )


def test_rules_are_tried_on_what_is_just_being_rewritten(house, service):
    """Its metadata are away meanwhile: it was said to have no annotation, and to be sent again."""
    tried = []
    house.orthanc.after_store = lambda: tried.append(_test_stored(service, "i"))
    house.follow()
    assert [one["case"]["examined"] for one in tried] == ["hand"]


def test_what_waits_has_no_rule_yet(house, service, monkeypatch):
    monkeypatch.setattr("service.routes.deliveries.annotation_of", lambda *_: {"status": "pending"})
    with pytest.raises(HttpError, match="waits"):
        _test_stored(service, "i")


def test_what_is_retried_is_sent_for_what_stands_now(service, monkeypatch):
    monkeypatch.setattr("service.routes.deliveries.one", lambda *_: {})
    found = SimpleNamespace(rule="all", destination="modality:A", instance="i")
    again = []
    service.dispatch.overview = SimpleNamespace(
        get=lambda _: found, again=lambda *a: again.append(a)
    )
    service.dispatch.routing.pairs = lambda: {("all", "modality:A"): None}
    service.dispatch.nudge = again.append
    act(7, Action(Action="retry"), service)
    service.annotation = lambda _: None
    act(8, Action(Action="retry"), service)
    assert again == [(7, "hand -"), "modality:A", (8, ""), "modality:A"]
