"""Measure how often picture and header are wrong, and in which way: ``make fusion``.

    python -m training.error_rates                        after a training: on pictures kept apart
    python -m training.error_rates --reviews FILE [...]   in a hospital: on its own reviews

Writes the numbers of ``plugin/bodypart/error_rates.json``. Those of the picture are measured on
pictures of patients, and partly of whole sources, that the model was not trained on. Those of
headers are stated, with their source, until a hospital's reviews measure them. The files of reviews
hold annotations as JSON, as ``POST /bodypart/find`` returns them; let it find *all* instances of a
period, not only the reviewed ones, because those whose sources agree count too.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.error_rates import FILE, KINDS, MISTAKES, RELATIONS, Band, ErrorRates, HeaderRates
from bodypart.evidence import ImageReading
from bodypart.fusion.confusion import RELATION, corrected, even, spread
from bodypart.fusion.misnaming import kind_of_error
from bodypart.labels import BY_LABEL, LABELS, PLACE
from bodypart.model import BodyPartModel
from training.errors import TrainingError, refusals_told
from training.manifest import read_manifest
from training.paths import MANIFEST, MODEL
from training.pictures import read_pictures
from training.split import SPLIT, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.manifest import Age

    Floats = NDArray[np.float64]

EDGES = (0.0, 0.6, 0.9, 0.98)
"""Confidence at which each band begins."""

PRIOR = {"same": 100.0, "near": 1.0, "other limb": 0.5, "far": 0.25}
"""How many pictures the earlier scale counts for, by the relation of the true part.

The first scale is 1, the model's own: neither a single mistake among hundreds of pictures nor the
absence of any must decide."""

COMMON = {"same": 100.0, "near": 4.0, "other limb": 1000.0, "far": 1000.0}
"""How many pictures the scale common to all confidences counts for in a band, as in ``PRIOR``.

