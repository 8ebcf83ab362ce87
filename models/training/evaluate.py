"""Measure the exported model on the pictures kept apart: ``python -m training.evaluate``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bodypart.labels import LABELS, router_group
from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.session import BodyPartModel
from training import metrics
from training.answers import Answers, answers
from training.calibrate import rejections
from training.dataset import target
from training.dicom_files import dicom_readings
from training.drawn_foreign import TEST_KINDS
from training.figures import draw_figures
from training.manifest import NONE, read_manifest
from training.pictures import read_picture
from training.split import SPLIT, Split, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from training.manifest import Example

HERE = Path(__file__).parent
DRAWN_A_KIND = 20
WORST = 60

NEIGHBOURS = (
    {"hand", "wrist"},
    {"foot", "ankle"},
    {"hip", "pelvis"},
    {"hip", "femur"},
    {"forearm", "elbow"},
)
"""Parts whose pictures overlap so much that people label them differently."""


def tolerated(truth: str, said: str) -> bool:
    """Tell whether a label is right or a confusable neighbour of the right one."""
    return truth == said or any({truth, said} <= pair for pair in NEIGHBOURS)


@dataclass(frozen=True)
class Readings:
    """What the model says of examples, in their order.

    Attributes
    ----------
    rows : list of Example
        The examples.
    said : list of str
        Most probable label, or ``none``; whether the picture is rejected does not matter here.
    confidence : ndarray, shape (n,)
        Its probability.
    visible : ndarray of bool, shape (n, 36)
        Labels given as visible.
    visible_truth : ndarray, shape (n, 36)
        1 there, 0 absent, -1 unknown.
    child : ndarray, shape (n,)
        Probability of a child.
    view : list of str
        Most probable view.
    distance, none : ndarray, shape (n,)
        The two grounds of rejection.
    rejected : ndarray of bool, shape (n,)
        Whether the picture is rejected.
    """

    rows: list[Example]
    said: list[str]
    confidence: NDArray[np.float64]
    visible: NDArray[np.bool_]
    visible_truth: NDArray[np.float32]
    child: NDArray[np.float64]
    view: list[str]
    distance: NDArray[np.float32]
    none: NDArray[np.float64]
    rejected: NDArray[np.bool_]

    def where(self, keep: Callable[[Example], bool]) -> Readings:
        """Return the readings of the examples that ``keep`` picks."""
        chosen = [index for index, row in enumerate(self.rows) if keep(row)]
        return Readings(
            [self.rows[index] for index in chosen],
            [self.said[index] for index in chosen],
            self.confidence[chosen],
            self.visible[chosen],
            self.visible_truth[chosen],
            self.child[chosen],
            [self.view[index] for index in chosen],
            self.distance[chosen],
            self.none[chosen],
            self.rejected[chosen],
        )

    @property
    def truth(self) -> list[str]:
        """Examined label of each row."""
        return [row.examined or "" for row in self.rows]

    @property
    def answered(self) -> list[str]:
        """What a user is told: ``none`` if rejected, the examined label for any that is right."""
        return [
            NONE if rejected else (row.examined or "") if said in row.accepted else said
            for row, said, rejected in zip(self.rows, self.said, self.rejected, strict=True)
        ]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether the most probable label is a right one, rejected or not."""
        pairs = zip(self.rows, self.said, strict=True)
        return np.array([said in row.accepted for row, said in pairs], dtype=bool)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether a right label is given: a rejected picture counts as wrong."""
        return self.found & ~self.rejected

    @property
    def tolerable(self) -> NDArray[np.bool_]:
        """Whether what is given is right or a confusable neighbour of what is."""
        pairs = zip(self.truth, self.answered, strict=True)
        return np.array([tolerated(truth, said) for truth, said in pairs], dtype=bool)


def _rejections(model: BodyPartModel, given: Answers) -> NDArray[np.bool_]:
    posterior = softmax(given.logits, model.parameters.temperature)
    best = [model.labels[index] for index in posterior[:, :-1].argmax(axis=1)]
    return rejections(given.distance, posterior[:, -1], best, model.parameters.rejection)


def read(model: BodyPartModel, rows: Sequence[Example], folder: Path) -> Readings:
    """Read the pictures of the examples with the exported model."""
    own = model.parameters
    given = answers(model, [read_picture(folder / row.file).values for row in rows])
    posterior = softmax(given.logits, own.temperature)
    names = [*own.labels, NONE]
    limits = np.array([own.visible_thresholds.get(label, np.inf) for label in own.visible_labels])
    return Readings(
        rows=list(rows),
        said=[names[index] for index in posterior.argmax(axis=1)],
        confidence=posterior.max(axis=1),
        visible=sigmoid(given.visible, own.visible_temperature) >= limits,
        visible_truth=np.stack([target(row, own.labels).visible for row in rows]),
        child=sigmoid(given.child),
        view=[own.views[index] for index in given.view.argmax(axis=1)],
        distance=given.distance,
        none=posterior[:, -1],
        rejected=_rejections(model, given),
    )


def _figures(readings: Readings) -> dict[str, Any]:
    """Return the figures of radiographs of emitted labels."""
    bins = metrics.reliability(readings.confidence, readings.found)
    return {
        "top1": metrics.proportion(readings.right),
        "found": metrics.proportion(readings.found),
        "tolerant": metrics.proportion(readings.tolerable),
        "macro_recall": metrics.resampled(readings.truth, readings.answered, metrics.macro_recall),
        "visible": metrics.micro_f1(readings.visible, readings.visible_truth),
        "ece": metrics.calibration_error(bins),
        "accepted": metrics.proportion(~readings.rejected),
        "reliability": bins,
    }


def _groups(readings: Readings, *, age_known: bool) -> dict[str, Any]:
    """Return macro F1 of the router's five groups; a chest of unknown age is left out."""
    known = readings.where(lambda row: row.examined != "chest" or row.age != "unknown")
    truth, said = [], []
    for row, label, child in zip(known.rows, known.answered, known.child, strict=True):
        young = row.age == "child"
        truth.append(router_group(row.examined, child=young))
        guess = young if age_known else bool(child >= 0.5)
        said.append(router_group(None if label == NONE else label, child=guess))
    scores: dict[str, Any] = metrics.resampled(truth, said, metrics.macro_f1)
    scores["recall"] = {
        group: metrics.proportion(
            np.array([b == group for a, b in zip(truth, said, strict=True) if a == group])
        )
        for group in sorted(set(truth))
    }
    return scores


