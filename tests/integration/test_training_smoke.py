"""Train, export, evaluate and write the card, small, on pictures drawn by code."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phantoms import draw

torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
pytest.importorskip("onnx", reason="training needs the train extra (onnx)")
pytest.importorskip("cv2", reason="training needs the train extra (opencv)")
pytest.importorskip("matplotlib", reason="training needs the train extra (matplotlib)")

from bodypart.model import BodyPartModel
from training import card, choose, drawn_foreign
from training.closeups import closeups
from training.description import Preprocessing, TakenOver
from training.errors import TrainingError
from training.evaluate import evaluate
from training.export import Weights, export, load_network
from training.figures import draw_figures
from training.manifest import ManifestError, read_manifest
from training.network import Network
from training.pictures import read_pictures
from training.split import SplitError, split
from training.start import Start
from training.train import Beginning, Material, Plan, train

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models/bodypart.onnx"
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
closeups = "closeups.csv"
held_out_foreign = ["elsewhere"]
[kept_apart]
"*" = 0.3
[age]
"here" = "adult"
"""

CLOSEUPS = "file,examined,visible,view,left,top,right,bottom\n" + "".join(
    f"here-hand-{number}.png,finger,finger;hand,AP,20,0,60,50\n" for number in range(8)
)


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
    (folder / "closeups.csv").write_text(CLOSEUPS)
    return folder


def train_here(archive, run, plan, beginning=None, *, resume=False, **material):
    """Train with the archive's pictures, from random weights unless told otherwise."""
    given = Material(archive / "manifest.csv", archive / "split.toml", **material)
    return train(given, run, plan, beginning or Beginning(), resume=resume, workers=0)


def export_here(archive, checkpoint, out, **changed):
    own = {"split_file": archive / "split.toml", **changed}
    export(checkpoint, archive / "manifest.csv", out, **own)


@pytest.fixture(scope="module")
def trained(archive):
    """Train two small epochs, the second one after a stop."""
    torch.set_num_threads(1)
    run = archive / "run"
    plan = Plan(96, 2, draws=32, batch=8, frozen=0)
    train_here(archive, run, replace(plan, epochs=1))
    export_here(archive, train_here(archive, run, plan, resume=True), archive / "out")
    return archive