Mistakes beyond the neighbours are a handful in all bands together: differences between the bands
are chance, and could make a more confident reading of a picture the less certain answer."""

UNFORESEEN_PICTURES = 1000.0
"""How many pictures the earlier share of unrelated mistakes counts for."""

HABIT = 20.0
"""Pictures without a repeated mistake that are added for each part, so that the same mistake seen
twice makes a habit, and seen once hardly."""

ROUNDS = 200
HEADERS = 100.0
"""How many headers the stated shares count for beside those counted in a hospital."""

AGES = 0.005
"""Share of pictures, at most, whose output ``child`` may contradict an age that is right."""


@dataclass(frozen=True, slots=True)
class Case:
    """The model's reading of a picture whose part is known; it stands for ``weight`` pictures.

    ``also`` are labels that a radiographer would accept as well.
    """

    truth: str
    reading: ImageReading
    also: tuple[str, ...] = ()
    source: str = ""
    group: str = ""
    age: Age = "unknown"
    weight: float = 1.0


def cases(manifest: Path, plan: Path, model: BodyPartModel) -> list[Case]:
    """Read the radiographs that a split keeps apart from training: for calibration and test."""
    parts = split(read_manifest(manifest), plan)
    rows = [row for row in parts.calibration + parts.test if row.examined in BY_LABEL]
    pictures = read_pictures(manifest.parent, rows)
    return [
        Case(
            str(row.examined),
            model.read(picture.values.astype(np.float32)),
            row.also,
            row.source,
            row.group,
            row.age,
        )
        for row, picture in zip(rows, pictures, strict=True)
    ]


def picture_rates(known: Iterable[Case], before: ErrorRates) -> ErrorRates:
    """Return the rates, those of the picture measured on cases and the others as before."""
    learned = [case for case in known if case.truth in case.reading.probabilities]
    seen = [case for case in learned if not case.reading.rejected]
    given = np.stack([spread(case.reading.probabilities) for case in seen])
    truth = np.array([PLACE[_nearest(case)] for case in seen])
    weights = np.array([case.weight for case in seen])
    labels = tuple(sorted(PLACE[label] for label in seen[0].reading.probabilities))
    which = np.searchsorted(EDGES, given.max(axis=1), side="right") - 1
    prior = PRIOR
    if len(before.bands) == 1:
        # Nothing was measured by band yet: all bands begin with the scale common to them.
        common = _scale(before.bands[0].scale, PRIOR, given, truth, weights)
        before = replace(before, bands=(replace(before.bands[0], scale=common),))
        prior = COMMON
    bands = tuple(
        _band(
            before.band(edge),
            prior,
            least=edge,
            given=given[which == at],
            truth=truth[which == at],
            weights=weights[which == at],
            learned=labels,
        )
        for at, edge in enumerate(EDGES)
    )
    rates = replace(before, bands=bands)
    answers = np.stack([corrected(row, rates.band(float(row.max())), labels) for row in given])
    return replace(rates, habits=_habits(given.argmax(axis=1), answers, truth, weights))


def _nearest(case: Case) -> str:
    """Return the most probable of the right labels."""
    known = case.reading.probabilities
    return max((case.truth, *case.also), key=lambda label: known.get(label, 0.0))


def _habits(
    tops: NDArray[np.int64], answers: Floats, truth: NDArray[np.int64], weights: Floats
) -> dict[str, dict[str, float]]:
    """Return for each part which others the model repeatedly mistakes for it, with their shares.

    For each part a mixture of the corrected answer and of every other part is fitted by
    expectation maximisation, with HABIT pictures added on which there is no such mistake.
    """
    habits = {}
    for top in np.unique(tops):
        which = tops == top
        rows, true = np.arange(int(which.sum())), truth[which]
        own = answers[which][rows, true]
        chances = np.zeros(len(LABELS))
        chances[np.unique(true[true != top])] = 0.01
        for _ in range(ROUNDS):
            habit = chances[true] / np.maximum(chances[true] + (1 - chances.sum()) * own, 1e-30)
            found = np.bincount(true, habit * weights[which], len(LABELS))
            chances = found / (weights[which].sum() + HABIT)
        kept = {
            LABELS[y].label: round(float(chances[y]), 4) for y in np.flatnonzero(chances > 2e-3)
        }
        if kept:
            habits[LABELS[top].label] = kept
    return habits


def _scale(
    before: Mapping[str, float],
    prior: Mapping[str, float],
    given: Floats,
    truth: NDArray[np.int64],
    weights: Floats,
) -> dict[str, float]:
    """Return, by relation to the top label, true parts divided by those the model expects."""
    kinds = RELATION[given.argmax(axis=1)]
    rows = np.arange(len(truth))
    scale: dict[str, float] = {}
    for at, name in enumerate(RELATIONS):
        found = float(weights[kinds[rows, truth] == at].sum())
        expected = float((weights[:, None] * given * (kinds == at)).sum())
        scale[name] = (found + prior[name] * before[name]) / (expected + prior[name])
    return scale


def _band(
    before: Band,
    prior: Mapping[str, float],
    *,
    least: float,
    given: Floats,
    truth: NDArray[np.int64],
    weights: Floats,
    learned: tuple[int, ...],
) -> Band:
    tops = given.argmax(axis=1)
    kinds = RELATION[tops]
    rows = np.arange(len(truth))
    scale = _scale(before.scale, prior, given, truth, weights)
    scaled = given * np.array(list(scale.values()))[kinds]
    scaled /= scaled.sum(axis=1, keepdims=True)
    # A mixture of the scaled answer and of mistakes of each relation, by expectation maximisation.
    parts = np.stack([scaled[rows, truth], *np.moveaxis(even(learned)[tops, :, truth], 1, 0)])
    unforeseen = np.array([before.unforeseen[name] for name in MISTAKES])
    first = np.concatenate([[1 - unforeseen.sum()], unforeseen]) * UNFORESEEN_PICTURES
    share = first / first.sum()
    for _ in range(ROUNDS):
        belief = share[:, None] * parts
        belief /= np.maximum(belief.sum(axis=0), 1e-30)
        share = belief @ weights + first
        share /= share.sum()
    return Band(
        least=least,
        pictures=round(float(weights.sum())),
        scale={name: round(value, 4) for name, value in scale.items()},
        unforeseen={
            name: float(f"{value:.3g}") for name, value in zip(MISTAKES, share[1:], strict=True)
        },
    )


def age_limits(known: Iterable[Case], before: ErrorRates) -> ErrorRates:
    """Return the rates with the limits beyond which the output ``child`` contradicts an age."""
    seen = [
        (case, case.reading.child)
        for case in known
        if case.reading.child is not None and not case.reading.rejected
    ]
    adults = [child for case, child in seen if case.age == "adult"]
    children = [child for case, child in seen if case.age == "child" and case.truth == "chest"]
    return replace(
        before,
        child_above=round(max(0.95, float(np.quantile(adults, 1 - AGES))), 3),
        adult_below=round(min(0.05, float(np.quantile(children, AGES))), 3),
    )


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Pictures and headers of a hospital whose true part is known."""

    pictures: tuple[Case, ...]
    headers: tuple[tuple[str, str, float], ...]
    """Label that the header named, true label, and how many instances it stands for."""


