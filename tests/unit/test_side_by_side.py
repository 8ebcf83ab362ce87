"""The suite's two halves: what fails twice fails, and so does what is no failed test."""

import sys

import pytest

import side_by_side

FAILS_ONCE = """
from pathlib import Path

def test_it():
    seen = Path(__file__).with_suffix(".seen")
    known = seen.exists()
    seen.touch()
    assert known
"""
FAILS = "def test_it():\n    assert False\n"
PASSES = "def test_it():\n    pass\n"
ENDS = "import os\n\ndef test_it():\n    os._exit(7)\n"


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Two halves of one test each."""

    def made(first, second):
        for name, text in (("a", first), ("b", second)):
            (tmp_path / f"test_{name}.py").write_text(text)

    monkeypatch.setattr(side_by_side, "ROOT", tmp_path)
    monkeypatch.setattr(side_by_side, "CACHE", tmp_path / ".pytest_cache")
    monkeypatch.setattr(side_by_side, "FIRST", "a")
    monkeypatch.setattr(side_by_side, "HALVES", {"a": ("test_a.py",), "b": ("test_b.py",)})
    monkeypatch.setattr(sys, "stdout", (tmp_path / "out").open("w"))
    return made


@pytest.mark.parametrize(
    ("first", "second", "status", "later"),
    [
        (PASSES, PASSES, 0, 0),
        (FAILS_ONCE, PASSES, 1, 0),
        (PASSES, FAILS_ONCE, 1, 0),
        (FAILS_ONCE, FAILS_ONCE, 1, 0),
        (PASSES, FAILS, 1, 1),
        (ENDS, PASSES, 1, 1),
        ("import nothing_of_that_name", PASSES, 1, 1),
    ],
)
def test_what_fails_once_gets_a_second_look(suite, first, second, status, later):
    suite(first, second)
    assert side_by_side.both() == status
    assert side_by_side.again() == later


def test_without_a_first_look_there_is_no_second(suite):
    suite(PASSES, PASSES)
    assert side_by_side.again() == 1


def test_every_folder_of_tests_is_in_a_half(request):
    root = request.config.rootpath
    folders = {path.parent for path in (root / "tests").rglob("test_*.py")}
    named = [root / folder for half in side_by_side.HALVES.values() for folder in half]
    assert all(any(one in (folder, *folder.parents) for one in named) for folder in folders)
