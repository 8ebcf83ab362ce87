"""Write the tables of the model card and of development.md: ``python -m training.card``.

They come from ``evaluation.json`` for the shipped weights and from ``before.json`` for the version
before, measured on the same pictures with the same labels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import TrainingError, refusals_told
from training.paths import CARD, DEVELOPMENT, MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"

TARGETS = (
    # row, required value, aim, whether larger is better
    ("Strict top-1, all pictures kept apart", 0.965, 0.98, True),
    ("Strict top-1, unseen sources", 0.965, 0.98, True),
    ("Macro recall, all pictures kept apart", 0.90, 0.94, True),
    ("Limb films of an unseen source, strict top-1", 0.94, 0.97, True),
    ("Limb films read one by one, strict top-1", 0.94, 0.97, True),
    ("Wrists collimated loosely, cut from plates of unseen patients", 0.85, 0.95, True),
    ("Visible, micro F1, read one by one", 0.92, 0.95, True),
    ("Visible, every label right, read one by one", 0.75, 0.85, True),
    ("Visible, micro F1, by template", 0.92, 0.95, True),
    ("Real radiographs accepted", 0.985, 0.99, True),
    ("Foreign pictures rejected", 0.98, 0.99, True),
    ("Five router groups, macro F1, age from the header", 0.985, 0.99, True),
    ("Five router groups, macro F1, age from the picture", 0.96, 0.98, True),
    ("Worst loss by a change of the film", 0.03, 0.015, False),
    ("Calibration error (ECE, 15 bins), unseen sources", 0.03, 0.02, False),
)


class CardError(TrainingError):
    """A document has no place for the tables."""


def _share(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _verdict(value: float | None, least: float, aim: float, *, larger: bool) -> str:
    if value is None:
        return "not measured"

    def good(bound: float) -> bool:
        return value >= bound if larger else value <= bound

    return "aim reached" if good(aim) else "reached" if good(least) else "**not reached**"


def _worst_loss(report: dict[str, Any]) -> dict[str, Any]:
    """Return how much strict top-1 the worst change of a film costs."""
    figures = report["robustness"]
    plain = figures["as it is"]
    least = min(figure["value"] for figure in figures.values())
    return {"n": plain["n"], "value": round(plain["value"] - least, 4)}


def _target_figures(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the figures of :data:`TARGETS`, in their order."""
    every, apart, read = report["all"], report["unseen_sources"], report["read"]
    return [
        every["top1"],
        apart["top1"],
        every["macro_recall"],
        report["limbs"]["top1"],
        read["top1"],
        report["collimated"]["top1"],
        read["visible"],
        read["exact"],
        every["visible"],
        every["accepted"],
        report["foreign"]["all"],
        report["router_groups"]["age_from_header"],
        report["router_groups"]["age_from_picture"],
        _worst_loss(report),
        {"value": apart["ece"], "n": apart["top1"]["n"]},
    ]


def _targets(report: dict[str, Any], before: dict[str, Any]) -> str:
    rows = []
    figures = zip(TARGETS, _target_figures(before), _target_figures(report), strict=True)
    for (name, least, aim, larger), old, new in figures:
        value = _share(new) if "low" in new else _plain(new["value"])
        verdict = _verdict(new["value"], least, aim, larger=larger)
        row = (name, str(new["n"]), _plain(old["value"]), value, f"{least:.3g}", f"{aim:.3g}")
        rows.append((*row, verdict))
    head = ("figure", "pictures", before["model"]["version"], f"{report['model']['version']}")
    return _table((*head, "at least", "aim", ""), rows)


def _robustness(report: dict[str, Any], before: dict[str, Any]) -> str:
    rows = [
        (name, str(figure["n"]), _plain(before["robustness"][name]["value"]), _share(figure))
        for name, figure in report["robustness"].items()
    ]
    versions = (before["model"]["version"], report["model"]["version"])
    return _table(("film", "n", *versions), rows)


def _right(figure: dict[str, Any]) -> int:
    return round((figure["value"] or 0) * figure["n"])


