"""Write the tables of the model card: ``python -m training.card``.

They come from ``evaluation.json``, of the shipped weights, and from ``leave_out.json``, of the
weights before the training's last step, which have seen fewer sources.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"

TARGETS = (
    # row, at least, aim, larger is better
    ("Examined, strict top-1, unseen sources", 0.90, 0.96, True),
    ("Examined, macro recall, unseen sources", 0.80, 0.92, True),
    ("Examined, macro recall, all pictures kept apart", 0.80, 0.92, True),
    ("Five router groups, macro F1, age from the picture", 0.97, 0.99, True),
    ("Five router groups, macro F1, age from the header", 0.97, 0.99, True),
    ("Visible, micro F1, unseen sources", 0.88, 0.94, True),
    ("Limb films of {whose}, strict top-1", 0.82, 0.93, True),
    ("Foreign pictures rejected", 0.95, 0.99, True),
    ("Real radiographs accepted", 0.95, 0.95, True),
    ("Calibration error (ECE, 15 bins), unseen sources", 0.04, 0.02, False),
)


class CardError(ValueError):
    """The card has no place for the tables."""


def _share(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _verdict(value: float | None, least: float, aim: float, *, larger: bool) -> str:
    if value is None:
        return "not measured"

    def good(bound: float) -> bool:
        return value >= bound if larger else value <= bound

    return "aim reached" if good(aim) else "reached" if good(least) else "**not reached**"


def _whose(report: dict[str, Any]) -> str:
    return "an unseen source" if report["limbs"]["unseen"] else "unseen patients"


def _targets(report: dict[str, Any]) -> str:
    apart, groups = report["unseen_sources"], report["router_groups"]
    figures: list[dict[str, Any]] = [
        apart["top1"],
        apart["macro_recall"],
        report["all"]["macro_recall"],
        groups["age_from_picture"],
        groups["age_from_header"],
        apart["visible"],
        report["limbs"]["top1"],
        report["foreign"]["all"],
        report["all"]["accepted"],
        {"value": apart["ece"], "n": apart["top1"]["n"]},
    ]
    rows = []
    for (name, least, aim, larger), figure in zip(TARGETS, figures, strict=True):
        value = _share(figure) if "low" in figure else _plain(figure["value"])
        verdict = _verdict(figure["value"], least, aim, larger=larger)
        named = name.format(whose=_whose(report))
        rows.append((named, str(figure["n"]), value, f"{least:.2f}", f"{aim:.2f}", verdict))
    return _table(("figure", "pictures", "value (95 % interval)", "at least", "aim", ""), rows)


def _strata(report: dict[str, Any]) -> str:
    rows = []
    for key, name in (
        ("unseen_sources", "unseen sources"),
        ("unseen_patients", "unseen patients of known sources"),
        ("all", "both"),
        ("limbs", f"limb films of {_whose(report)}"),
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
                _plain(part["ece"]),
                _share(part["accepted"]),
            )
        )
    head = ("pictures kept apart", "n", "strict top-1", "with neighbours", "macro recall")
    return _table((*head, "visible F1", "ECE", "accepted"), rows)


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


def _labels(report: dict[str, Any], key: str) -> str:
    rows = [
        (
            one["label"],
            str(one["trained"]),
            str(one["recall"]["n"]),
            _share(one["recall"]),
            _share(one["tolerant"]),
            _share(one["precision"]),
            ", ".join(f"{name} {count}" for name, count in one["read_as"].items()),
        )
        for one in report[key]
        if one["recall"]["n"]
    ]
    head = ("label", "trained on", "n", "recall", "with neighbours", "precision", "read as")
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


def tables(report: dict[str, Any], strict: dict[str, Any]) -> str:
    """Return the generated part of the card, in Markdown.

    Parameters
    ----------
    report : dict
        Evaluation of the shipped weights.
    strict : dict
        Evaluation of the weights before the last step, which saw fewer sources.
    """
    parts = (
        "### A hospital that the training never saw: before the last step\n\n" + _computed(strict),
        _targets(strict),
        _strata(strict),
        "#### By label, unseen sources\n\n" + _labels(strict, "labels_unseen_sources"),
        "### The shipped weights\n\n" + _computed(report),
        "Labels that the model never gives: " + ", ".join(report["never_given"]) + ".",
        _targets(report),
        _strata(report),
        "#### By source\n\n" + _sources(report),
        "#### By label, all pictures kept apart\n\n" + _labels(report, "labels"),
        "#### Rejection\n\n" + _foreign(report),
        "#### Ages, views, groups\n\n" + _small(report),
        "#### Real DICOM files\n\n" + _dicom(report),
        "#### Data\n\n" + _data(report),
    )
    return "\n\n".join(parts)


def with_tables(card: str, report: dict[str, Any], strict: dict[str, Any]) -> str:
    """Return the card with its generated part renewed.

    Raises
    ------
    CardError
        If the card lacks the markers.
    """
    if BEGIN not in card or END not in card:
        raise CardError(f"the card lacks {BEGIN} or {END}")
    before, rest = card.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{tables(report, strict)}\n{END}{after}"


def main() -> None:
    """Read the command line and renew the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=HERE.parent / "evaluation.json")
    parser.add_argument("--strict", type=Path, default=HERE.parent / "leave_out.json")
    parser.add_argument("--card", type=Path, default=HERE.parent / "README.md")
    given = parser.parse_args()
    report, strict = (
        json.loads(path.read_text(encoding="utf-8")) for path in (given.report, given.strict)
    )
    card = given.card.read_text(encoding="utf-8")
    given.card.write_text(with_tables(card, report, strict), encoding="utf-8")


if __name__ == "__main__":
    main()
