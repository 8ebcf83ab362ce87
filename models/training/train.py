"""Train the model from a manifest: ``python -m training.train --manifest ... --run ...``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")

import numpy as np
import torch
from torch.utils.data import DataLoader

from bodypart.labels import BY_LABEL
from bodypart.model.model_input import network_input
from training.checkpoint import Checkpoint
from training.dataset import VISIBLE_LABELS, VariedPictures, collate, target
from training.errors import TrainingError, refusals_told
from training.learner import Learner, Plan
from training.manifest import NONE, read_manifest
from training.network import Answer, Network, load_imagenet
from training.paths import BACKBONE, MANIFEST, RUNS
from training.pictures import Picture, read_pictures
from training.split import SPLIT, Split, split
from training.start import Start
from training.teacher import Teachers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.manifest import Example

CHILD = "child"
"""Name, beside the labels, of the output for whether the patient is a child."""


def read_all(
    network: torch.nn.Module,
    pictures: Sequence[Picture],
    size: int,
    field_tone: float | None = None,
) -> Answer:
    """Read pictures without variation, prepared as the service does."""
    network.eval()
    device = next(network.parameters()).device
    answers: list[Answer] = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 64):
            squares = [
                network_input(picture.cut().astype(np.float32), size, (), field_tone)[0]
                for picture in pictures[start : start + 64]
            ]
            answer: Answer = network(torch.from_numpy(np.concatenate(squares)).to(device))
            pooled = answer._replace(features=answer.features.mean(dim=(2, 3)))
            answers.append(Answer(*(part.cpu() for part in pooled)))
    return Answer(*(torch.cat(parts) for parts in zip(*answers, strict=True)))


def accuracy(answer: Answer, examples: Sequence[Example], labels: Sequence[str]) -> float:
    """Return the top-1 accuracy on radiographs whose label the model emits."""
    right = np.stack([target(example, labels).examined for example in examples])
    known = right[:, :-1].any(axis=1)
    said = answer.logits.argmax(dim=1).numpy()
    return float(right[known, said[known]].mean())


@dataclass(frozen=True, slots=True)
class Material:
    """The pictures of a training.

    Attributes
    ----------
    manifest : Path
        CSV file; pictures are relative to its folder.
    split_file : Path
        TOML file that says which pictures train, calibrate and test.
    licences : str
        ``all``, or ``clear`` for clearly licensed pictures only.
    with_closeups : bool
        Whether the split's close-ups are used too.
    limit : int or None
        Use only this many training and calibration pictures (smoke test).
    """

    manifest: Path
    split_file: Path = SPLIT
    licences: Literal["all", "clear"] = "all"
    with_closeups: bool = True
    limit: int | None = None

    def parts(self) -> Split:
        """Return which pictures train, calibrate and test."""
        rows = read_manifest(self.manifest, self.licences)
        return split(rows, self.split_file, with_closeups=self.with_closeups)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first weights of a training, random if none are given, and its teachers.

    Attributes
    ----------
    backbone : Path or None
        ImageNet weights.
    start : Path or None
        Checkpoint of another run, or exported model, whose weights this one starts from.
    teachers : sequence of Path
        Checkpoints or exported models whose answers are learnt in addition to the labels.
    """

    backbone: Path | None = None
    start: Path | None = None
    teachers: Sequence[Path] = ()


