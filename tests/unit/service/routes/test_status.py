"""What is told of the model before any decoder has told of itself."""

import json
from types import SimpleNamespace

import pytest

from bodypart.labels import BY_LABEL
from orthanc_server import ROOT
from service.routes.status import labels


def known(hello, model):
    service = SimpleNamespace(
        decoders=SimpleNamespace(hello=hello), settings=SimpleNamespace(model=str(model))
    )
    listed = labels(service)
    assert [row["label"] for row in listed] == list(BY_LABEL)
    return {row["label"] for row in listed if row["image_model"]}


def test_which_labels_the_model_knows_is_told_from_the_start():
    """A program that starts beside Orthanc, and asks once, was told that it knows none."""
    model = ROOT / "models/bodypart.onnx"
    own = json.loads(model.with_suffix(".json").read_text())["labels"]
    assert known(None, model) == set(own)
    assert known({"labels": ["knee"]}, model) == {"knee"}


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_model_without_a_description_knows_none(tmp_path, content):
    if content is not None:
        (tmp_path / "own.json").write_text(content)
    assert known(None, tmp_path / "own.onnx") == set()
