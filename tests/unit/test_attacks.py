"""The attacks can start, and what they send is what they say; the attacks themselves take hours."""

import importlib
from collections import Counter
from pathlib import Path
from random import Random

import pytest

import tried
from bodypart.pixels import DatasetError, PictureError, read_dataset, read_picture
from element_mutations import CHANGES, element_mutations, taken_apart
from fuzzing.targets import files

SCRIPTS = sorted(p.stem for p in (Path(__file__).parents[1] / "attacks").glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_attack_can_be_imported(name):
    assert callable(importlib.import_module(f"attacks.{name}").main)


@pytest.mark.parametrize("data", list(files()))
def test_a_file_that_is_taken_apart_is_put_together_again(data):
    file = taken_apart(data)
    again = taken_apart(file.written())
    assert again.elements == file.elements
    assert file.coding.deflated or file.written() == data


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_changes_files_and_the_same_seed_gives_the_same(change):
    seeds = list(files())
    changed = [change(taken_apart(data), Random(7)) for data in seeds]
    assert changed == [change(taken_apart(data), Random(7)) for data in seeds]
    assert sum(one != data for one, data in zip(changed, seeds, strict=True)) > len(seeds) // 2


def test_files_changed_by_element_end_in_a_picture_or_a_reason():
    ends = Counter()
    for name, data in element_mutations(list(files()), 1_000):
        try:
            read_picture(read_dataset(data, limit=1 << 20), long_side=64)
        except (DatasetError, PictureError) as error:
            assert len(str(error)) < 200, name
            ends[type(error).__name__] += 1
        else:
            ends["picture"] += 1
    assert min(ends["picture"], ends["PictureError"]) > 200


def test_figures_come_back_as_a_line_of_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(tried, "FOLDER", tmp_path / "tried")
    tried.record("doors", tried.Attack("each door", "make doors", "94 doors", 0, "none opens"))
    tried.record("flood", tried.Attack("a flood", "make attack", "9 instances", 1_000))
    held, broken = tried.table().splitlines()[2:]
    assert held.startswith("| each door | 94 doors | all; none opens | `make doors`, 20")
    assert "| **all but 1,000** |" in broken
