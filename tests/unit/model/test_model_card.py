"""The card's figures are those of the committed model."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import json
from pathlib import Path

import pytest

for module in ("torch", "cv2", "matplotlib"):
    pytest.importorskip(module, reason=f"the evaluation needs the train extra ({module})")

from bodypart.model import BodyPartModel
from training.card import with_tables
from training.evaluate import read
from training.manifest import read_manifest
from training.split import SPLIT, split

MODELS = Path(__file__).resolve().parents[3] / "models"

SAMPLED = (
    "Sudharshan2108/Bone_Fracture_Detection",
    "NirantK/knee-xrays",
    "radoss-org/radoss-creative-commons",
    "rudraksh97/The-Spine-Project",
    "vishalshar/covid-chestxray-dataset",
)
"""Small sources of which the training saw nothing."""


@pytest.fixture(scope="module")
def report():
    return json.loads((MODELS / "evaluation.json").read_text(encoding="utf-8"))


def test_the_evaluation_is_of_the_committed_model(report):
    description = json.loads((MODELS / "bodypart.json").read_text(encoding="utf-8"))
    assert report["model"]["sha256"] == description["sha256"]


def test_the_card_s_tables_are_generated_from_the_evaluation(report):
    card = (MODELS / "README.md").read_text(encoding="utf-8")
    assert with_tables(card, report) == card


def test_a_sample_of_the_figures_comes_out_again(shared, report):
    """Five sources, the picture files read again, within one picture of the card's figure."""
    model = BodyPartModel.load(MODELS / "bodypart.onnx", provider="cpu")
    manifest = shared / "radiographs/manifest.csv"
    parts = split(read_manifest(manifest), SPLIT)
    figures = {one["source"]: one["top1"] for one in report["sources"]}
    for source in SAMPLED:
        rows = [row for row in parts.test if row.source == source and row.examined in model.labels]
        right = int(read(model, rows, manifest.parent).right.sum())
        assert len(rows) == figures[source]["n"]
        assert abs(right - figures[source]["value"] * len(rows)) <= 1


def test_no_tested_picture_was_learnt(shared):
    parts = split(read_manifest(shared / "radiographs/manifest.csv"), SPLIT)
    learnt = {row.group for row in parts.train}
    assert not learnt & {row.group for row in parts.test}
    assert not {row.source for row in parts.train} & parts.unseen
