"""What a back-fill is asked to read again, before and after the model is known."""

from types import SimpleNamespace

import pytest

from service.decoders.process import EngineDownError
from service.routes import requests
from service.routes.backfill import start
from service.routes.models import Backfill


def service(model):
    """Return a service whose back-fill repeats what it was asked."""
    backfill = SimpleNamespace(
        read_again=lambda version, *, present: [version, present], progress=dict
    )
    decoders = SimpleNamespace(down_reason="it starts")
    return SimpleNamespace(
        backfill=backfill, decoders=decoders, learning=SimpleNamespace(model=model)
    )


def test_other_models_are_those_that_the_decoders_do_not_have():
    assert start(service("sha"), Backfill(OtherModels=True)) == {"again": [None, "sha"]}
    assert start(service("sha"), Backfill(ModelVersion="1.2.1")) == {"again": ["1.2.1", "sha"]}


def test_before_the_model_is_known_nothing_counts_as_another_one_s():
    with pytest.raises(EngineDownError):
        start(service(None), Backfill(OtherModels=True))


def test_what_words_change_is_looked_for_by_one_at_a_time(monkeypatch):
    monkeypatch.setattr(requests, "_LONGEST_WAIT", 0.01)
    with requests.one_at_a_time(), pytest.raises(requests.HttpError) as refused:
        start(service("sha"), Backfill(LearnedSince="2026-11-28"))
    assert refused.value.status == 503
