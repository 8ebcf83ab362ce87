"""What the model saw in each picture that it looked at: the newest hundred thousand of them."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from bodypart.evidence import Seen
from bodypart.memory.words import pack_floats, unpack_floats
from service.databases.prepared import Prepared
from service.databases.tables import instances, sightings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection

    from service.databases.database import Database

MOST_SIGHTINGS = 100_000
"""Pictures; 50 MB in the database."""

_PRUNE_EVERY = 1000
_BATCH = 5000
_ANSWERED = sa.and_(instances.c.id == sightings.c.instance, instances.c.model == sightings.c.model)
"""Pictures with an answer of that very model: one that only looked, for a word, gave none."""
_SIZES = [
    sa.func.length(sightings.c[name]).label(f"{name}_size") for name in ("embedding", "posterior")
]
"""In bytes, as the database counts them: embeddings need not be fetched for that."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some pictures and what the model saw in them.

    Attributes
    ----------
    instances : list of str
        Their ids, n.
    said : list of str or None
        What stands as the picture's own answer in the index.
    embeddings : ndarray of float32, shape (n, d)
        Unit vectors.
    posterior : ndarray of float32, shape (n, labels + 1)
        The model's probabilities, "none" last.
    rejected : ndarray of bool, shape (n,)
        Whether the model rejects them.
    """

    instances: list[str]
    said: list[str | None]
    embeddings: NDArray[np.float32]
    posterior: NDArray[np.float32]
    rejected: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the model alone said of some pictures, and what was said of them then.

    Attributes
    ----------
    instances : list of str
        Their ids, n.
    own : ndarray of int, shape (n,)
        The model's most probable label.
    rejected : ndarray of bool, shape (n,)
        Whether the model rejects them.
    said : list of str or None
        What stands as the picture's own answer, after the memory.
    confirmed : list of str or None
        What a person said; empty where nobody said anything.
    """

    instances: list[str]
    own: NDArray[np.int64]
    rejected: NDArray[np.bool_]
    said: list[str | None]
    confirmed: list[str | None]


class Sightings:
    """The table of sightings.

    Parameters
    ----------
    database : Database
        That of the index: losing it loses nothing that cannot be looked at again.
    most : int
        Pictures to keep.
    """

    def __init__(self, database: Database, most: int = MOST_SIGHTINGS) -> None:
        self.database = database
        self._most = most
        insert = database.insert(sightings)
        new = {column.name: column for column in insert.excluded if not column.primary_key}
        self._put = Prepared(insert.on_conflict_do_update(index_elements=["instance"], set_=new))
        self._puts = 0

    def put(self, connection: Connection, instance: str, model: str, seen: Seen) -> None:
        """Keep what a model saw in a picture, in a transaction of the caller's."""
        values = {
            "instance": instance,
            "model": model,
            "embedding": pack_floats(seen.embedding),
            "posterior": pack_floats(seen.posterior),
            "rejected": seen.rejected,
            "seen_at": time.time(),
        }
        self._put.run(connection, values)
        self._puts += 1

    def prune(self) -> None:
        """Forget the oldest, once there are many more than are to be kept."""
        if self._puts < _PRUNE_EVERY:
            return
        self._puts = 0
        oldest = (
            sa.select(sightings.c.seen_at)
            .order_by(sightings.c.seen_at.desc())
            .offset(self._most)
            .limit(1)
            .scalar_subquery()
        )
        with self.database.write() as connection:
            connection.execute(sa.delete(sightings).where(sightings.c.seen_at <= oldest))

    def get(self, instance: str, model: str, *, reviewed: bool = False) -> Seen | None:
        """Return what a model saw in a picture, None if it is not known (any more).

        With ``reviewed``, also None if no word stands on this picture: that on the instance may
        have been said of an earlier one.
        """
        question = sa.select(sightings).where(
            sightings.c.instance == instance, sightings.c.model == model
        )
        if reviewed:
            question = question.join(instances, instances.c.id == sightings.c.instance).where(
                instances.c.reviewed_at.is_not(None)
            )
        for row in self.database.rows(question):
            with suppress(ValueError):  # It is damaged: then it is looked at again.
                return Seen(
                    unpack_floats(row.embedding), unpack_floats(row.posterior), row.rejected
                )
        return None

    def batches(
        self, model: str, conditions: Sequence[sa.ColumnElement[bool]] = ()
    ) -> Iterator[Batch]:
        """Give what a model saw in all annotated pictures that nobody has said a word on.

        Parameters
        ----------
        model : str
            SHA-256.
        conditions : sequence
            On the pictures' rows in the index.
        """
        question = (
            sa.select(sightings, instances.c.image_label)
            .join(instances, _ANSWERED)
            .where(sightings.c.model == model, instances.c.reviewed_at.is_(None), *conditions)
        )
        for rows in self._pages(question):
            yield Batch(
                instances=[row.instance for row in rows],
                said=[row.image_label for row in rows],
                embeddings=_matrix([row.embedding for row in rows]),
                posterior=_matrix([row.posterior for row in rows]),
                rejected=np.array([row.rejected for row in rows], dtype=bool),
            )

    def answers(self, model: str) -> Iterator[Answers]:
        """Give the model's own answers on all annotated pictures, and what became of them."""
        names = ("image_label", "examined", "reviewed_at")
        question = (
            sa.select(
                sightings.c.instance,
                sightings.c.posterior,
                sightings.c.rejected,
                *(instances.c[name] for name in names),
            )
            .join(instances, _ANSWERED)
            .where(sightings.c.model == model)
        )
        for rows in self._pages(question):
            yield Answers(
                instances=[row.instance for row in rows],
                own=_matrix([row.posterior for row in rows])[:, :-1].argmax(axis=1),
                rejected=np.array([row.rejected for row in rows], dtype=bool),
                said=[row.image_label for row in rows],
                confirmed=[row.examined if row.reviewed_at else "" for row in rows],
            )

    def _pages(self, question: sa.Select[Any]) -> Iterator[list[Any]]:
        """Give the rows of a question page by page, without those of other sizes than most."""
        after, usual = "", None
        question = question.add_columns(*_SIZES)
        while rows := self.database.rows(
            question.where(sightings.c.instance > after)
            .order_by(sightings.c.instance)
            .limit(_BATCH)
        ):
            after = rows[-1].instance
            usual = usual or _usual_sizes(rows)
            if alike := [row for row in rows if _sizes(row) == usual]:
                yield alike


def _sizes(row: Any) -> tuple[int, int]:
    return row.embedding_size, row.posterior_size


def _usual_sizes(rows: Sequence[Any]) -> tuple[int, int]:
    """Return the sizes that most have: a decoder that was taken over may have sent others."""
    return Counter(map(_sizes, rows)).most_common(1)[0][0]


def _matrix(rows: list[bytes]) -> NDArray[np.float32]:
    return unpack_floats(b"".join(rows)).reshape(len(rows), -1)
