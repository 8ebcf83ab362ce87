"""From the words to the rule, and its benefit, by cross-validation over patients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import TypedDict

from bodypart.memory.kernel import landmarks, likeness
from bodypart.memory.regression import fit, log_odds, softmax_rows
from bodypart.memory.rule import Rule, label_space, prior
from bodypart.record import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bodypart.memory.exemplars import Exemplars
    from bodypart.memory.words import Word

    Float32 = NDArray[np.float32]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Integers = NDArray[np.int64]

MOST_LANDMARKS = 256
FOLDS = 10
BALANCE = 0.25
"""The n words on a label count together as n to the power of 1 minus this."""

SPARED = 1.75
"""Standard deviations above the mean lead on right answers by which a new answer must lead."""

FEW = 2
"""Number of words on a part that weigh as much as the statistics of all parts together."""

USUAL_LEAD, USUAL_VARIANCE = -2.0, 4.0
"""Assumed lead of the best wrong answer over a right one, before there are words."""

LARGEST_LEAD = 6.0
"""Leads are clipped to this, as probabilities have a floor."""

REHEARSED = 0.1
"""Weight of an exemplar; a word on a part that is neither rare nor frequent has the weight 1."""

RIDGE, RIDGE_ALONE = 0.02, 0.1
"""See :func:`bodypart.memory.regression.fit`; without exemplars a word has less influence."""

LEAST_TRIED = 2
"""Fewest patients with words on a part; with fewer, leaving one out would leave no words."""


class Gain(TypedDict):
    """What the words on one part do for patients left out of the learning.

    Attributes
    ----------
    label : str
        The part.
    words : int
        Words on it.
    before, after : float
        Share of them read rightly without and with the words of other patients.
    mended, broken : int
        Wrong answers changed to this part rightly, and right ones lost to it.
    """

    label: Label
    words: int
    before: float
    after: float
    mended: int
    broken: int


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """Pictures with known labels as arrays; n pictures, L labels."""

    before: Floats
    accepted: Bools
    weight: Floats
    features: Floats

    def some(self, which: Bools) -> _Lesson:
        """Return some of the pictures."""
        return _Lesson(
            self.before[which], self.accepted[which], self.weight[which], self.features[which]
        )


def learn(
    words: Sequence[Word], model_labels: tuple[str, ...], exemplars: Exemplars | None = None
) -> tuple[Rule, list[Gain]]:
    """Return the rule of these words and what it gains.

    Parameters
    ----------
    words : sequence of Word
        In any order; the same words give the same rule.
    model_labels : tuple of str
        Labels of the model whose numbers the words have, without "none".
    exemplars : Exemplars or None
        Pictures of that model's training.
    """
    words = sorted(words, key=lambda word: word.id)
    labels = label_space(model_labels, {label for word in words for label in word.labels})
    embeddings = np.stack([word.embedding for word in words])
    chosen, features = landmarks(embeddings, MOST_LANDMARKS)
    patients = np.array([word.patient for word in words])
    lesson = _lesson(words, labels, features)
    rehearsed = _rehearsed(exemplars, labels, embeddings[chosen], features[chosen])
    found = _fitted(lesson, rehearsed)
    left_out = _left_out(lesson, rehearsed, patients)
    on_each = np.array([len(np.unique(patients[own])) for own in lesson.accepted.T])
    margins = judged(lesson.before, left_out, lesson.accepted, on_each)
    # The landmarks' features are triangular: solving here once saves it for every picture.
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
    rarity = (np.maximum(count, 1) / typical) ** -BALANCE
    return _Lesson(
        before=prior(
            np.stack([word.probabilities for word in words]),
            np.array([word.rejected for word in words]),
            len(labels),
        ),
        accepted=accepted,
        weight=shares @ rarity,
        features=features,
    )


def _rehearsed(
    exemplars: Exemplars | None, labels: tuple[str, ...], rows: Float32, features: Floats
) -> _Lesson | None:
    """Return the exemplars as a lesson, in the features of the landmarks."""
    if exemplars is None:
        return None
    count = len(exemplars.labels)
    own = np.linalg.solve(features, likeness(rows, exemplars.embeddings)).T
    accepted = np.zeros((count, len(labels)), dtype=bool)
    accepted[np.arange(count), [labels.index(label) for label in exemplars.labels]] = True
    return _Lesson(
        before=prior(exemplars.probabilities, np.zeros(count, dtype=bool), len(labels)),
        accepted=accepted,
        weight=np.full(count, REHEARSED),
        features=np.asarray(own, dtype=np.float64),
    )


def _fitted(lesson: _Lesson, rehearsed: _Lesson | None) -> Floats:
    """Return the coefficients that fit the words, and the exemplars if there are any."""
    known, ridge = ([lesson], RIDGE_ALONE) if rehearsed is None else ([lesson, rehearsed], RIDGE)
    return fit(
        np.concatenate([one.features for one in known]),
        np.concatenate([log_odds(one.before) for one in known]),
        np.concatenate([one.accepted for one in known]),
        np.concatenate([one.weight for one in known]),
        ridge,
    )


def _folds(patients: NDArray[np.str_]) -> Integers:
    """Return each word's fold: patients in the order of their hashes, dealt out in turn."""
    order = sorted(set(patients.tolist()), key=lambda name: hashlib.sha256(name.encode()).digest())
    fold = {patient: index % FOLDS for index, patient in enumerate(order)}
    return np.array([fold[patient] for patient in patients.tolist()], dtype=np.int64)


