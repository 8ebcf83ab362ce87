"""Rules tried on an instance, whatever is just being done to it."""

from types import SimpleNamespace

import pytest

from service.queue.tasks import Mode
from service.routes.deliveries import _test_stored
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