def test_training_writes_its_progress_and_goes_on_after_a_stop(trained):
    lines = (trained / "run/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_second_step_starts_from_the_first_one_s_weights(trained, tmp_path):
    first = trained / "run/checkpoint.pt"
    plan = Plan(96, 1, draws=8, batch=8, rate=0.0, frozen=0)
    second = train_here(trained, tmp_path, plan, Beginning(start=first, teachers=[first]))
    before, after = (torch.load(path, weights_only=True) for path in (first, second))
    assert after["start_sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert after["teachers_sha256"] == [after["start_sha256"]]
    weights = after["network"]["body.0.convolution.weight"]
    assert torch.equal(weights, before["average"]["module.body.0.convolution.weight"])


def test_a_step_takes_over_the_labels_that_the_one_before_knew(trained):
    state = torch.load(trained / "run/checkpoint.pt", weights_only=True)
    network = Network(2, 36)
    fresh = network.examined.weight[1].clone()
    Start.of_checkpoint(state).load_into(network, ["knee", "toe"])
    known = state["average"]["module.examined.weight"]
    assert torch.equal(network.examined.weight[0], known[state["labels"].index("knee")])
    assert torch.equal(network.examined.weight[1], fresh)
    assert torch.equal(network.examined.weight[2], known[-1])


def test_an_export_averages_the_weights_with_an_earlier_model_s(trained, tmp_path):
    state = torch.load(trained / "run/checkpoint.pt", weights_only=True)
    earlier = dict(state, average={k: torch.zeros_like(v) for k, v in state["average"].items()})
    torch.save(earlier, tmp_path / "earlier.pt")
    name = "body.3.layers.0.convolution.weight"
    own = state["average"][f"module.{name}"]
    quarter = load_network(state, Weights(earlier=tmp_path / "earlier.pt", share=0.25))
    assert torch.allclose(quarter.state_dict()[name], own / 4)
    last = load_network(state, Weights(averaged=False, earlier=tmp_path / "earlier.pt", share=1.0))
    assert torch.equal(last.state_dict()[name], state["network"][name])


def test_what_the_earlier_model_did_not_know_keeps_its_weights(trained):
    state = torch.load(trained / "run/checkpoint.pt", weights_only=True)
    own = Start.of_checkpoint(state)
    none = {k: torch.zeros_like(v) for k, v in own.weights.items()}
    rows = own.weights["examined.weight"]
    none["examined.weight"], none["examined.bias"] = rows[-2:] * 0, torch.zeros(2)
    knew = Start(none, own.labels[-1:], own.licences)
    mean = own.averaged_with(knew, 0.25).weights["examined.weight"]
    assert torch.equal(mean[:-2], rows[:-2])
    assert torch.allclose(mean[-2:], rows[-2:] / 4)


@pytest.mark.parametrize(
    ("share", "changed", "message"),
    [
        (1.5, {}, "between 0 and 1"),
        (0.5, {"labels": ["knee", "nose"]}, "labels that this one does not"),
        (0.5, {"licences": "all"}, "not clearly licensed"),
    ],
)
def test_what_has_no_mean_is_refused(trained, share, changed, message):
    state = {**torch.load(trained / "run/checkpoint.pt", weights_only=True), "licences": "clear"}
    earlier = Start.of_checkpoint({**state, **changed})
    with pytest.raises(TrainingError, match=message):
        Start.of_checkpoint(state).averaged_with(earlier, share)


def test_close_ups_train_where_their_pictures_train_and_teach_a_label_of_their_own(trained):
    parts = split(read_manifest(trained / "manifest.csv"), trained / "split.toml")
    cut = [row for row in parts.train if row.box]
    learnt = {row.file for row in parts.train if not row.box}
    apart = {row.file for row in (*parts.calibration, *parts.test)}
    assert cut
    assert {row.file for row in cut} <= learnt
    assert not {row.file for row in cut} & apart
    assert not any(row.box for row in (*parts.calibration, *parts.test))
    assert "finger" in parts.labels
    whole, part = read_pictures(trained, [replace(cut[0], box=None), cut[0]])
    rows, columns = whole.values.shape
    assert np.array_equal(
        part.cut(), whole.values[: round(rows / 2), round(columns * 0.2) : round(columns * 0.6)]
    )


def test_a_run_does_not_go_on_under_another_plan(trained):
    plan = Plan(96, 3, draws=32, batch=8, seed=8, frozen=0)
    with pytest.raises(TrainingError, match="another seed"):
        train_here(trained, trained / "run", plan, resume=True)


@pytest.mark.parametrize(("alone", "start"), [("knee", None), ("sacrum", SHIPPED)])
def test_what_cannot_learn_alone_is_refused(archive, tmp_path, alone, start):
    plan = Plan(96, 1, draws=8, batch=8, alone=("child", alone))
    with pytest.raises(TrainingError, match=r"to start from|output for sacrum"):
        train_here(archive, tmp_path, plan, Beginning(start=start))


def test_a_stopped_run_ends_with_the_weights_of_a_straight_one(archive, tmp_path, monkeypatch):
    from training import train as module

    plan = Plan(96, 2, draws=16, batch=8, frozen=0)
    straight = train_here(archive, tmp_path / "straight", plan)
    answers = iter([0.5])
    with monkeypatch.context() as patch:
        # The second epoch's end is never reached.
        patch.setattr(module, "accuracy", lambda *_: next(answers))
        with pytest.raises(StopIteration):
            train_here(archive, tmp_path / "stopped", plan)
    resumed = train_here(archive, tmp_path / "stopped", plan, resume=True)
    one, two = (torch.load(path, weights_only=True)["average"] for path in (straight, resumed))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"*" = 0.3', "to calibrate on"),
        ("calibration_from = 4", "to calibrate on"),
    ],
)
def test_a_split_that_keeps_nothing_apart_is_refused_before_the_training(
    archive, tmp_path, line, reason
):
    without = {'"*" = 0.3': '"*" = 0.0', "calibration_from = 4": "calibration_from = 400"}[line]
    plan = SPLIT.replace(line, without).replace('held_out = ["elsewhere"]', "held_out = []")
    path = tmp_path / "own.toml"
    path.write_text(plan.replace('closeups = "closeups.csv"\n', ""))
    with pytest.raises(SplitError, match=reason):
        split(read_manifest(archive / "manifest.csv"), path)