def _lost_and_won(report: dict[str, Any], before: dict[str, Any]) -> str:
    """Return in words how many films fewer or more than before are right, by label and change."""
    old = {one["label"]: one["recall"] for one in before["labels"]}
    pairs = {
        one["label"]: (old[one["label"]], one["recall"])
        for one in report["labels"]
        if one["label"] in old
    }
    for name, figure in report["robustness"].items():
        if name != "as it is":
            pairs[name] = (before["robustness"][name], figure)
    gains = {name: _right(new) - _right(then) for name, (then, new) in pairs.items()}
    lost = ", ".join(f"{name} ({-gain})" for name, gain in gains.items() if gain < 0)
    won = ", ".join(f"{name} ({gain})" for name, gain in gains.items() if gain > 0)
    return (
        f"Films read rightly with {report['model']['version']} against "
        f"{before['model']['version']}, by label and by change of the film: "
        f"fewer in {lost or 'none'}; more in {won or 'none'}."
    )


def _strata(report: dict[str, Any]) -> str:
    rows = []
    for key, name in (
        ("unseen_sources", "unseen sources"),
        ("unseen_patients", "unseen patients of known sources"),
        ("all", "both"),
        ("limbs", "limb films of an unseen source"),
        ("read", "limb films read one by one"),
    ):
        part = report[key]
        rows.append(
            (
                name,
                str(part["top1"]["n"]),
                _share(part["top1"]),
                _share(part["tolerant"]),
                f"{_share(part['macro_recall'])} of {part['macro_recall']['labels']} labels",
                _plain(part["visible"]["value"]),
                _plain(part["exact"]["value"]),
                _plain(part["ece"]),
                _share(part["accepted"]),
            )
        )
    head = ("pictures kept apart", "n", "strict top-1", "with neighbours", "macro recall")
    return _table((*head, "visible F1", "all visible right", "ECE", "accepted"), rows)


def _sources(report: dict[str, Any]) -> str:
    rows = [
        (
            one["source"],
            "no" if one["unseen"] else "other patients",
            str(one["top1"]["n"]),
            _share(one["top1"]),
            _share(one["tolerant"]),
            _share(one["accepted"]),
        )
        for one in report["sources"]
    ]
    return _table(
        ("source", "in training", "n", "strict top-1", "with neighbours", "accepted"), rows
    )


def _labels(report: dict[str, Any], before: dict[str, Any], key: str) -> str:
    earlier = {one["label"]: one["recall"]["value"] for one in before[key]}
    rows = [
        (
            one["label"],
            str(one["trained"]),
            str(one["recall"]["n"]),
            _plain(earlier.get(one["label"])),
            _share(one["recall"]),
            _share(one["tolerant"]),
            _share(one["precision"]),
            ", ".join(f"{name} {count}" for name, count in one["read_as"].items()),
        )
        for one in report[key]
        if one["recall"]["n"]
    ]
    was, now = (f"recall, {of['model']['version']}" for of in (before, report))
    head = ("label", "trained on", "n", was, now, "with neighbours", "precision", "read as")
    return _table(head, rows)


def _foreign(report: dict[str, Any]) -> str:
    rows = [
        (name, str(figure["n"]), _share(figure))
        for name, figure in report["foreign"]["kinds"].items()
    ]
    rows.append(("all", str(report["foreign"]["all"]["n"]), _share(report["foreign"]["all"])))
    return _table(("foreign pictures", "n", "rejected"), rows)


def _small(report: dict[str, Any]) -> str:
    rows = [
        (f"age group: {age}, strict top-1", str(figure["n"]), _share(figure))
        for age, figure in report["ages"].items()
    ]
    rows += [
        (f"{age} recognised as such", str(figure["n"]), _share(figure))
        for age, figure in report["child"].items()
    ]
    rows.append(
        ("view (frontal, lateral, oblique)", str(report["view"]["n"]), _share(report["view"]))
    )
    rows += [
        (f"router group {group}, recall", str(figure["n"]), _share(figure))
        for group, figure in report["router_groups"]["age_from_picture"]["recall"].items()
    ]
    return _table(("also", "n", "value"), rows)