def _by_source(readings: Readings, unseen: frozenset[str]) -> list[dict[str, Any]]:
    result = []
    for source, _ in Counter(row.source for row in readings.rows).most_common():
        part = readings.where(lambda row, name=source: row.source == name)
        result.append(
            {
                "source": source,
                "unseen": source in unseen,
                "top1": metrics.proportion(part.right),
                "tolerant": metrics.proportion(part.tolerable),
                "accepted": metrics.proportion(~part.rejected),
            }
        )
    return result


def _by_label(readings: Readings, parts: Split) -> list[dict[str, Any]]:
    trained = Counter(row.examined for row in parts.train)
    said = np.array(readings.answered)
    truth = np.array(readings.truth)
    result = []
    for label in parts.labels:
        own = truth == label
        wrong = Counter(str(name) for name in said[own & (said != label)])
        result.append(
            {
                "label": label,
                "trained": trained[label],
                "recall": metrics.proportion(readings.right[own]),
                "tolerant": metrics.proportion(readings.tolerable[own]),
                "precision": metrics.proportion(truth[said == label] == label),
                "read_as": dict(wrong.most_common(3)),
            }
        )
    return result


def _foreign(model: BodyPartModel, readings: Readings, real: Readings) -> dict[str, Any]:
    """Return how many foreign pictures are rejected, by source and by drawn kind."""
    kinds: dict[str, NDArray[np.bool_]] = {}
    distances = [readings.distance]
    for source in sorted({row.source for row in readings.rows}):
        kinds[source] = readings.where(lambda row, name=source: row.source == name).rejected
    real_rejected = list(readings.rejected)
    for number, kind in enumerate(TEST_KINDS):
        random = np.random.default_rng((1, number))
        given = answers(model, [kind(random) for _ in range(DRAWN_A_KIND)])
        kinds[f"drawn: {kind.__name__.replace('_', ' ')}"] = _rejections(model, given)
        distances.append(given.distance)
    every = np.concatenate(distances)
    return {
        "all": metrics.proportion(np.concatenate(list(kinds.values()))),
        "pictures": metrics.proportion(np.array(real_rejected, dtype=bool)),
        "kinds": {name: metrics.proportion(rejected) for name, rejected in kinds.items()},
        "distance_roc_area": metrics.area_under_curve(every, real.distance),
    }


def _worst(readings: Readings) -> list[dict[str, Any]]:
    """Return the most confident errors, by file name only."""
    order = np.argsort(-readings.confidence)
    return [
        {
            "file": readings.rows[index].file,
            "examined": readings.rows[index].examined,
            "said": readings.said[index],
            "probability": round(float(readings.confidence[index]), 3),
        }
        for index in order
        if not readings.right[index]
    ][:WORST]


def licences_of(model_file: Path) -> Literal["all", "clear"]:
    """Return of which licences the pictures were that a model was trained on."""
    record = json.loads(model_file.with_suffix(".json").read_text(encoding="utf-8"))
    clear: bool = record["training"]["licences"] == "clear"
    return "clear" if clear else "all"


