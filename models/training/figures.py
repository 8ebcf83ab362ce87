"""Draw the evaluation: confusion matrix and reliability diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path


def _confusion(report: dict[str, Any], path: Path) -> None:
    names = report["confusion"]["labels"]
    counts = np.array(report["confusion"]["counts"])
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure, axes = plt.subplots(figsize=(11, 10), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        shade = "white" if shares[row, column] > 0.5 else "black"
        count = str(counts[row, column])
        axes.text(column, row, count, ha="center", va="center", fontsize=6, color=shade)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names) - 1), names[:-1])
    axes.set_xlabel("said")
    axes.set_ylabel("examined")
    axes.set_title("Pictures kept apart: counts, shaded by share of the row")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _reliability(report: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for part, name in (
        ("unseen_sources", "unseen sources"),
        ("unseen_patients", "unseen patients"),
    ):
        bins = report[part]["reliability"]
        confidence = [one["confidence"] for one in bins]
        accuracy = [one["accuracy"] for one in bins]
        if bins:
            axes.plot(confidence, accuracy, "o-", label=f"{name}, ECE {report[part]['ece']:.3f}")
    axes.set_xlabel("probability given")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_figures(report: dict[str, Any], folder: Path) -> None:
    """Write ``confusion.png`` and ``reliability.png`` of an evaluation."""
    folder.mkdir(parents=True, exist_ok=True)
    _confusion(report, folder / "confusion.png")
    _reliability(report, folder / "reliability.png")
