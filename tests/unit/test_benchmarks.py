"""The benchmarks can start: `make test` does not run them, but shares their helpers."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = sorted(p.stem for p in (Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_can_be_imported(name):
    assert callable(importlib.import_module(f"benchmarks.{name}").main)


def test_every_benchmark_has_its_title():
    from benchmarks.run import TITLES

    assert sorted([*TITLES, "run"]) == SCRIPTS