def reviewed(annotations: Iterable[dict[str, Any]]) -> Reviewed:
    """Select the annotations whose truth is known, weighted so that they stand for all.

    People review what is marked. An instance whose sources agree and which needed no review counts
    as right; of those marked, the reviewed ones stand for the others with the same agreement.
    """
    notes = [note for note in annotations if note.get("status") == "done"]
    marked: Counter[str] = Counter()
    looked_at: Counter[str] = Counter()
    for note in notes:
        if note["review"] or note["needs_review"]:
            marked[note["agreement"]] += 1
            looked_at[note["agreement"]] += bool(note["review"])
    pictures, headers = [], []
    for note in notes:
        truth = (note["examined"] or {}).get("label")
        agreed = note["agreement"] == "agree" and not note["needs_review"]
        if truth is None or not (note["review"] or agreed):
            continue
        kind = note["agreement"]
        weight = marked[kind] / looked_at[kind] if note["review"] else 1.0
        header = (note["header"] or {}).get("label")
        if header:
            headers.append((header, truth, weight))
        image = note["image"] or {}
        if image.get("top") and not image.get("rejected"):
            pictures.append(Case(truth, _reading(image["top"]), weight=weight))
    return Reviewed(tuple(pictures), tuple(headers))


def _reading(top: Sequence[dict[str, Any]]) -> ImageReading:
    """Return the answer that an annotation keeps; the remainder is spread over the other labels."""
    known = {guess["label"]: max(guess["probability"], 1e-4) for guess in top}
    rest = max(0.0, 1 - sum(known.values())) / (len(LABELS) - len(known))
    return ImageReading({part.label: known.get(part.label, rest) for part in LABELS})


def header_rates(headers: Iterable[tuple[str, str, float]], before: HeaderRates) -> HeaderRates:
    """Return the shares of wrong headers by kind: the counts added to the stated shares."""
    counts = dict.fromkeys(("right", *KINDS), 0.0)
    defaults = dict(before.defaults)
    for said, true, weight in headers:
        kind = kind_of_error(said, true)
        if kind is None:
            counts["right"] += weight
            continue
        # A device's default looks like any other error, but is always the same part.
        by_default = before.wrong["default"] * before.defaults.get(said, 0.0)
        alike = sum(kind_of_error(part.label, true) == kind for part in LABELS)
        belief = by_default / (by_default + before.wrong[kind] / alike)
        counts["default"] += weight * belief
        counts[kind] += weight * (1 - belief)
        defaults[said] = defaults.get(said, 0.0) + weight * belief / HEADERS
    total = sum(counts.values()) + HEADERS
    return replace(
        before,
        wrong={k: round((counts[k] + HEADERS * before.wrong[k]) / total, 4) for k in KINDS},
        defaults={k: round(v / sum(defaults.values()), 4) for k, v in defaults.items()},
    )


def from_reviews(annotations: Iterable[dict[str, Any]], before: ErrorRates) -> ErrorRates:
    """Return the rates, measured further on a hospital's reviews.

    Raises
    ------
    TrainingError
        If nothing in the annotations is known to be right or wrong.
    """
    known = reviewed(annotations)
    if not known.headers and not known.pictures:
        raise TrainingError("no annotation was reviewed, or agreed")
    rates = picture_rates(known.pictures, before) if known.pictures else before
    text = f"{len(known.headers)} headers and {len(known.pictures)} pictures of this archive"
    return replace(
        rates,
        header=header_rates(known.headers, before.header),
        sources={**before.sources, "reviews": f"{text}, added to the numbers above"},
    )


def from_pictures(known: Sequence[Case], model: str, before: ErrorRates) -> ErrorRates:
    """Return the rates, with those of the picture measured for a model on cases."""
    sources = len({case.source for case in known})
    text = f"{model}, on {len(known)} pictures kept apart of {sources} sources"
    rates = age_limits(known, picture_rates(known, before.unmeasured()))
    return replace(rates, sources={**before.sources, "picture": text})


def annotations_in(path: Path) -> list[dict[str, Any]]:
    """Read the annotations in a file: a JSON list, or an answer of ``find``."""
    content = json.loads(path.read_text(encoding="utf-8"))
    found = content if isinstance(content, list) else content.get("results", [])
    return [item.get("annotation", item) for item in found]


@refusals_told()
def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviews", type=Path, nargs="+", help="annotations as JSON")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--split", type=Path, default=SPLIT)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--file", type=Path, default=FILE, help="error rates to write anew")
    given = parser.parse_args()
    before = ErrorRates.read(given.file)
    if given.reviews:
        notes = [note for path in given.reviews for note in annotations_in(path)]
        rates = from_reviews(notes, before)
    else:
        model = BodyPartModel.load(given.model)
        known = cases(given.manifest, given.split, model)
        rates = from_pictures(known, f"{model.name} {model.version}", before)
    text = json.dumps(rates.to_json(), indent=1, ensure_ascii=False)
    given.file.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
