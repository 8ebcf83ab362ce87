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

TRUSTED = 0.95
"""Share of the changes that must be right before changes that were never seen are trusted."""

LEAST_MENDED = 3
"""So many right changes at least tell that share."""

MOST_BROKEN = 0.1
"""Share of a part's right answers that may be lost to patients left out."""

LEAST_TRIED = 2
"""With fewer words on a part, leaving a patient out leaves none."""


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
    margins = judged(lesson.before, left_out, lesson.accepted)
    # Features of a landmark are a row of a triangle: solve it once instead of for every picture.
    coefficients = np.asarray(np.linalg.solve(features[chosen].T, found), dtype=np.float64)
    rule = Rule(
        labels=labels,
        model_labels=len(model_labels),
        landmark_words=tuple(words[index].id for index in chosen),
        landmarks=embeddings[chosen],
        coefficients=coefficients,
        margins=margins,
    )
    return rule, _gains(labels, lesson, left_out, margins)


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


def judged(before: Floats, left_out: Floats, accepted: Bools) -> Floats:
    """Return by how much a new answer must lead; see :attr:`bodypart.memory.rule.Rule.margins`.

    Asked about words on patients that were left out, some answers are mended by the words of the
    others and some are broken.

    - An answer that becomes another one of them (hand that becomes wrist) may do so at once where
      that mended more than it broke, if also twice as many answers were mended as broken among
      all that were hand, and among all that became wrist.
    - Where that never happened, it may do so from the lead on from which :data:`TRUSTED` of all
      changes were right, if the model's answer has words of its own: then it was tried whether
      the words take from it what it should keep.
    - Where it broke more than it mended, it may not.
    - Of the words of a part that the model reads rightly, :data:`MOST_BROKEN` at most may be
      broken in all: else the part keeps its answers up to a lead that spares the rest.

    Parameters
    ----------
    before, left_out : ndarray, shape (n, labels)
        Probabilities of each word without any words, and with those on other patients.
    accepted : ndarray of bool, shape (n, labels)
        What the person accepts.

    Returns
    -------
    ndarray of float64, shape (labels, labels)
        From 0 to infinity; rows are the model's answers, columns the new ones.
    """
    labels = before.shape[1]
    rows = np.arange(len(before))
    was, became = before.argmax(axis=1), left_out.argmax(axis=1)
    changed = was != became
    right, wrong = changed & accepted[rows, became], changed & accepted[rows, was]
    mended, broken = np.zeros((labels, labels)), np.zeros((labels, labels))
    np.add.at(mended, (was, became), right)
    np.add.at(broken, (was, became), wrong)
    good_from = mended.sum(axis=1) > 2 * broken.sum(axis=1)
    good_to = mended.sum(axis=0) > 2 * broken.sum(axis=0)
    shown = (mended >= broken) & good_from[:, None] & good_to
    lead = np.log(left_out[rows, became] / np.maximum(left_out[rows, was], 1e-12))
    told = right | wrong
    margins = np.full((labels, labels), trusted_lead(lead[told], right[told]))
    margins[accepted.sum(axis=0) < LEAST_TRIED] = np.inf
    margins[broken > mended] = np.inf
    margins[shown] = 0
    _spare_what_is_right(margins, was, became, np.where(wrong, lead, -np.inf), accepted)
    gain = _cost(before, accepted) - _cost(left_out, accepted)
    for label in range(labels):
        stays = (was == label) & ~changed
        margins[label, label] = 0 if stays.any() and gain[stays].sum() > 0 else np.inf
    return margins


def _spare_what_is_right(
    margins: Floats, was: Integers, became: Integers, lead: Floats, accepted: Bools
) -> None:
    """Raise the margins of parts that would lose too many answers; ``lead`` is that of a loss."""
    rows = np.arange(len(was))
    lost = lead >= margins[was, became]
    for label in range(len(margins)):
        right = (was == label) & accepted[rows, was]
        leads = np.sort(lead[right & lost])[::-1]
        bearable = int(MOST_BROKEN * right.sum())
        if len(leads) > bearable:
            margins[label] = np.maximum(margins[label], np.nextafter(leads[bearable], np.inf))


def trusted_lead(lead: Floats, right: Bools) -> float:
    """Return the lead from which on enough changes were right, infinite where none is.

    Parameters
    ----------
    lead : ndarray, shape (n,)
        By how much log-probability the new answers led.
    right : ndarray of bool, shape (n,)
        Whether they were right; the others broke a right answer.
    """
    order = np.argsort(-lead, kind="stable")
    found = np.cumsum(right[order])
    enough = (found >= TRUSTED * np.arange(1, len(order) + 1)) & (found >= LEAST_MENDED)
    return float(lead[order][np.flatnonzero(enough)[-1]]) if enough.any() else float("inf")


def _cost(said: Floats, accepted: Bools) -> Floats:
    return np.asarray(-np.log(np.maximum((said * accepted).sum(axis=1), 1e-6)))


def _gains(
    labels: tuple[str, ...], lesson: _Lesson, left_out: Floats, margins: Floats
) -> list[Gain]:
    rows = np.arange(len(left_out))
    was, became = lesson.before.argmax(axis=1), left_out.argmax(axis=1)
    lead = np.log(left_out[rows, became] / np.maximum(left_out[rows, was], 1e-12))
    said = np.where(lead >= margins[was, became], became, was)
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