def test_the_commands_train_export_and_measure_an_archive_of_one_source(archive, tmp_path):
    """As docs/train-on-your-own-archive.md tells it, with the split that it shows."""
    guide = (ROOT / "docs/train-on-your-own-archive.md").read_text(encoding="utf-8")
    shown = re.search(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert shown
    plan = textwrap.dedent(shown[1]).replace("least_pictures = 20", "least_pictures = 2")
    (tmp_path / "split.toml").write_text(plan)
    with (archive / "manifest.csv").open() as file:
        rows = [row for row in csv.reader(file) if row[1] != "elsewhere" and row[6] != "none"]
    with (archive / "own.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    own = ["--manifest", archive / "own.csv", "--split", tmp_path / "split.toml"]
    run, model = tmp_path / "run", tmp_path / "model"
    report = ["--report", model / "evaluation.json", "--before", model / "evaluation.json"]
    into = ["--card", tmp_path / "a.md", "--development", tmp_path / "b.md"]
    for path in into[1::2]:
        path.write_text(f"{card.BEGIN}\n{card.END}\n")
    for command in (
        ["train", *own, "--run", run, "--smoke", "--start", SHIPPED, "--workers", "0"],
        ["export", *own, "--run", run, "--out", model],
        ["evaluate", *own, "--model", model / "bodypart.onnx", "--dicom", tmp_path / "none"],
        ["card", *report, *into],
    ):
        program = [sys.executable, "-m", f"training.{command[0]}", *map(str, command[1:])]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'plugin'}:{ROOT / 'models'}"}
        done = subprocess.run(program, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
    assert BodyPartModel.load(model / "bodypart.onnx", provider="cpu").labels
    assert "not measured" in into[1].read_text()
    assert "licence" in into[3].read_text()


@pytest.mark.parametrize(
    ("changed", "message"), [("20,0,60,50", "box"), ("finger;hand", "'tentacle'")]
)
def test_a_wrong_close_up_is_named(archive, tmp_path, changed, message):
    wrong = {"box": "60,0,20,50", "'tentacle'": "finger;tentacle"}[message]
    path = tmp_path / "closeups.csv"
    path.write_text(CLOSEUPS.replace(changed, wrong))
    with pytest.raises(ManifestError, match=message):
        closeups(read_manifest(archive / "manifest.csv"), path)


def test_a_training_can_start_from_the_shipped_model():
    record = json.loads(SHIPPED.with_suffix(".json").read_text())
    network = Network(len(record["labels"]), 36).eval()
    Start.read(SHIPPED).load_into(network, record["labels"])
    model = BodyPartModel.load(SHIPPED, provider="cpu")
    size = record["preprocessing"]["size"]
    from bodypart.model.model_input import network_input

    square = network_input(draw("knee", 200, 160).astype(np.float32), size)[0]
    answer = model.network.run(square)["logits"]
    with torch.inference_mode():
        own = network(torch.from_numpy(square)).logits.numpy()
    assert own == pytest.approx(answer, abs=0.02)


def test_a_run_without_close_ups_is_exported_without(archive, tmp_path):
    run = tmp_path / "run"
    plan = Plan(96, 1, draws=8, batch=8, frozen=0)
    made = train_here(archive, run, plan, with_closeups=False)
    export_here(archive, made, run)
    record = json.loads((run / "bodypart.json").read_text())
    assert set(record["labels"]) == set(PARTS)
    assert record["training"]["closeups"] == 0
    (tmp_path / "other.toml").write_text(SPLIT.replace("least_pictures = 3", "least_pictures = 99"))
    (tmp_path / "closeups.csv").write_text(CLOSEUPS)
    with pytest.raises(TrainingError, match="not the split"):
        export_here(archive, made, tmp_path / "no", split_file=tmp_path / "other.toml")
    assert not (tmp_path / "no").exists()


def test_an_export_takes_a_calibration_over(trained, tmp_path):
    calibration = {
        "temperature": 0.5,
        "rejection": {"distance": 0.25, "none": 0.125, "none_by_label": {}},
        "visible_temperature": 2.0,
        "visible_thresholds": {PARTS[0]: 0.75},
    }
    record = json.loads((trained / "out/bodypart.json").read_text())
    kept = tmp_path / "kept.json"
    given = (trained, trained / "run/checkpoint.pt", tmp_path)
    toned = Preprocessing(field_tone=0.65)
    kept.write_text(json.dumps({**record, **calibration}))
    export_here(*given, preprocessing=toned, taken_over=TakenOver(kept))
    made = json.loads((tmp_path / "bodypart.json").read_text())
    # What is near depends on the references, which each export draws.
    own = {**calibration["rejection"], "distance": record["rejection"]["distance"]}
    assert {key: made[key] for key in calibration} == {**calibration, "rejection": own}
    assert made["preprocessing"] == {**record["preprocessing"], "field_tone": 0.65}
    assert BodyPartModel.load(tmp_path / "bodypart.onnx").parameters.field_tone == 0.65
    kept.write_text(json.dumps({**record, **calibration, "labels": ["knee", "nose"]}))
    with pytest.raises(TrainingError, match="other labels"):
        export_here(*given, taken_over=TakenOver(kept))
    export_here(*given, taken_over=TakenOver(kept, ("temperature",)))
    fitted = json.loads((tmp_path / "bodypart.json").read_text())
    assert fitted["temperature"] == 0.5
    assert fitted["rejection"]["distance"] == record["rejection"]["distance"]


def test_the_exported_model_answers_like_the_trained_network(trained):
    model = BodyPartModel.load(trained / "out/bodypart.onnx", provider="cpu")
    values = draw("knee", 200, 160).astype(np.float32)
    answer = model.answer(values)
    state = torch.load(trained / "run/checkpoint.pt", weights_only=True)
    from bodypart.model.model_input import network_input

    with torch.inference_mode():
        own = load_network(state)(torch.from_numpy(network_input(values, 96)[0]))
    assert answer.logits == pytest.approx(own.logits[0].numpy(), abs=0.02)


def test_candidates_are_compared_without_the_tested_pictures(trained):
    parts = split(read_manifest(trained / "manifest.csv"), trained / "split.toml")
    model = BodyPartModel.load(trained / "out/bodypart.onnx", provider="cpu")
    found = choose.figures(model, replace(parts, test=(), collimated=()), trained)
    assert found.pop("loose wrists") is None
    assert found.pop("made exposures") is None
    assert found.pop("log-loss") > 0
    assert all(0 <= value <= 1 for value in found.values())
    table = choose.table({"one": {"log-loss": 0.25, "loose wrists": None}})
    assert table.splitlines()[2] == "| one | 0.250 | - |"
    boxed = replace(parts, collimated_to_choose=parts.closeups[:2])
    assert choose.figures(model, boxed, trained)["loose wrists"] is not None


def test_the_description_names_its_origin(trained):
    record = json.loads((trained / "out/bodypart.json").read_text())
    assert record["training"]["epochs"] == 2
    assert len(record["training"]["checkpoint_sha256"]) == 64
    assert set(record["labels"]) == {*PARTS, "finger"}
    assert record["training"]["closeups"] > 0
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
    text, marks = card.further_tables(report, report), (card.BEGIN, card.END)
    assert "elsewhere" in text
    renewed = card.renewed(f"before {marks[0]} old {marks[1]} after", *marks, text)
    assert renewed == f"before {marks[0]}\n{text}\n{marks[1]} after"
