"""Measure the memory in hospitals new to the model: ``python -m training.memory_evaluation``.

Some films of half of a hospital's patients are confirmed; then the films of the other half are read
without and with what was learned from these words. The figures are means over ten random halves.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.memory import Word
from bodypart.memory.learning import learn
from bodypart.memory.teaching import REACH, doubt_of, teaches_most
from training.hospitals import HOSPITALS, Hospital, blind_model, hospital
from training.manifest import NONE
from training.paths import BACKBONE, MANIFEST, MODELS, RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bodypart.memory.rule import Rule

    Integers = NDArray[np.int64]

DRAWS = 10
MEASURED = 10
"""Mean number of measured films from which a label has figures of its own."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How many words, whether chosen or at random, and what share of them is wrong."""

    words: int
    chosen: bool = False
    wrong: float = 0.0

    def __str__(self) -> str:
        how = "chosen" if self.chosen else "at random"
        return f"{self.words} {how}" + (f", {self.wrong:.0%} wrong" if self.wrong else "")


TRIALS = (
    Trial(30, chosen=True),
    Trial(100),
    Trial(100, chosen=True),
    Trial(300),
    Trial(100, wrong=0.1),
    Trial(300, wrong=0.1),
)


def halves(place: Hospital) -> Iterator[tuple[np.random.Generator, Integers, Integers]]:
    """Yield, for each draw, the films of a random half of the patients and those of the other."""
    own = np.flatnonzero(~place.elsewhere)
    groups = np.array([place.rows[index].group for index in own])
    patients = np.unique(groups)
    for draw in range(DRAWS):
        random = np.random.default_rng((draw, len(patients)))
        first = random.permutation(patients)[: len(patients) // 2]
        asked = np.isin(groups, first)
        yield random, own[asked], own[~asked]


def words_of(
    place: Hospital, trial: Trial, pool: Integers, random: np.random.Generator
) -> list[Word]:
    """Return the words of a person on some films of the pool."""
    if trial.chosen:
        doubt = doubt_of(place.posterior[pool])
        doubt[place.rejected[pool]] = 1
        nothing = place.embeddings[:0]
        order = teaches_most(place.embeddings[pool], doubt, nothing, trial.words, reach=REACH)
        films = pool[order]
    else:
        films = random.permutation(pool)[: trial.words]
    wrong = set(random.permutation(films)[: round(trial.wrong * len(films))].tolist())
    parts = sorted({label for index in pool for label in place.rows[index].accepted})
    return [
        Word(
            id=f"{number:04}",
            instance=place.rows[index].file,
            patient=place.rows[index].group,
            labels=(str(random.choice(parts)),) if index in wrong else place.rows[index].accepted,
            embedding=place.embeddings[index],
            probabilities=place.posterior[index],
            rejected=bool(place.rejected[index]),
        )
        for number, index in enumerate(films.tolist())
    ]


def answers(place: Hospital, films: Integers, rule: Rule | None) -> list[str]:
    """Return the labels given to some films; without a rule, the model's own answers."""
    names = [*place.labels, NONE]
    own = [
        NONE if place.rejected[index] else names[int(place.posterior[index, :-1].argmax())]
        for index in films
    ]
    if rule is None:
        return own
    said = []
    for index, before in zip(films, own, strict=True):
        after = rule.change(
            place.embeddings[index],
            place.posterior[index],
            rejected=bool(place.rejected[index]),
        )
        said.append(before if after is None else rule.labels[int(after.argmax())])
    return said


def measured(place: Hospital, trial: Trial) -> dict[str, Any]:
    """Return the figures of one trial in one hospital, as means over the draws."""
    shares: list[dict[str, tuple[float, float]]] = []
    totals, others, away, seconds = [], [], [], []
    elsewhere = np.flatnonzero(place.elsewhere)
    for random, pool, films in halves(place):
        words = words_of(place, trial, pool, random)
        begun = time.process_time()
        rule, _ = learn(words, place.labels, place.exemplars)
        seconds.append(time.process_time() - begun)
        right = _right(place, films, rule)
        labels = np.array([place.rows[index].examined for index in films])
        count = Counter(labels.tolist())
        shares.append({name: _means(right[:, labels == name]) for name in count})
        totals.append(_means(right))
        worst = min(
            (name for name in count if count[name] >= MEASURED), key=lambda n: shares[-1][n]
        )
        others.append(_means(right[:, labels != worst]))
        away.append(_means(_right(place, elsewhere, rule)))
    by_label = _by_label(shares, place)
    worst = min(by_label, key=lambda name: by_label[name]["before"])
    loss = max(by_label, key=lambda name: by_label[name]["before"] - by_label[name]["after"])
    return {
        "words": trial.words,
        "chosen": trial.chosen,
        "wrong": trial.wrong,
        "worst": {"label": worst, **by_label[worst]},
        "all": _pair(totals),
        "others": _pair(others),
        "largest_loss": {"label": loss, **by_label[loss]},
        "elsewhere": _pair(away),
        "labels": by_label,
        "seconds_to_learn": round(float(np.mean(seconds)), 3),
    }


def _right(place: Hospital, films: Integers, rule: Rule) -> NDArray[np.bool_]:
    """Return two rows: which films are read rightly without and with the words."""
    accepted = [place.rows[index].accepted for index in films]
    return np.array(
        [
            [one in right for one, right in zip(said, accepted, strict=True)]
            for said in (answers(place, films, None), answers(place, films, rule))
        ]
    )


def _means(right: NDArray[np.bool_]) -> tuple[float, float]:
    before, after = right.mean(axis=1)
    return float(before), float(after)


def _pair(some: list[tuple[float, float]]) -> dict[str, float]:
    before, after = np.mean(some, axis=0)
    return {"before": round(float(before), 4), "after": round(float(after), 4)}


def _by_label(
    shares: list[dict[str, tuple[float, float]]], place: Hospital
) -> dict[str, dict[str, float]]:
    """Return the shares of each label that has enough films in half of the hospital."""
    own = [row for row, away in zip(place.rows, place.elsewhere, strict=True) if not away]
    count = Counter(row.examined for row in own)
    return {
        str(name): _pair([one[name] for one in shares if name in one])
        for name in sorted(count, key=str)
        if count[name] >= 2 * MEASURED
    }


def evaluate(places: list[Hospital]) -> dict[str, Any]:
    """Return the figures of all trials in all hospitals."""
    return {
        "draws": DRAWS,
        "hospitals": [
            {
                "name": place.name,
                "model": place.model,
                "films": int((~place.elsewhere).sum()),
                "patients": len(
                    {r.group for r, a in zip(place.rows, place.elsewhere, strict=True) if not a}
                ),
                "trials": [
                    measured(place, trial)
                    for trial in TRIALS
                    if 2 * trial.words <= int((~place.elsewhere).sum())
                ],
            }
            for place in places
        ],
    }


def main() -> None:
    """Read the command line, train the blind models that are missing, measure, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--backbone", type=Path, default=BACKBONE)
    parser.add_argument("--runs", type=Path, default=RUNS / "hospitals")
    parser.add_argument("--out", type=Path, default=MODELS / "memory.json")
    parser.add_argument(
        "hospitals", nargs="*", default=sorted(path.stem for path in HOSPITALS.glob("*.toml"))
    )
    given = parser.parse_args()
    places = [
        hospital(
            name, blind_model(name, given.manifest, given.backbone, given.runs), given.manifest
        )
        for name in given.hospitals
    ]
    report = evaluate(places)
    given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for one in report["hospitals"]:
        for trial in one["trials"]:
            print(
                one["name"],
                Trial(trial["words"], trial["chosen"], trial["wrong"]),
                *(f"{key} {trial[key]}" for key in ("worst", "all", "others", "largest_loss")),
            )


if __name__ == "__main__":
    main()
