"""The card's figures are those of the committed model."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import json

import pytest

for module in ("torch", "cv2", "matplotlib"):
    pytest.importorskip(module, reason=f"the evaluation needs the train extra ({module})")

from bodypart.model import BodyPartModel
from training.card import BEGIN, END, further_tables, renewed, tables
from training.closeups import CLOSEUPS
from training.manifest import read_manifest
from training.measured import read
from training.paths import CARD, DEVELOPMENT, MODELS
from training.split import SPLIT, split

SAMPLED = (
    "Sudharshan2108/Bone_Fracture_Detection",
    "NirantK/knee-xrays",
    "radoss-org/radoss-creative-commons",
    "rudraksh97/The-Spine-Project",
    "vishalshar/covid-chestxray-dataset",
)
"""Small sources: of one of them half the patients train, of the others none."""


FIRST_STEP = SPLIT.with_name("leave_out.toml")


@pytest.fixture(scope="module")
def report():
    return json.loads((MODELS / "evaluation.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def before():
    return json.loads((MODELS / "before.json").read_text(encoding="utf-8"))


def test_the_evaluation_is_of_the_committed_model(report):
    description = json.loads((MODELS / "bodypart.json").read_text(encoding="utf-8"))
    assert report["model"]["sha256"] == description["sha256"]
    assert report["model"]["version"] == description["version"]


def test_the_tables_of_both_documents_are_generated_from_the_evaluations(report, before):
    for path, text in (
        (CARD, tables(report, before)),
        (DEVELOPMENT, further_tables(report, before)),
    ):
        document = path.read_text(encoding="utf-8")
        assert renewed(document, BEGIN, END, text) == document, "run: make card"


def test_what_a_version_lost_and_won_is_told_in_films(report):
    def changed(**films):
        other = json.loads(json.dumps(report))
        for one in other["labels"]:
            figure = one["recall"]
            if one["label"] in films:
                right = round(figure["value"] * figure["n"]) + films[one["label"]]
                figure["value"] = round(right / figure["n"], 4)
        return other

    text = tables(report, changed(knee=-3, wrist=2))
    assert "fewer in wrist (2); more in knee (3)." in text
    assert "fewer in none; more in none." in tables(report, report)


def test_old_and_new_were_measured_on_the_same_pictures(report, before):
    assert before["model"]["sha256"] != report["model"]["sha256"]
    assert before["pictures"] == report["pictures"]
    for part in ("unseen_sources", "unseen_patients", "limbs", "read"):
        assert before[part]["top1"]["n"] == report[part]["top1"]["n"]
    assert report["limbs"]["unseen"]


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


def test_every_close_up_is_of_a_picture_that_trains_and_every_cut_out_of_one_kept_apart(shared):
    parts = split(read_manifest(shared / "radiographs/manifest.csv"), SPLIT)
    boxes = CLOSEUPS.read_text(encoding="utf-8").count("\n") - 1
    assert sum(row.box is not None for row in parts.train) == boxes > 5000
    cut_out = SPLIT.with_name("cut_out.csv").read_text(encoding="utf-8").count("\n") - 1
    assert len(parts.made) + len(parts.made_to_choose) == cut_out > 100


def test_no_tested_picture_was_learnt_in_either_step(shared):
    rows = read_manifest(shared / "radiographs/manifest.csv")
    shipped, first = split(rows, SPLIT), split(rows, FIRST_STEP)
    learnt = {row.group for parts in (shipped, first) for row in parts.train}
    assert not learnt & {row.group for row in shipped.test}
    assert not {row.group for row in first.train} & {row.group for row in first.test}
    # Temperature and limits of rejection of the shipped model were fitted on these.
    fitted = {row.file for parts in (shipped, first) for row in parts.calibration}
    assert not fitted & {row.file for row in shipped.test}
    for parts in (shipped, first):
        assert not {row.source for row in parts.train} & parts.unseen