def evaluate(
    model_file: Path, manifest: Path, *, split_file: Path = SPLIT, dicom: Path | None = None
) -> dict[str, Any]:
    """Return all figures of an exported model.

    Parameters
    ----------
    model_file : Path
        The ONNX file, its description beside it.
    manifest : Path
        The manifest that it was trained from.
    split_file : Path
        The split that it was trained with.
    dicom : Path or None
        Folder of DICOM files with a manifest of their labels.
    """
    model = BodyPartModel.load(model_file, provider="cpu")
    parts = split(read_manifest(manifest, licences_of(model_file)), split_file)
    every = read(model, parts.test, manifest.parent)
    known = every.where(lambda row: row.examined in model.labels)
    apart = known.where(lambda row: row.source in parts.unseen)
    limbs = known.where(lambda row: row.source in parts.limbs)
    several = every.where(lambda row: row.examined is None or row.examined in model.labels)
    return {
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "pictures": {
            "train": len(parts.whole),
            "closeups": len(parts.closeups),
            "calibration": len(parts.calibration),
            "test": len(parts.test),
        },
        "never_given": [part.label for part in LABELS if part.label not in model.labels],
        "data": _data(parts),
        "unseen_sources": _figures(apart),
        "unseen_patients": _figures(known.where(lambda row: row.source not in parts.unseen)),
        "all": _figures(known),
        "limbs": {"unseen": parts.limbs <= parts.unseen, **_figures(limbs)},
        "visible_with_two_parts": metrics.micro_f1(several.visible, several.visible_truth),
        "router_groups": {
            "age_from_picture": _groups(known, age_known=False),
            "age_from_header": _groups(known, age_known=True),
        },
        "sources": _by_source(known, parts.unseen),
        "labels": _by_label(known, parts),
        "labels_unseen_sources": _by_label(apart, parts),
        "ages": {
            age: metrics.proportion(known.where(lambda row, name=age: row.age == name).right)
            for age in ("adult", "child", "unknown")
        },
        "view": metrics.proportion(
            np.array(
                [
                    row.view == said
                    for row, said in zip(known.rows, known.view, strict=True)
                    if row.view
                ],
                dtype=bool,
            )
        ),
        "child": {
            age: metrics.proportion(
                (known.where(lambda row, name=age: row.age == name).child >= 0.5)
                == (age == "child")
            )
            for age in ("adult", "child")
        },
        "foreign": _foreign(model, every.where(lambda row: row.foreign), known),
        "untrained": [
            {
                "examined": row.examined,
                "said": said,
                "rejected": bool(rejected),
            }
            for row, said, rejected in zip(every.rows, every.said, every.rejected, strict=True)
            if row.examined and not row.foreign and row.examined not in model.labels
        ],
        "dicom": dicom_readings(model, dicom) if dicom else [],
        "confusion": _confusion(known, model.labels),
        "worst": _worst(known),
    }


def _data(parts: Split) -> list[dict[str, Any]]:
    """Return each source's licence, and how many of its pictures serve for what."""
    rows = {"train": parts.whole, "calibration": parts.calibration, "test": parts.test}
    counts = {name: Counter(row.source for row in some) for name, some in rows.items()}
    every = [row for some in rows.values() for row in some]
    licences: dict[str, Counter[str]] = {}
    for row in every:
        licences.setdefault(row.source, Counter())[f"{row.licence_class}: {row.licence}"] += 1
    return [
        {
            "source": source,
            "licence": licences[source].most_common(1)[0][0],
            **{name: count[source] for name, count in counts.items()},
        }
        for source, _ in Counter(row.source for row in every).most_common()
    ]


def _confusion(readings: Readings, labels: Sequence[str]) -> dict[str, Any]:
    """Return counts of true label (row) against said label (column), "none" last."""
    names = [*labels, NONE]
    counts = np.zeros((len(labels), len(names)), dtype=int)
    for truth, said in zip(readings.truth, readings.answered, strict=True):
        counts[names.index(truth), names.index(said)] += 1
    return {"labels": names, "counts": counts.tolist()}


def main() -> None:
    """Read the command line, measure, write ``evaluation.json`` and the figures."""
    shared = HERE.parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=HERE.parent / "bodypart.onnx")
    parser.add_argument("--manifest", type=Path, default=shared / "radiographs/manifest.csv")
    parser.add_argument("--split", type=Path, default=SPLIT)
    parser.add_argument("--dicom", type=Path, default=shared / "dicom")
    parser.add_argument("--out", type=Path, help="by default the model's folder")
    given = parser.parse_args()
    out = given.out or given.model.parent
    dicom = given.dicom if given.dicom.is_dir() else None
    report = evaluate(given.model, given.manifest, split_file=given.split, dicom=dicom)
    out.mkdir(parents=True, exist_ok=True)
    (out / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    draw_figures(report, out / "figures")
    for part in ("unseen_sources", "unseen_patients", "limbs"):
        figures = report[part]
        print(part, figures["top1"], "macro", figures["macro_recall"]["value"])


if __name__ == "__main__":
    main()
