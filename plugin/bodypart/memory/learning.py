"""From the words to the rule, and whether it does any good: patients are left out to see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bodypart.memory.kernel import landmarks
from bodypart.memory.regression import fit, log_odds, softmax_rows
from bodypart.memory.rule import Rule, label_space, prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bodypart.memory.words import Word

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Integers = NDArray[np.int64]

MOST_LANDMARKS = 256
FOLDS = 10
BALANCE = 0.5
"""A label's words count in proportion to their number to 1 less this power."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What the words on one part did for words on patients left out.

    Attributes
    ----------
    label : str
        The part.
    words : int
        Words on it.
    before, after : float
        Share of them read rightly without and with the words of other patients.
    mended, broken : int
        Answers changed to this part, rightly and wrongly.
    """

    label: str
    words: int
    before: float
    after: float
    mended: int
    broken: int


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """The words as arrays; n words, L labels."""

    patients: list[str]
    before: Floats
    accepted: Bools
    weight: Floats
    features: Floats


def learn(words: Sequence[Word], model_labels: tuple[str, ...]) -> tuple[Rule, list[Gain]]:
    """Return the rule of these words and what it gains.

    Parameters
    ----------
    words : sequence of Word
        In any order; the same words give the same rule.
    model_labels : tuple of str
        Labels of the model whose numbers the words carry, without "none".
    """
    words = sorted(words, key=lambda word: word.id)
    labels = label_space(model_labels, {label for word in words for label in word.labels})
    embeddings = np.stack([word.embedding for word in words])
    chosen, features = landmarks(embeddings, MOST_LANDMARKS)
    lesson = _lesson(words, labels, features)
    offset = log_odds(lesson.before)
    found = fit(features, offset, lesson.accepted, lesson.weight)
    left_out = _left_out(lesson, offset, found)
    allowed = judged(lesson.before, left_out, lesson.accepted)
    # Features of a landmark are a row of a triangle: solve it once instead of for every picture.
    coefficients = np.asarray(np.linalg.solve(features[chosen].T, found), dtype=np.float64)
    rule = Rule(
        labels=labels,
        model_labels=len(model_labels),
        landmark_words=tuple(words[index].id for index in chosen),
        landmarks=embeddings[chosen],
        coefficients=coefficients,
        allowed=allowed,
    )
    return rule, _gains(labels, lesson, left_out, allowed)


def _lesson(words: Sequence[Word], labels: tuple[str, ...], features: Floats) -> _Lesson:
    place = {label: index for index, label in enumerate(labels)}
    accepted = np.zeros((len(words), len(labels)), dtype=bool)
    for index, word in enumerate(words):
        accepted[index, [place[label] for label in word.labels]] = True
    shares = accepted / accepted.sum(axis=1, keepdims=True)
    count = shares.sum(axis=0)
    typical = count[count > 0].mean()
    rarity = np.where(count > 0, (np.maximum(count, 1) / typical) ** -BALANCE, 0)
    return _Lesson(
        patients=[word.patient for word in words],
        before=prior(
            np.stack([word.probabilities for word in words]),
            np.array([word.rejected for word in words]),
            len(labels),
        ),
        accepted=accepted,
        weight=shares @ rarity,
        features=features,
    )


def _folds(patients: Sequence[str]) -> Integers:
    """Return each word's fold: patients in an order of their own, dealt out like cards."""
    order = sorted(set(patients), key=lambda name: hashlib.sha256(name.encode()).digest())
    fold = {patient: index % FOLDS for index, patient in enumerate(order)}
    return np.array([fold[patient] for patient in patients], dtype=np.int64)


def _left_out(lesson: _Lesson, offset: Floats, start: Floats) -> Floats:
    """Return what is said of each word by a rule that knows no word on its patient."""
    folds = _folds(lesson.patients)
    result = lesson.before.copy()
    for fold in np.unique(folds):
        out, rest = folds == fold, folds != fold
        if not rest.any():
            continue
        found = fit(
            lesson.features[rest],
            offset[rest],
            lesson.accepted[rest],
            lesson.weight[rest],
            start,
        )
        result[out] = softmax_rows(offset[out] + lesson.features[out] @ found)
    return result


def judged(before: Floats, after: Floats, accepted: Bools) -> Bools:
    """Return which changes of the answer are allowed; see :attr:`Rule.allowed`."""
    labels = before.shape[1]
    rows = np.arange(len(before))
    was, became = before.argmax(axis=1), after.argmax(axis=1)
    mended = np.zeros((labels, labels))
    broken = np.zeros((labels, labels))
    changed = was != became
    np.add.at(mended, (was, became), changed & accepted[rows, became])
    np.add.at(broken, (was, became), changed & accepted[rows, was])
    allowed: Bools = (mended > broken) & (mended.sum(axis=0) > broken.sum(axis=0))
    cost = _cost(before, accepted) - _cost(after, accepted)
    for label in range(labels):
        stays = (was == label) & ~changed
        allowed[label, label] = bool(stays.any()) and cost[stays].sum() > 0
    return allowed


def _cost(said: Floats, accepted: Bools) -> Floats:
    return np.asarray(-np.log(np.maximum((said * accepted).sum(axis=1), 1e-6)))


def _gains(
    labels: tuple[str, ...], lesson: _Lesson, left_out: Floats, allowed: Bools
) -> list[Gain]:
    rows = np.arange(len(left_out))
    was, became = lesson.before.argmax(axis=1), left_out.argmax(axis=1)
    said = np.where(allowed[was, became], became, was)
    right_before, right_after = lesson.accepted[rows, was], lesson.accepted[rows, said]
    gains = []
    for index, label in enumerate(labels):
        own = lesson.accepted[:, index]
        turned = (said == index) & (was != index)
        if own.any():
            gains.append(
                Gain(
                    label=label,
                    words=int(own.sum()),
                    before=round(float(right_before[own].mean()), 4),
                    after=round(float(right_after[own].mean()), 4),
                    mended=int((turned & right_after).sum()),
                    broken=int((turned & right_before & ~right_after).sum()),
                )
            )
    return gains
