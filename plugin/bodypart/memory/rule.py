"""What was learned: how the words on similar pictures change the model's answer to a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bodypart.memory.kernel import likeness
from bodypart.memory.regression import log_odds, softmax_rows
from bodypart.memory.words import NONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

REJECTED_NONE = 0.6
"""Least probability of "none" for a rejected picture, which words must outweigh."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """The memory's rule, found by :func:`bodypart.memory.learning.learn`.

    Attributes
    ----------
    labels : tuple of str
        The model's labels, then those that only words have taught, "none" last.
    model_labels : int
        How many of them are the model's.
    landmark_words : tuple of str
        Ids of the words that represent all.
    landmarks : ndarray of float32, shape (k, d)
        Their unit vectors.
    coefficients : ndarray of float64, shape (k, labels)
        What likeness to a landmark adds to a label's log-probability.
    margins : ndarray of float64, shape (labels, labels)
        By how much log-probability the new answer (column) must lead to replace the model's (row);
        see :func:`bodypart.memory.learning.judged`. The diagonal is 0 if an answer that stays may
        become more or less sure, and infinite if it may not.
    """

    labels: tuple[str, ...]
    model_labels: int
    landmark_words: tuple[str, ...]
    landmarks: Float32
    coefficients: Floats
    margins: Floats

    def change(
        self, embedding: Float32, probabilities: NDArray[np.floating], *, rejected: bool
    ) -> Floats | None:
        """Return a picture's probabilities as the words change them.

        Parameters
        ----------
        embedding : ndarray of float32, shape (d,)
            The picture's unit vector.
        probabilities : ndarray, shape (model labels + 1,)
            The model's probabilities, "none" last.
        rejected : bool
            Whether the model rejects the picture.

        Returns
        -------
        ndarray of float64, shape (labels,), or None
            The new probabilities in the order of :attr:`labels`; None if no word is on a similar
            picture, or the new answer does not lead by its margin.
        """
        near = likeness(embedding[None], self.landmarks)[0]
        if not near.any():
            return None
        before = prior(probabilities[None], np.array([rejected]), len(self.labels))[0]
        logits = log_odds(before) + near @ self.coefficients
        was, became = int(before.argmax()), int(logits.argmax())
        if logits[became] - logits[was] < self.margins[was, became]:
            return None
        return softmax_rows(logits)


def prior(probabilities: NDArray[np.floating], rejected: Bools, labels: int) -> Floats:
    """Return the model's probabilities in the space of all labels.

    A rejection counts as "none", and "none" does not lead where the model accepts a picture: the
    limit of a model of one's own may be that loose.

    Parameters
    ----------
    probabilities : ndarray, shape (n, model labels + 1)
        What the model says, "none" last.
    rejected : ndarray of bool, shape (n,)
        Whether it rejects the picture, on whatever ground.
    labels : int
        Number of labels, those that only words have taught and "none" included.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    result = np.zeros((len(given), labels))
    result[:, : given.shape[1] - 1] = given[:, :-1]
    result[:, -1] = np.where(rejected, given[:, -1], np.minimum(given[:, -1], result.max(axis=1)))
    low = rejected & (result[:, -1] < REJECTED_NONE)
    scale = (1 - REJECTED_NONE) / (1 - result[low, -1])
    result[low] *= scale[:, None]
    result[low, -1] = REJECTED_NONE
    return result


def label_space(model_labels: tuple[str, ...], taught: set[str]) -> tuple[str, ...]:
    """Return the model's labels, then taught ones that it does not give, then "none"."""
    return (*model_labels, *sorted(taught - set(model_labels) - {NONE}), NONE)
