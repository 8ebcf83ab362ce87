"""Measure the exported model on the pictures kept apart: ``python -m training.evaluate``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bodypart.labels import LABELS, router_group
from bodypart.model.session import BodyPartModel
from training import metrics
from training.answers import answers
from training.dicom_files import dicom_readings
from training.drawn_foreign import TEST_KINDS
from training.errors import refusals_told
from training.figures import draw_figures
from training.manifest import NONE, read_manifest
from training.measured import read, rejected
from training.paths import DICOM, MANIFEST, MODEL
from training.robustness import robustness
from training.split import SPLIT, Split, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from training.manifest import Example
    from training.measured import Readings

DRAWN_A_KIND = 20
WORST = 60


def _figures(readings: Readings) -> dict[str, Any]:
    """Return the figures of radiographs whose label the model emits."""
    bins = metrics.reliability(readings.confidence, readings.found)
    return {
        "top1": metrics.proportion(readings.right),
        "found": metrics.proportion(readings.found),
        "tolerant": metrics.proportion(readings.tolerable),
        "macro_recall": metrics.resampled(readings.truth, readings.answered, metrics.macro_recall),
        "visible": metrics.micro_f1(readings.visible, readings.visible_truth),
        "exact": metrics.exact_sets(readings.visible, readings.visible_truth),
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
        for group in sorted({group for group in truth if group})
    }
    return scores


def _is_of(source: str) -> Callable[[Example], bool]:
    return lambda row: row.source == source


def _by_source(readings: Readings, unseen: frozenset[str]) -> list[dict[str, Any]]:
    result = []
    for source, _ in Counter(row.source for row in readings.rows).most_common():
        part = readings.where(_is_of(source))
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
        kinds[source] = readings.where(_is_of(source)).rejected
    for number, kind in enumerate(TEST_KINDS):
        random = np.random.default_rng((1, number))
        given = answers(model, [kind(random) for _ in range(DRAWN_A_KIND)], twice=True)
        kinds[f"drawn: {kind.__name__.replace('_', ' ')}"] = rejected(model, given)
        distances.append(given.distance)
    every = np.concatenate(distances)
    return {
        "all": metrics.proportion(np.concatenate(list(kinds.values()))),
        "pictures": metrics.proportion(readings.rejected),
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
    """Return whether a model was trained on all pictures or on clearly licensed ones only."""
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
    several = every.where(lambda row: row.examined is None or row.examined in model.labels)
    known = every.where(lambda row: row.examined in model.labels)
    apart = known.where(lambda row: row.source in parts.unseen)
    limbs = known.where(lambda row: row.source in parts.limbs)
    return {
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "pictures": _counts(parts),
        "never_given": [part.label for part in LABELS if part.label not in model.labels],
        "data": _data(parts),
        "unseen_sources": _figures(apart),
        "unseen_patients": _figures(known.where(lambda row: row.source not in parts.unseen)),
        "all": _figures(known),
        "limbs": {"unseen": parts.limbs <= parts.unseen, **_figures(limbs)},
        "read": _figures(known.where(lambda row: row.read)),
        "collimated": _figures(read(model, parts.collimated, manifest.parent)),
        "made": _by_label(read(model, parts.made, manifest.parent), parts),
        "robustness": robustness(model, parts.test, manifest.parent),
        "visible_with_two_parts": metrics.micro_f1(several.visible, several.visible_truth),
        "router_groups": {
            "age_from_picture": _groups(known, age_known=False),
            "age_from_header": _groups(known, age_known=True),
        },
        "sources": _by_source(known, parts.unseen),
        "labels": _by_label(known, parts),
        "labels_unseen_sources": _by_label(apart, parts),
        "ages": {
            age: metrics.proportion(_of_age(known, age).right)
            for age in ("adult", "child", "unknown")
        },
        "view": _views(known),
        "child": {
            age: metrics.proportion((_of_age(known, age).child >= 0.5) == (age == "child"))
            for age in ("adult", "child")
        },
        "foreign": _foreign(model, every.where(lambda row: row.foreign), known),
        "untrained": _untrained(every, model.labels),
        "dicom": dicom_readings(model, dicom) if dicom else [],
        "confusion": _confusion(known, model.labels),
        "worst": _worst(known),
    }


def _counts(parts: Split) -> dict[str, int]:
    """Return how many pictures train, calibrate and test."""
    return {
        "train": len(parts.whole),
        "closeups": len(parts.closeups),
        "calibration": len(parts.calibration),
        "test": len(parts.test),
    }


def _of_age(readings: Readings, age: str) -> Readings:
    return readings.where(lambda row: row.age == age)


def _views(readings: Readings) -> dict[str, Any]:
    """Return how often the view is right, where it is known."""
    pairs = zip(readings.rows, readings.view, strict=True)
    return metrics.proportion(
        np.array([row.view == said for row, said in pairs if row.view], dtype=bool)
    )


def _untrained(readings: Readings, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return what is said of radiographs whose label the model never gives."""
    triples = zip(readings.rows, readings.said, readings.rejected, strict=True)
    return [
        {"examined": row.examined, "said": said, "rejected": bool(rejected)}
        for row, said, rejected in triples
        if row.examined and not row.foreign and row.examined not in labels
    ]


def _data(parts: Split) -> list[dict[str, Any]]:
    """Return each source's licence, and how many of its pictures train, calibrate and test."""
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


@refusals_told()
def main() -> None:
    """Read the command line, measure, write ``evaluation.json`` and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--split", type=Path, default=SPLIT)
    parser.add_argument("--dicom", type=Path, default=DICOM)
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
