"""A next hospital is new to its model: not one of its films trains, the others' train as ever."""

import tomllib

import pytest

from training.hospitals import HOSPITALS
from training.manifest import read_manifest
from training.split import SPLIT, split


@pytest.mark.parametrize("plan", sorted(HOSPITALS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_hospital_is_left_out_whole(shared, plan):
    rows = read_manifest(shared / "radiographs" / "manifest.csv")
    (source,) = tomllib.loads(plan.read_text(encoding="utf-8"))["also_held_out"]
    parts, shipped = split(rows, plan), split(rows, SPLIT)
    assert source in parts.unseen
    assert source not in {row.source for row in parts.train}
    assert {row.name for row in parts.train} == {
        row.name for row in shipped.train if row.source != source
    }
    assert any(row.source == source for row in parts.test)
