"""Which unreviewed pictures to ask a person about: those whose words would help most others.

A word helps the pictures similar to its own. So the first picture chosen is the one whose word
would help the most doubtful pictures that no word helps yet, and the next is chosen as if the first
had been answered: one of each kind of doubtful picture, the largest kinds first. (Greedy facility
location; at least 1 - 1/e of the best choice's value, Nemhauser et al. 1978.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

BASE_DOUBT = 0.05
"""Doubt added to every picture: the model may be sure, and wrong, about a whole kind."""

REACH = 0.15
"""Cosine distance up to which a word is assumed to help."""

MOST_CANDIDATES = 2000
"""Pictures that are compared with each other, the most doubtful ones: 16 MB of similarities."""


def doubt_of(probabilities: Float32) -> Float32:
    """Return how unsure the model is of each picture, 0 to 1.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (n, labels + 1)
        The model's probabilities, "none" last. A picture that seems to show none of the parts
        counts as doubtful, as it has no label.
    """
    return np.asarray(1 - probabilities[:, :-1].max(axis=1), dtype=np.float32)


def teaches_most(
    embeddings: Float32,
    doubt: Float32,
    known: Float32,
    count: int,
    *,
    reach: float = REACH,
) -> list[int]:
    """Return which pictures to ask for, the one that teaches most first.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, d)
        Unit vectors of the unreviewed pictures.
    doubt : ndarray of float32, shape (n,)
        How unsure the answer is, 0 to 1.
    known : ndarray of float32, shape (m, d)
        Unit vectors of the pictures with a word; similar ones need not be asked for.
    count : int
        How many are wanted.
    reach : float
        Cosine distance up to which a word is assumed to help.

    Returns
    -------
    list of int
        Rows of ``embeddings``, at most ``count``; ties go to the earlier row.
    """
    considered = np.argsort(-doubt, kind="stable")[:MOST_CANDIDATES]
    rows = embeddings[considered]
    weight = doubt[considered] + np.float32(BASE_DOUBT)
    likeness = _likeness(rows, rows, reach)
    helped = _likeness(rows, known, reach).max(axis=1, initial=0)
    chosen: list[int] = []
    for _ in range(min(count, len(considered))):
        gain = np.maximum(likeness - helped, 0) @ weight
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        helped = np.maximum(helped, likeness[best])
    return [int(considered[index]) for index in chosen]


def _likeness(rows: Float32, others: Float32, reach: float) -> Float32:
    """Return 1 for the same picture, falling to 0 at the distance where a word no longer helps."""
    return np.asarray(np.maximum(0, 1 - (1 - rows @ others.T) / np.float32(reach)))