def _dicom(report: dict[str, Any]) -> str:
    rows = [
        (
            one["file"],
            one["label"] or "(none of the labels)",
            one.get("error") or f"{one['said']} {one['probability']:.2f}",
            "yes" if one.get("rejected") else "",
        )
        for one in report["dicom"]
    ]
    return _table(("DICOM file", "shows", "said", "rejected"), rows)


def _data(report: dict[str, Any]) -> str:
    rows = [
        (
            one["source"],
            one["licence"].replace("|", "/"),
            str(one["train"]),
            str(one["calibration"]),
            str(one["test"]),
        )
        for one in report["data"]
    ]
    return _table(("source", "licence (of most of it)", "train", "calibration", "test"), rows)


def _computed(report: dict[str, Any]) -> str:
    model, pictures = report["model"], report["pictures"]
    return (
        f"Computed with {model['name']} {model['version']}, SHA-256 `{model['sha256']}`, on "
        f"{pictures['test']} pictures kept apart from the {pictures['train']} of the training "
        f"({pictures['closeups']} close-ups were cut from them) "
        f"and the {pictures['calibration']} of the calibration."
    )


def tables(report: dict[str, Any], before: dict[str, Any]) -> str:
    """Return the generated part of the card, in Markdown.

    Parameters
    ----------
    report : dict
        Evaluation of the shipped weights.
    before : dict
        Evaluation of the version before, on the same pictures.
    """
    parts = (
        "### Old and new on the same pictures\n\n" + _computed(report),
        _targets(report, before),
        _lost_and_won(report, before),
        "Labels that the model never gives: " + ", ".join(report["never_given"]) + ".",
        _strata(report),
        "#### The same films, changed\n\n" + _robustness(report, before),
        "#### By label, all pictures kept apart\n\n" + _labels(report, before, "labels"),
        "#### Exposures cut out of plates kept apart, or joined from them\n\n"
        + _labels(report, before, "made"),
        "#### Ages, views, groups\n\n" + _small(report),
    )
    return "\n\n".join(parts)


def further_tables(report: dict[str, Any], before: dict[str, Any]) -> str:
    """Return the generated part of development.md, in Markdown.

    Parameters
    ----------
    report : dict
        Evaluation of the shipped weights.
    before : dict
        Evaluation of the version before, on the same pictures.
    """
    parts = (
        _computed(report),
        "### By source\n\n" + _sources(report),
        "### By label, unseen sources\n\n" + _labels(report, before, "labels_unseen_sources"),
        "### Foreign pictures, by source\n\n" + _foreign(report),
        "### Real DICOM files\n\n" + _dicom(report),
        "### Pictures and licences, by source\n\n" + _data(report),
    )
    return "\n\n".join(parts)


def renewed(document: str, begin: str, end: str, text: str) -> str:
    """Return a document with another text between two markers.

    Raises
    ------
    CardError
        If the document lacks the markers.
    """
    if begin not in document or end not in document:
        raise CardError(f"there is no place for the tables: {begin} or {end} is missing")
    above, rest = document.split(begin, 1)
    return f"{above}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}"


@refusals_told()
def main() -> None:
    """Read the command line and renew both documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=MODELS / "evaluation.json")
    parser.add_argument("--before", type=Path, default=MODELS / "before.json")
    parser.add_argument("--card", type=Path, default=CARD)
    parser.add_argument("--development", type=Path, default=DEVELOPMENT)
    given = parser.parse_args()
    report, before = (
        json.loads(path.read_text(encoding="utf-8")) for path in (given.report, given.before)
    )
    for path, text in (
        (given.card, tables(report, before)),
        (given.development, further_tables(report, before)),
    ):
        document = path.read_text(encoding="utf-8")
        path.write_text(renewed(document, BEGIN, END, text), encoding="utf-8")


if __name__ == "__main__":
    main()
