"""What a back-fill is asked to read again, and whose answers it takes."""

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from service.decoders.process import EngineDownError
from service.queue.tasks import Kind
from service.routes import requests
from service.routes.backfill import results, start
from service.routes.models import Backfill, HelpersAnswers
from unit.service.house import PARENTS, note


def service(model):
    """Return a service whose back-fill repeats what it was asked."""
    backfill = SimpleNamespace(
        read_again=lambda version, *, present: [version, present], progress=dict
    )
    decoders = SimpleNamespace(down_reason="it starts")
    return SimpleNamespace(
        archive=SimpleNamespace(count=lambda: 0),
        backfill=backfill,
        decoders=decoders,
        index=SimpleNamespace(counts=dict),
        learning=SimpleNamespace(model=model),
    )


def test_other_models_are_those_that_the_decoders_do_not_have():
    assert start(service("sha"), Backfill(OtherModels=True))["again"] == [None, "sha"]
    assert start(service("sha"), Backfill(ModelVersion="1.2.1"))["again"] == ["1.2.1", "sha"]


def test_what_failed_is_counted_as_what_others_read_is(house):
    house.annotations.put(note(status="failed"), PARENTS)
    asked = SimpleNamespace(**{**vars(service("sha")), "index": house.index, "tasks": house.tasks})
    assert start(asked, Backfill(Failed=True))["again"] == 1
    assert house.claim(Kind.ANNOTATE).resource == "i"


@pytest.mark.parametrize(
    "second", [{"OtherModels": True}, {"ModelVersion": "2.0.0"}, {"LearnedSince": "2026-11-28"}]
)
def test_two_things_at_once_are_refused(second):
    """One was done and the other was not, and nobody was told."""
    with pytest.raises(ValidationError, match="together"):
        Backfill(Failed=True, **second)


@pytest.mark.parametrize("since", ["2026-13-45", "2026-02-29", "2026-11-28T24:61:00Z"])
def test_a_day_that_never_was_is_refused(since):
    """Later than every word it found nothing, and that was the answer."""
    with pytest.raises(ValidationError, match="LearnedSince"):
        Backfill(LearnedSince=since)
    assert Backfill(LearnedSince="2024-02-29T23:59:59Z").LearnedSince == "2024-02-29T23:59:59Z"


def test_before_the_model_is_known_nothing_counts_as_another_one_s():
    with pytest.raises(EngineDownError):
        start(service(None), Backfill(OtherModels=True))


def test_only_one_request_at_a_time_looks_for_what_words_change(monkeypatch):
    monkeypatch.setattr(requests, "_LONGEST_WAIT", 0.01)
    with requests.one_at_a_time(), pytest.raises(requests.HttpError) as refused:
        start(service("sha"), Backfill(LearnedSince="2026-11-28"))
    assert refused.value.status == 503


OURS, OLDER = "1" * 64, "0" * 64


def brought(service_has, model, annotation):
    """Bring an answer to a service; return what was taken."""
    taken = []
    leases = SimpleNamespace(
        take=lambda found, _: taken.extend(found) or {}, take_back=lambda *_: None
    )
    hello = service_has and {"model": {"sha256": service_has}}
    decoders = SimpleNamespace(hello=hello, down_reason="it starts")
    one = {"instance": "-".join(["a" * 8] * 5), "annotation": annotation, "file": "f"}
    body = HelpersAnswers(results=[one], model=model)
    results(body, SimpleNamespace(leases=leases, decoders=decoders))
    return taken


@pytest.mark.parametrize("model", [OURS, None])
def test_an_answer_of_the_service_s_model_is_taken(model):
    assert brought(OURS, model, {"model": {"sha256": OURS}})
    assert brought(OURS, model, {"model": None})


def test_no_answer_is_taken_before_a_restarted_service_knows_its_model():
    """It may have been started with another one: the helper tries again."""
    with pytest.raises(EngineDownError):
        brought(None, OLDER, {"model": {"sha256": OLDER}})


@pytest.mark.parametrize(
    ("model", "annotation"), [(OLDER, {"model": None}), (None, {"model": {"sha256": OLDER}})]
)
def test_an_answer_of_an_older_model_is_refused_wherever_that_stands(model, annotation):
    with pytest.raises(requests.HttpError) as refused:
        brought(OURS, model, annotation)
    assert refused.value.status == 409
