"""The memory's table in docs/learning.md is the report's, and the report is of these commands."""

import json

import pytest

from training.card import CardError
from training.memory_table import BEGIN, END, table, with_table
from training.paths import LEARNING


@pytest.fixture
def models(request):
    return request.config.rootpath / "models"


def test_the_document_holds_the_present_table(models):
    document = LEARNING.read_text(encoding="utf-8")
    report = json.loads((models / "memory.json").read_text(encoding="utf-8"))
    assert with_table(document, report) == document, "run: python -m training.memory_table"


def test_every_trial_is_a_row(models):
    report = json.loads((models / "memory.json").read_text(encoding="utf-8"))
    trials = sum(len(place["trials"]) for place in report["hospitals"])
    assert table(report).count("\n| ") - 1 == trials


def test_a_document_without_a_place_for_it_is_an_error():
    with pytest.raises(CardError):
        with_table(f"{BEGIN} but no end", {"hospitals": [], "draws": 10})
    assert END.startswith("<!--")
