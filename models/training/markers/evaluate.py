"""Measure how well side markers are read: ``python -m training.markers.evaluate``.

The films are kept apart from the training, from its sources and others, and were read by eye. An
answer is right if the film's markers name this side and no other; on a film without a marker, with
markers of both sides or of the other side, any answer is wrong. So is one on a film whose marker
cannot be read, but silence there costs no recall. Films out of printed figures whose panel is named
D or E are counted apart: no archive has them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bodypart.fusion.sides import marker_names_side
from bodypart.model.session import BodyPartModel
from bodypart.model.side_marker import MarkerReader
from bodypart.settings import MARKER_FILES
from training.card import renewed
from training.manifest import read_manifest
from training.markers.places import read_places
from training.markers.readings import read_readings
from training.metrics import wilson
from training.paths import CARD, MANIFEST, MODEL, MODELS
from training.pictures import read_picture
from training.split import SPLIT, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bodypart.evidence import SideMarker
    from training.manifest import Example
    from training.markers.readings import Reading

BEGIN, END = "<!-- markers: begin -->", "<!-- markers: end -->"

Case = tuple["Example", "Reading", "SideMarker | None"]


def loaded(files: Sequence[Path]) -> MarkerReader:
    """Return the reader of these files, with the shipped model, as decoders have it.

    Parameters
    ----------
    files : sequence of Path
        The description, the finder and the reader.
    """
    return MarkerReader.load(files, model=BodyPartModel.load(MODEL, provider="cpu"))


def cases(
    reader: MarkerReader, folder: Path, rows: Iterable[Example], readings: dict[str, Reading]
) -> list[Case]:
    """Return, for each film that was read by eye, that reading and the program's answer."""
    found = []
    for row in rows:
        if row.file in readings:
            values = read_picture(folder / row.file).values.astype(np.float32)
            found.append((row, readings[row.file], reader.read(values)))
    return found


def _share(right: int, of: int) -> dict[str, Any]:
    low, high = wilson(right, of) if of else (None, None)
    return {"right": right, "n": of, "value": right / of if of else None, "low": low, "high": high}


def figures(of: Sequence[Case]) -> dict[str, Any]:
    """Return precision and recall of some films."""
    said = [(reading, marker) for _, reading, marker in of if marker]
    right = sum(reading.side == marker.side for reading, marker in said)
    marked = [reading for _, reading, _ in of if reading.side]
    return {
        "films": len(of),
        "precision": _share(right, len(said)),
        "recall": _share(right, len(marked)),
    }


def sides(of: Sequence[Case]) -> dict[str, Any]:
    """Return precision and recall of the side of limbs, where the marker fills a missing side."""
    limbs = [case for case in of if case[0].examined and marker_names_side(case[0].examined)]
    said = [(reading, marker) for _, reading, marker in limbs if marker and not marker.both]
    right = sum(reading.side == marker.side and not reading.both for reading, marker in said)
    marked = [reading for _, reading, _ in limbs if reading.side and not reading.both]
    return {
        "films": len(limbs),
        "precision": _share(right, len(said)),
        "recall": _share(right, len(marked)),
    }


def report(of: Sequence[Case]) -> dict[str, Any]:
    """Return the figures of all films, of limbs, and by source and letter."""
    panels = [case for case in of if case[1].panel]
    of = [case for case in of if not case[1].panel]
    sources = Counter(row.source for row, _, _ in of)
    letters = sorted({letter for _, reading, _ in of for letter in reading.letters})
    return {
        "all": figures(of),
        "limbs": sides(of),
        "panels": _share(sum(marker is None for _, _, marker in panels), len(panels)),
        "by source": {
            source: figures([case for case in of if case[0].source == source])
            for source, count in sources.most_common()
            if count >= 20
        },
        "by letter": {
            letter: figures([case for case in of if case[1].letters == (letter,)])["recall"]
            for letter in letters
        },
    }


def origin(models: Path) -> dict[str, Any]:
    """Return the sizes of the networks, and how many noted places they were trained on."""
    return {
        "weights": {
            path.stem: sum(
                int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer
            )
            for path in sorted(models.glob("marker_*.onnx"))
        },
        "letters": sum(bool(letter) for marks in read_places().values() for *_, letter in marks),
        "mistaken": sum(map(len, read_places(nothing=True).values())),
    }


def _words(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    interval = f"{figure['low']:.3f}-{figure['high']:.3f}"
    return f"{figure['value']:.3f} ({interval}), {figure['right']} of {figure['n']}"


def table(result: dict[str, Any]) -> str:
    """Return the generated part of the card, in Markdown."""
    lines = ["| films kept apart | n | precision | recall |", "|---|---|---|---|"]
    groups = {
        "all: the letters": result["all"],
        "limbs: the side that it fills": result["limbs"],
        **result["by source"],
    }
    for name, figure in groups.items():
        cells = (name, str(figure["films"]), _words(figure["precision"]), _words(figure["recall"]))
        lines.append("| " + " | ".join(cells) + " |")
    letters = ", ".join(f"{name}: {_words(one)}" for name, one in result["by letter"].items())
    panels, origin = result["panels"], result["origin"]
    weights = ", ".join(f"`{name}.onnx` {count:,}" for name, count in origin["weights"].items())
    return (
        f"Weights: {weights}. Noted places of training films: {origin['letters']:,} letters, "
        f"{origin['mistaken']:,} where an early finder was wrong.\n\n"
        + "\n".join(lines)
        + f"\n\nRecall by letter: {letters}. Silent on {panels['right']} of "
        f"{panels['n']} films out of figures whose panel is named D or E."
    )


def with_table(card: str, result: dict[str, Any]) -> str:
    """Return the card with the table of side markers renewed.

    Raises
    ------
    CardError
        If the card has no place for it.
    """
    return renewed(card, BEGIN, END, table(result))


def main() -> None:
    """Read the command line, measure, and renew the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--models", type=Path, default=MODELS, help="where the networks lie")
    parser.add_argument("--part", choices=("test", "calibration"), default="test")
    parser.add_argument("--wrong", action="store_true", help="name the films that are wrong")
    given = parser.parse_args()
    rows = getattr(split(read_manifest(given.manifest), SPLIT), given.part)
    reader = loaded([given.models / path.name for path in MARKER_FILES])
    found = cases(reader, given.manifest.parent, rows, read_readings())
    result = {**report(found), "origin": origin(given.models)}
    print(table(result))
    for row, reading, marker in found:
        if given.wrong and marker and (marker.side != reading.side or reading.both):
            print(row.file, reading, marker)
    if given.part == "test" and given.models == MODELS:
        text = json.dumps(result, indent=1) + "\n"
        (MODELS / "marker_evaluation.json").write_text(text, encoding="utf-8")
        CARD.write_text(with_table(CARD.read_text(encoding="utf-8"), result), encoding="utf-8")


if __name__ == "__main__":
    main()
