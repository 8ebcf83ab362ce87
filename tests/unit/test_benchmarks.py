"""The benchmarks can start: `make test` does not run them, but shares their helpers."""

import importlib
from pathlib import Path

import pytest

from benchmarks.run import CARD, TITLES, for_the_card, parts_of
from documentation import BENCHMARKS, filled

SCRIPTS = sorted(p.stem for p in (Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_can_be_imported(name):
    assert callable(importlib.import_module(f"benchmarks.{name}").main)


def test_every_benchmark_has_its_title():
    assert sorted([*TITLES, "run"]) == SCRIPTS


def test_the_model_card_s_figures_with_the_header_are_those_of_the_benchmark():
    part = parts_of(BENCHMARKS.read_text(encoding="utf-8"))[TITLES["fusion"]]
    shown = for_the_card("fusion", part)
    card = CARD.read_text(encoding="utf-8")
    assert "right, all" in shown
    assert "Other mixes" not in shown
    assert filled(card, "fusion", shown) == card
