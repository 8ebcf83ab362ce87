"""Train, export, evaluate and write the card, small, on pictures drawn by code."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import csv
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from phantoms import draw

torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
pytest.importorskip("onnx", reason="training needs the train extra (onnx)")
pytest.importorskip("cv2", reason="training needs the train extra (opencv)")
pytest.importorskip("matplotlib", reason="training needs the train extra (matplotlib)")

from bodypart.model import BodyPartModel
from training import card, drawn_foreign
from training.evaluate import evaluate
from training.export import export
from training.figures import draw_figures
from training.network import Network
from training.train import Plan, load_averaged, train

PARTS = ("hand", "chest", "knee", "pelvis")

COLUMNS = (
    *("file", "source", "upstream", "licence", "licence_class", "group"),
    *("examined", "visible", "laterality", "view", "age_group", "notes"),
)

SPLIT = """
least_pictures = 3
never_measured = "no patient"
calibration = 0.3
calibration_from = 4
held_out = ["elsewhere"]
limbs = ["elsewhere"]
held_out_foreign = ["elsewhere"]
[kept_apart]
"*" = 0.3
[age]
"here" = "adult"
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Write a small archive of drawn radiographs and foreign pictures with its manifest."""
    folder = tmp_path_factory.mktemp("archive")
    rows = []
    for source, count in (("here", 8), ("elsewhere", 4)):
        for number in range(count):
            for part in PARTS:
                seed = number + 100 * (source == "elsewhere")
                picture = draw(part, 140 + 4 * number, 120, bits=8, seed=seed)
                rows.append((f"{source}-{part}-{number}.png", source, part, picture))
            page = drawn_foreign.text_page(np.random.default_rng(number))
            rows.append((f"sheet-{source}-{number}.png", source, "none", page))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, source, part, picture in rows:
            Image.fromarray(picture.astype(np.uint8)).save(folder / name)
            seen = "" if part == "none" else part
            writer.writerow(
                [name, source, "", "own", "clear", name, part, seen, "", "AP", "unknown", ""]
            )
    (folder / "split.toml").write_text(SPLIT)
    return folder


@pytest.fixture(scope="module")
def trained(archive):
    """Train two small epochs, the second one after a stop."""
    torch.set_num_threads(1)
    manifest, run = archive / "manifest.csv", archive / "run"
    plan = Plan(96, 2, draws=32, batch=8, frozen=0)
    short = Plan(96, 1, draws=32, batch=8, frozen=0)
    split_file = archive / "split.toml"
    train(manifest, run, short, backbone=None, split_file=split_file, workers=0)
    train(manifest, run, plan, backbone=None, split_file=split_file, resume=True, workers=0)
    export(run / "checkpoint.pt", manifest, archive / "out", size=96, split_file=split_file)
    return archive


def test_training_writes_its_progress_and_goes_on_after_a_stop(trained):
    lines = (trained / "run/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_second_step_starts_from_the_first_one_s_weights(trained, tmp_path):
    first = trained / "run/checkpoint.pt"
    plan = Plan(96, 1, draws=8, batch=8, rate=0.0, frozen=0)
    second = train(
        trained / "manifest.csv",
        tmp_path,
        plan,
        backbone=None,
        start=first,
        split_file=trained / "split.toml",
        workers=0,
    )
    before, after = (torch.load(path, weights_only=True) for path in (first, second))
    assert after["start_sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    weights = after["network"]["body.0.convolution.weight"]
    assert torch.equal(weights, before["average"]["module.body.0.convolution.weight"])


def test_a_step_does_not_start_from_weights_for_other_labels(trained):
    state = torch.load(trained / "run/checkpoint.pt", weights_only=True)
    with pytest.raises(ValueError, match="emits"):
        load_averaged(Network(1, 36), state, ["knee"])


def test_the_exported_model_answers_like_the_trained_network(trained):
    from training.export import load_network

    model = BodyPartModel.load(trained / "out/bodypart.onnx", provider="cpu")
    values = draw("knee", 200, 160).astype(np.float32)
    answer, _ = model.answer(values)
    state = torch.load(trained / "run/checkpoint.pt", weights_only=True)
    from bodypart.model.model_input import network_input

    with torch.inference_mode():
        own = load_network(state)(torch.from_numpy(network_input(values, 96)[0]))
    assert answer.logits == pytest.approx(own.logits[0].numpy(), abs=0.02)


def test_the_description_names_its_origin(trained):
    record = json.loads((trained / "out/bodypart.json").read_text())
    assert record["training"]["epochs"] == 2
    assert len(record["training"]["checkpoint_sha256"]) == 64
    assert set(record["labels"]) == set(PARTS)
    assert record["training"]["pictures_by_source"].keys() == {"here"}


def test_evaluation_measures_held_out_sources_and_writes_card_and_pictures(trained):
    report = evaluate(
        trained / "out/bodypart.onnx",
        trained / "manifest.csv",
        split_file=trained / "split.toml",
    )
    assert {one["source"] for one in report["sources"] if one["unseen"]} == {"elsewhere"}
    assert report["foreign"]["kinds"]["elsewhere"]["n"] > 0
    draw_figures(report, trained / "figures")
    assert (trained / "figures/confusion.png").stat().st_size > 1000
    assert (trained / "figures/reliability.png").stat().st_size > 1000
    text = card.with_tables(f"before\n{card.BEGIN}\nold\n{card.END}\nafter", report, report)
    assert "old" not in text
    assert "elsewhere" in text
    assert text.endswith("after")
