"""The command line of a training."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
train = pytest.importorskip("training.train", reason="training needs the train extra (torch)")

from training.network import Answer
from training.pictures import Picture


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
def test_unknown_labels_are_refused(monkeypatch, tmp_path, told, capsys):
    with pytest.raises(SystemExit):
        planned(monkeypatch, tmp_path, *told)
    assert "--alone" in capsys.readouterr().err


class Mean(torch.nn.Module):
    """Sees of a picture how bright it is."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, pictures):
        nothing = torch.zeros(len(pictures), 1)
        return Answer(nothing, nothing, nothing[:, 0], nothing, pictures * self.weight)


def test_a_close_up_is_read_as_the_exposure_that_it_stands_for():
    plate = np.hypot(*np.ogrid[-30:90, -20:80]).astype(np.uint8)
    closeup = Picture.whole(plate).closeup((10, 20, 60, 70))
    alone = Picture.whole(closeup.cut().copy())
    seen, wanted, whole = train.read_all(
        Mean(), [closeup, alone, Picture.whole(plate)], 64
    ).features
    assert seen.item() == wanted.item() != whole.item()
