"""Which pictures are like one, which teach most, and which would be read otherwise by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bodypart.evidence import ImageReading, Seen
from bodypart.memory import Recall
from bodypart.memory.kernel import UNLIKE
from bodypart.memory.teaching import MOST_CANDIDATES, doubt_of, teaches_most

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from bodypart.memory import Memory
    from service.learning.sightings import Batch, Sightings

    Float32 = NDArray[np.float32]


def nearest(
    sightings: Sightings, model: str, embedding: Float32, most: int, *, but: str
) -> list[tuple[str, float]]:
    """Return the unreviewed pictures most like one, the nearest first, with their cosine."""
    found: list[tuple[str, float]] = []
    for batch in sightings.batches(model):
        if batch.embeddings.shape[1] != embedding.size:
            return []  # This one was seen by another model than the others.
        cosine = batch.embeddings @ embedding
        best = np.argsort(-cosine, kind="stable")[: most + 1]
        found += [(batch.instances[index], float(cosine[index])) for index in best]
        found = sorted(found, key=lambda item: (-item[1], item[0]))[: most + 1]
    return [item for item in found if item[0] != but][:most]


def most_instructive(
    sightings: Sightings,
    model: str,
    memory: Memory | None,
    most: int,
    conditions: Sequence[sa.ColumnElement[bool]],
) -> tuple[list[str], int]:
    """Return the unreviewed pictures from which most would be learned, the first one most.

    Returns
    -------
    list of str, int
        At most ``most`` of them, and how many unreviewed pictures there are to choose from.
    """
    candidates = 0
    instances: list[str] = []
    rows: list[Float32] = []
    doubts: list[Float32] = []
    for batch in sightings.batches(model, conditions):
        doubt = np.where(batch.rejected, 1, doubt_of(batch.posterior)).astype(np.float32)
        candidates += len(batch.instances)
        # More than are compared with each other need not be kept.
        order = np.argsort(-doubt, kind="stable")[:MOST_CANDIDATES]
        instances += [batch.instances[index] for index in order]
        rows.append(batch.embeddings[order])
        doubts.append(doubt[order])
    if not instances or not most:
        return [], candidates
    embeddings, doubt = np.concatenate(rows), np.concatenate(doubts)
    words = memory.words if memory else ()
    known = np.stack([word.embedding for word in words]) if words else embeddings[:0]
    chosen = teaches_most(embeddings, doubt, known, most)
    return [instances[index] for index in chosen], candidates


def read_otherwise(
    sightings: Sightings,
    model: str,
    labels: Sequence[str],
    recall: Recall,
    words: Sequence[Float32],
) -> list[str]:
    """Return the unreviewed pictures whose answer would be different by now.

    Parameters
    ----------
    sightings : Sightings
        What the model saw.
    model : str
        SHA-256.
    labels : sequence of str
        Its labels.
    recall : Recall
        The memory.
    words : sequence of ndarray of float32, shape (d,)
        Embeddings of the words in question: only what is like one of them is looked at, and what
        an earlier memory had changed.
    """
    found: list[str] = []
    for batch in sightings.batches(model):
        concerned = np.array(batch.said, dtype=object) != _own_answers(batch, labels)
        for word in words:
            concerned |= batch.embeddings @ word > UNLIKE
        # A reading is made for these alone: they are few, and the pictures may be many.
        found += [
            batch.instances[index]
            for index in np.flatnonzero(concerned).tolist()
            if batch.said[index] != _answer(batch, index, labels, recall)
        ]
    return found


def _own_answers(batch: Batch, labels: Sequence[str]) -> NDArray[np.object_]:
    """Return the label that each picture gave by the model alone, None where it is rejected."""
    own: NDArray[np.object_] = np.array(labels, dtype=object)[
        batch.posterior[:, :-1].argmax(axis=1)
    ]
    own[batch.rejected] = None
    return own


def _answer(batch: Batch, index: int, labels: Sequence[str], recall: Recall) -> str | None:
    """Return the label that the picture alone gives by now, None where it is rejected."""
    posterior = batch.posterior[index]
    rejected = bool(batch.rejected[index])
    own = ImageReading(
        dict(zip(labels, posterior.astype(float).tolist(), strict=False)),
        rejected=rejected,
        seen=Seen(batch.embeddings[index], posterior, rejected),
    )
    reading, _ = recall.consult(own)
    return None if reading.rejected else reading.top(1)[0].label
