"""The words that are learned from: what the audit trail says, with what the model saw."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from typing_extensions import TypedDict

from bodypart.memory import Word
from bodypart.memory.words import NONE, pack_floats, unpack_floats
from bodypart.record import Label
from service.databases.prepared import Prepared
from service.databases.tables import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bodypart.evidence import Seen
    from service.databases.database import Database

_SEEN_BY = sa.and_(words.c.model == sa.bindparam("model"), words.c.embedding.is_not(None))
_NUMBERS = Prepared(sa.select(words.c.number).where(_SEEN_BY))
_DROP = Prepared(
    sa.delete(words).where(
        words.c.instance == sa.bindparam("b_instance"), words.c.number == sa.bindparam("b_number")
    )
)
_WAITS_FOR = Prepared(
    sa.select(words.c.instance).where(
        words.c.instance == sa.bindparam("instance"),
        sa.or_(words.c.model.is_distinct_from(sa.bindparam("model")), words.c.embedding.is_(None)),
    )
)


class WordLine(TypedDict):
    """A word on a picture, and whether the present model saw something in it."""

    instance: str
    number: int
    at: str
    label: Label | None
    seen: bool


class Words:
    """The table of words.

    Parameters
    ----------
    database : Database
        The durable one.

    Attributes
    ----------
    database : Database
        As given.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def say(self, instance: str, *, number: int, at: str, patient: str, label: str | None) -> None:
        """Keep a person's word on a picture; it takes the place of an earlier one.

        What a model saw goes with the earlier one: the file may have been replaced since.
        """
        values: dict[str, Any] = {
            "number": number,
            "at": at,
            "patient": patient,
            "label": label or NONE,
            **dict.fromkeys(("model", "embedding", "posterior", "rejected")),
        }
        with self.database.write() as connection:
            connection.execute(
                self.database.insert(words)
                .values(instance=instance, **values)
                .on_conflict_do_update(index_elements=["instance"], set_=values)
            )

    def take_back(self, instance: str) -> None:
        """Forget the word on a picture."""
        with self.database.write() as connection:
            connection.execute(sa.delete(words).where(words.c.instance == instance))

    def drop(self, those: Sequence[Word]) -> None:
        """Forget these very words: another node may have heard later ones on their pictures."""
        if those:
            with self.database.write() as connection:
                _DROP.run_for_each(
                    connection,
                    [{"b_instance": word.instance, "b_number": int(word.id)} for word in those],
                )

    def outdate(self, instance: str, number: int) -> None:
        """Forget the word on a picture if it is older than the event of this number."""
        older = sa.and_(words.c.instance == instance, words.c.number < number)
        with self.database.write() as connection:
            connection.execute(sa.delete(words).where(older))

    def forget_all(self) -> None:
        """Forget every word."""
        with self.database.write() as connection:
            connection.execute(sa.delete(words))

    def saw(self, instance: str, model: str, seen: Seen) -> None:
        """Note what a model saw in a picture, if there is a word on it."""
        with self.database.write() as connection:
            connection.execute(
                sa.update(words)
                .where(words.c.instance == instance)
                .values(
                    model=model,
                    embedding=pack_floats(seen.embedding),
                    posterior=pack_floats(seen.posterior),
                    rejected=seen.rejected,
                )
            )

    def saw_nothing(self, instance: str, model: str) -> None:
        """Note that a model sees nothing in a picture, if there is a word on it."""
        with self.database.write() as connection:
            connection.execute(
                sa.update(words)
                .where(words.c.instance == instance, words.c.model.is_distinct_from(model))
                .values(model=model, embedding=None, posterior=None, rejected=None)
            )

    def unseen(self, model: str) -> list[str]:
        """Return the pictures with a word that a model has not read."""
        rows = self.database.rows(
            sa.select(words.c.instance)
            .where(words.c.model.is_distinct_from(model))
            .order_by(words.c.number)
        )
        return [row.instance for row in rows]

    def waits_for(self, instance: str, model: str) -> bool:
        """Tell whether there is a word on a picture in which a model has not seen anything yet."""
        return bool(self.database.rows(_WAITS_FOR, instance=instance, model=model))

    def numbers(self, model: str) -> set[int]:
        """Return the numbers of the words on pictures in which a model saw something."""
        return {row.number for row in self.database.rows(_NUMBERS, model=model)}

    def seen_by(self, model: str) -> list[Word]:
        """Return the words on pictures in which a model saw something, the oldest first.

        One that is damaged, or says a label of another version, is left out: the others count.
        """
        rows = self.database.rows(
            sa.select(words).where(_SEEN_BY).order_by(words.c.number), model=model
        )
        found = []
        for row in rows:
            with suppress(TypeError, ValueError):
                found.append(
                    Word(
                        id=str(row.number),
                        instance=row.instance,
                        patient=row.patient,
                        labels=(row.label,),
                        embedding=unpack_floats(row.embedding),
                        probabilities=unpack_floats(row.posterior),
                        rejected=row.rejected,
                    )
                )
        return found

    def page(
        self, model: str | None, labels: Sequence[str], after: int | None, limit: int
    ) -> list[WordLine]:
        """Return words for a person to look through, the newest first.

        Parameters
        ----------
        model : str or None
            The model in use: words are learned once it has seen their pictures.
        labels : sequence of str
            Only words that say one of these; empty is all.
        after : int or None
            Number of the last one of the page before.
        limit : int
            The most to return.
        """
        seen = sa.case((words.c.embedding.is_not(None), words.c.model)).label("seen_by")
        columns = (words.c.instance, words.c.number, words.c.at, words.c.label, seen)
        question = sa.select(*columns).order_by(words.c.number.desc()).limit(limit)
        if labels:
            question = question.where(words.c.label.in_(labels))
        if after is not None:
            question = question.where(words.c.number < after)
        return [
            {
                "instance": row.instance,
                "number": row.number,
                "at": row.at,
                "label": None if row.label == NONE else row.label,
                "seen": row.seen_by is not None and row.seen_by == model,
            }
            for row in self.database.rows(question)
        ]

    def since(self, at: str) -> set[str]:
        """Return the pictures on which something was said at a UTC time or later."""
        rows = self.database.rows(sa.select(words.c.instance).where(words.c.at >= at))
        return {row.instance for row in rows}