def _left_out(lesson: _Lesson, rehearsed: _Lesson | None, patients: NDArray[np.str_]) -> Floats:
    """Return each word's probabilities by a rule that was learned without its patient's words.

    Each of these rules starts from zero, as the real one does: starting from the rule of all words,
    it would after :data:`bodypart.memory.regression.STEPS` steps still know something of the words
    left out.
    """
    folds = _folds(patients)
    result = np.empty_like(lesson.before)
    for fold in np.unique(folds):
        out, rest = folds == fold, folds != fold
        found = _fitted(lesson.some(rest), rehearsed)
        result[out] = softmax_rows(log_odds(lesson.before[out]) + lesson.features[out] @ found)
    return result


def judged(before: Floats, left_out: Floats, accepted: Bools, patients: Integers) -> Floats:
    """Return by how much a new answer must lead; see :attr:`bodypart.memory.rule.Rule.margins`.

    Each word is read by the words on other patients. If the model was right, this shows how near
    they bring a wrong label to replacing the right one: the wrong label's lead, mostly negative. A
    part's answers are replaced only at leads that hardly any of its right answers suffer: the mean
    plus :data:`SPARED` standard deviations, with the uncertainty of both, as in a one-sided
    prediction interval. If a part has few right words, mean and deviation are drawn towards those
    of all parts (and these, if they are few, towards :data:`USUAL_LEAD`), so the answers of a part
    without words of its own are seldom replaced. Mended answers never make up for broken ones.

    A label with words on fewer patients than :data:`LEAST_TRIED` replaces no answer.

    Parameters
    ----------
    before, left_out : ndarray, shape (n, labels)
        Probabilities of each word without any words, and with those on other patients.
    accepted : ndarray of bool, shape (n, labels)
        Labels that the person accepts.
    patients : ndarray of int, shape (labels,)
        Number of patients with a word on each label.

    Returns
    -------
    ndarray of float64, shape (labels, labels)
        From 0 to infinity; rows are the model's answers, columns the new ones.
    """
    labels = before.shape[1]
    rows = np.arange(len(before))
    was, became = before.argmax(axis=1), left_out.argmax(axis=1)
    right = accepted[rows, was]
    lead = _leads(np.where(accepted, 0, left_out).max(axis=1), left_out[rows, was])
    usual = _shrunk(lead[right], USUAL_LEAD, USUAL_VARIANCE)
    gain = _cost(before, accepted) - _cost(left_out, accepted)
    margins = np.empty((labels, labels))
    for label in range(labels):
        margins[label] = spared_lead(lead[right & (was == label)], *usual)
    margins[:, patients < LEAST_TRIED] = np.inf
    for label in range(labels):
        stays = (was == label) & (became == label)
        margins[label, label] = 0 if gain[stays].sum() > 0 else np.inf
    return margins


def spared_lead(leads: Floats, mean: float, variance: float) -> float:
    """Return the lead, at least 0, that wrong labels hardly ever have over a part's right answers.

    Parameters
    ----------
    leads : ndarray, shape (n,)
        For the part's right words: log-probability of the best wrong label minus that of the right
        one.
    mean, variance : float
        Mean and variance of these for all parts.
    """
    unknown = 1 + 1 / (len(leads) + FEW)
    mean, variance = _shrunk(leads, mean, variance)
    return max(0.0, mean + SPARED * float(np.sqrt(variance * unknown)))


def _shrunk(values: Floats, mean: float, variance: float) -> tuple[float, float]:
    """Return mean and variance as if :data:`FEW` values of that mean and variance were added."""
    count = len(values) + FEW
    centre = (float(values.sum()) + FEW * mean) / count
    spread = float(((values - centre) ** 2).sum()) + FEW * (variance + (mean - centre) ** 2)
    return centre, spread / count


def _leads(some: Floats, others: Floats) -> Floats:
    lead = np.log(np.maximum(some, 1e-12) / np.maximum(others, 1e-12))
    return np.asarray(np.clip(lead, -LARGEST_LEAD, LARGEST_LEAD))


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
