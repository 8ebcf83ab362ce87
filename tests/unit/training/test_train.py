"""The command line of a training."""

import sys

import pytest

train = pytest.importorskip("training.train", reason="training needs the train extra (torch)")


def planned(monkeypatch, tmp_path, *told):
    """Return the plan that the command line makes of what it is told."""
    plans = []
    monkeypatch.setattr(train, "train", lambda _material, _run, plan, *_, **__: plans.append(plan))
    for name in ("manifest.csv", "split.toml", "start.onnx"):
        (tmp_path / name).touch()
    given = ["--manifest", tmp_path / "manifest.csv", "--split", tmp_path / "split.toml"]
    given += ["--start", tmp_path / "start.onnx", "--threads", "1", *told]
    monkeypatch.setattr(sys, "argv", ["train", *map(str, given)])
    train.main()
    return plans[0]


def test_a_smoke_test_learns_what_the_training_would(monkeypatch, tmp_path):
    plan = planned(monkeypatch, tmp_path, "--smoke", "--alone", "finger", "child", "--seed", "5")
    assert (plan.alone, plan.seed, plan.draws) == (("finger", "child"), 5, 32)


@pytest.mark.parametrize("told", [["--alone"], ["--alone", "tentacle"]])
def test_labels_that_are_none_are_refused(monkeypatch, tmp_path, told, capsys):
    with pytest.raises(SystemExit):
        planned(monkeypatch, tmp_path, *told)
    assert "--alone" in capsys.readouterr().err