def train(
    material: Material,
    run: Path,
    plan: Plan,
    beginning: Beginning,
    *,
    resume: bool = False,
    workers: int = 1,
) -> Path:
    """Train and return the last checkpoint's path; a checkpoint is written after every epoch.

    Parameters
    ----------
    material : Material
        Pictures to learn from.
    run : Path
        Folder for checkpoints and the log.
    plan : Plan
        Sizes, epochs, rates, seed.
    beginning : Beginning
        First weights and teachers.
    resume : bool
        Continue after the last checkpoint in ``run``.
    workers : int
        Processes that vary pictures; with 0, this process does.

    Raises
    ------
    TrainingError
        If the split leaves nothing to learn from, an earlier model may not be used, the outputs of
        ``plan.alone`` cannot be trained alone, or the run to be continued was begun differently.
    """
    run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(plan.seed)
    if beginning.backbone is None and beginning.start is None:
        plan = replace(plan, frozen=0)
    parts, folder = material.parts(), material.manifest.parent
    _check_alone(plan, beginning, parts.labels)
    learn, check = parts.train[: material.limit], parts.calibration[: material.limit]
    print(f"{len(learn)} training pictures, {len(parts.labels)} labels, on {device}", flush=True)
    pictures = read_pictures(folder, learn)
    data = VariedPictures(learn, pictures, parts.labels, plan.draws, plan.seed)
    check_pictures = read_pictures(folder, check)
    learner = _learner(parts.labels, plan, beginning, material.licences, device)
    checkpoint = Checkpoint(run / "checkpoint.pt", plan, _origin(material, beginning, parts.labels))
    learnt = checkpoint.go_on(learner) if resume else []
    while len(learnt) < plan.epochs:
        begun = time.monotonic()
        loss = _learn_an_epoch(learner, data, plan, len(learnt), workers)
        seconds = round(time.monotonic() - begun)
        checked = read_all(learner.average, check_pictures, plan.size)
        record = {
            "epoch": len(learnt) + 1,
            "epochs": plan.epochs,
            "size": plan.size,
            "loss": round(loss, 4),
            "seconds": seconds,
            "calibration_top1": round(accuracy(checked, check, parts.labels), 4),
        }
        learnt.append(_list_digest(learn))
        checkpoint.keep(learner, learnt)
        with (run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
        print(json.dumps(record), flush=True)
    return checkpoint.path


def _check_alone(plan: Plan, beginning: Beginning, labels: Sequence[str]) -> None:
    """Check that the outputs of ``plan.alone`` can be trained alone.

    Raises
    ------
    TrainingError
        If there is no earlier model whose other outputs could stay, or the split has no such label.
    """
    if plan.alone and beginning.start is None:
        raise TrainingError("outputs that learn alone need a model to start from")
    missing = [label for label in plan.alone if label not in (*labels, CHILD)]
    if missing:
        raise TrainingError(f"the split leaves no output for {', '.join(missing)} to learn alone")


def _origin(material: Material, beginning: Beginning, labels: Sequence[str]) -> dict[str, Any]:
    """Return digests and names of what a run learns from; only with the same can it be resumed."""
    backbone, start = beginning.backbone, beginning.start
    return {
        "labels": list(labels),
        "licences": material.licences,
        "with_closeups": material.with_closeups,
        "manifest_sha256": _digest(material.manifest),
        "backbone_sha256": backbone and _digest(backbone),
        "start_sha256": start and _digest(start),
        "teachers_sha256": [_digest(path) for path in beginning.teachers],
    }


def _learner(
    labels: Sequence[str],
    plan: Plan,
    beginning: Beginning,
    licences: Literal["all", "clear"],
    device: torch.device,
) -> Learner:
    """Return the learner, with its first weights and its teachers."""
    network = _first_network(labels, plan, beginning, licences)
    network = network.to(device, memory_format=torch.channels_last)
    teachers = Teachers.read(
        beginning.teachers, labels, len(VISIBLE_LABELS), licences=licences, device=device
    )
    return Learner(network, teachers, plan, device)


def _first_network(
    labels: Sequence[str], plan: Plan, beginning: Beginning, licences: str
) -> Network:
    """Return the network with the weights that it starts from.

    Raises
    ------
    TrainingError
        If the earlier model learnt from pictures that are not clearly licensed while this one may
        not.
    """
    network = Network(len(labels), len(VISIBLE_LABELS))
    if beginning.backbone is not None:
        load_imagenet(network, beginning.backbone)
    if beginning.start is not None:
        earlier = Start.read(beginning.start, licences)
        earlier.load_into(network, labels)
        if plan.alone:
            outputs = [label in plan.alone for label in (*labels, NONE)]
            network.learn_alone(outputs, child=CHILD in plan.alone)
            return network
    network.freeze(plan.frozen)
    return network


def _learn_an_epoch(
    learner: Learner, data: VariedPictures, plan: Plan, epoch: int, workers: int
) -> float:
    """Train on the epoch's draws, which depend only on seed and epoch; return the mean loss."""
    data.start(epoch=epoch, size=plan.size)
    torch.manual_seed(plan.seed * 1000 + epoch)
    loader = DataLoader(data, plan.batch, drop_last=True, num_workers=workers, collate_fn=collate)
    learner.network.train()
    steps, total = plan.draws // plan.batch, 0.0
    for step, (squares, goal) in enumerate(loader):
        total += learner.step(squares, goal, (epoch + step / steps) / plan.epochs)
        if sys.stderr.isatty():
            print(f"\repoch {epoch + 1} step {step + 1}", end="", file=sys.stderr, flush=True)
    return total / steps


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _list_digest(learn: Sequence[Example]) -> str:
    """Return a digest of the examples' names and labels."""
    told = (f"{row.name} {row.accepted} {row.visible} {row.edge}" for row in learn)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _weights_file(given: Path) -> Path:
    """Return the weights' file: an exported model itself, or a run's checkpoint."""
    return given if given.suffix == ".onnx" else given / "checkpoint.pt"


@refusals_told()
def main() -> None:
    """Read the command line and train."""
    plan = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--backbone", type=Path, help="ImageNet weights to start from (.npz)")
    parser.add_argument("--split", type=Path, default=SPLIT, help="which pictures train")
    parser.add_argument("--run", type=Path, default=RUNS / "latest")
    parser.add_argument("--licences", choices=("all", "clear"), default="all")
    parser.add_argument("--epochs", type=int, default=plan.epochs)
    parser.add_argument("--size", type=int, default=plan.size, help="pixels of a side")
    parser.add_argument("--draws", type=int, default=plan.draws, help="pictures in an epoch")
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--rate", type=float, default=plan.rate, help="highest learning rate")
    parser.add_argument(
        "--frozen", type=int, default=plan.frozen, help="first blocks that stay as they are"
    )
    parser.add_argument("--bfloat16", action="store_true", help="faster where there is hardware")
    parser.add_argument("--start", type=Path, help="run, or exported .onnx, to start from")
    parser.add_argument(
        "--teacher", type=Path, nargs="*", default=[], help="runs or .onnx files to learn from, too"
    )
    parser.add_argument(
        "--alone",
        nargs="+",
        default=[],
        choices=(*BY_LABEL, CHILD),
        help="learn the outputs of these labels, or of the age, alone; all others of --start stay",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--no-closeups", action="store_true", help="train on whole pictures only")
    parser.add_argument("--resume", action="store_true", help="continue after the last checkpoint")
    parser.add_argument("--smoke", action="store_true", help="a few small steps: does it run?")
    parser.add_argument("--from-nothing", action="store_true", help="random weights to start from")
    given = parser.parse_args()
    start = given.start and _weights_file(given.start)
    teachers = [_weights_file(path) for path in given.teacher]
    backbone = given.backbone
    if backbone is None and not (start or given.from_nothing):
        backbone = BACKBONE
    for path in (given.manifest, given.split, backbone, start, *teachers):
        if path is not None and not path.exists():
            parser.error(f"{path} does not exist; see --backbone, --start and --from-nothing")
    torch.set_num_threads(given.threads)
    plan = Plan(
        size=given.size,
        epochs=given.epochs,
        draws=given.draws,
        rate=given.rate,
        frozen=given.frozen,
        seed=given.seed,
        bfloat16=given.bfloat16,
        alone=tuple(given.alone),
    )
    if given.smoke:
        plan = replace(plan, size=64, epochs=2, draws=32, batch=8)
    material = Material(
        given.manifest,
        given.split,
        given.licences,
        with_closeups=not given.no_closeups,
        limit=64 if given.smoke else None,
    )
    beginning = Beginning(backbone, start, teachers)
    train(material, given.run, plan, beginning, resume=given.resume, workers=given.workers)


if __name__ == "__main__":
    main()
