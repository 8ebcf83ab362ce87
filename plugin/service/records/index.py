"""The search index: one row per instance, a cache of what Orthanc's metadata say.

It serves ``find``, the work list and the counts, and knows the parents of an instance that was just
deleted. Losing it loses nothing: the sweep rebuilds it from the metadata and the audit trail.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bodypart.annotation import tags_state
from bodypart.rollup import Summary
from service.databases.prepared import Prepared
from service.databases.tables import counts, instances, mentions, sightings, tasks
from service.orthanc_api.resources import Parents
from service.records.rows import bare_row_of, mentions_of, row_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from bodypart.record import AnnotationRecord
    from service.databases.database import Database

UNSEEN, REMOVED = "unseen", "forgotten"
"""States of an instance without annotation: older than the plugin; removed on request."""

BARE = (UNSEEN, REMOVED)
COLUMNS = {
    "instances": instances.c.id,
    "series": instances.c.series,
    "studies": instances.c.study,
    "patients": instances.c.patient,
}
# Not with IN, as a prepared statement cannot have a list.
ANNOTATED = sa.and_(*(instances.c.state != one for one in BARE))

_SUMMARY = [
    instances.c.id.label("instance"),
    instances.c.state.label("status"),
    *(
        instances.c[name]
        for name in (
            "examined", "probability", "source", "visible", "laterality", "laterality_source",
        )
    ),
    instances.c.router_group.label("group"),
    *(instances.c[name] for name in ("agreement", "needs_review", "annotated_at")),
]  # fmt: skip
_CHILDREN = {
    level: Prepared(sa.select(*_SUMMARY).where(column == sa.bindparam("resource"), ANNOTATED))
    for level, column in COLUMNS.items()
}
_BELOW = Prepared(
    sa.select(instances.c.series, instances.c.study, *_SUMMARY).where(
        instances.c.patient == sa.bindparam("patient"), ANNOTATED
    )
)
_PATIENT = {
    level: Prepared(
        sa.select(instances.c.patient).where(column == sa.bindparam("resource")).limit(1)
    )
    for level, column in COLUMNS.items()
}
# Built once: SQLAlchemy takes longer to build them than SQLite to run them.
_OF_ID = instances.c.id == sa.bindparam("b_id")
# The last two differ where a file was read anew, and stay where a person says a word.
_BEFORE = Prepared(
    sa.select(instances.c.state, instances.c.annotated_at, instances.c.image_label)
    .where(_OF_ID)
    .with_for_update()
)
_UPDATE = Prepared(sa.update(instances).where(_OF_ID))
_DELETE = Prepared(sa.delete(instances).where(_OF_ID))
# The state of a file's tags is no part of the revision: the rest of the row stays as it is.
_NOTE_TAGS = Prepared(
    sa.update(instances).where(_OF_ID, instances.c.revision == sa.bindparam("b_revision"))
)
_MENTION = Prepared(sa.insert(mentions).inline())
_UNMENTION = Prepared(sa.delete(mentions).where(mentions.c.instance == sa.bindparam("b_id")))
_UNSEE = Prepared(sa.delete(sightings).where(sightings.c.instance == sa.bindparam("b_id")))
_STATE = Prepared(sa.select(instances.c.state, instances.c.revision).where(_OF_ID))
_TAGS = Prepared(sa.select(instances.c.tags_state).where(_OF_ID))
_IN_STATE = (
    sa.select(instances.c.study, instances.c.id)
    .where(
        instances.c.state == sa.bindparam("state"),
        sa.tuple_(instances.c.study, instances.c.id)
        > sa.tuple_(sa.bindparam("study", type_=sa.Text), sa.bindparam("instance", type_=sa.Text)),
    )
    .order_by(instances.c.study, instances.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_COUNTS = Prepared(sa.select(counts.c.name, counts.c.number))
# Tasks on instances that are unseen, or not in the index.
_UNSEEN_IN_TASKS = Prepared(
    sa.select(sa.func.count().label("number"))
    .select_from(tasks)
    .where(
        tasks.c.kind == sa.bindparam("kind"),
        tasks.c.priority == sa.bindparam("priority"),
        ~sa.exists().where(instances.c.id == tasks.c.resource, instances.c.state != UNSEEN),
    )
)
_SUMMARY_FIELDS = tuple(field.name for field in fields(Summary))
_IN_ONE_STATEMENT = 500


class Index:
    """The index in a database.

    Parameters
    ----------
    database : Database
        Has the index.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        count = database.insert(counts)
        self._count_statement = Prepared(
            count.on_conflict_do_update(
                index_elements=["name"], set_={"number": counts.c.number + count.excluded.number}
            )
        )
        insert = database.insert(instances).on_conflict_do_nothing()
        # Otherwise psycopg no longer knows the count when it is asked for it.
        self._insert = Prepared(insert.execution_options(preserve_rowcount=True))

    def put(self, connection: Connection, annotation: AnnotationRecord, parents: Parents) -> None:
        """Write an annotation into the index, in the caller's transaction.

        What the model saw in an earlier picture is forgotten; what it sees now is kept afterwards.
        """
        self._put_row(connection, row_of(annotation, parents))
        named, of = dict.fromkeys(mentions_of(annotation)), {"instance": annotation["instance"]}
        if named:
            rows = [{"label": label, "source": source, **of} for label, source in named]
            _MENTION.run_for_each(connection, rows)

    def note_tags(self, connection: Connection, annotation: AnnotationRecord) -> bool:
        """Note the state of a file's tags; return False if the index has not this very answer."""
        of = {"b_id": annotation["instance"], "b_revision": annotation.get("revision")}
        state = {"tags_state": tags_state(annotation)}
        return bool(_NOTE_TAGS.run(connection, of | state))

    def put_bare(self, connection: Connection, instance: str, parents: Parents, state: str) -> None:
        """Write an instance without annotation into the index: `UNSEEN` or `REMOVED`."""
        self._put_row(connection, bare_row_of(instance, parents, state))

    def put_new(self, connection: Connection, found: Mapping[str, Parents], state: str) -> None:
        """Write those of some instances without annotation that the index does not know.

        They are counted last: from then until the commit, all other writers wait for the counts.
        """
        rows = [bare_row_of(instance, found[instance], state) for instance in sorted(found)]
        if rows:
            done = self._insert.run_for_each(connection, rows)
            self._count(connection, Counter({state: done}))

    def remove(self, connection: Connection, instance: str) -> Parents | None:
        """Delete an instance; return its parents, None if it was not known."""
        parents = self._parents(connection, instance)
        if (before := self._before(connection, {"id": instance})) is not None:
            _DELETE.run(connection, {"b_id": instance})
            self._count(connection, Counter({before: -1}))
        return parents

    def parents(self, instance: str) -> Parents | None:
        """Return the parents of an instance, None if the index does not know it."""
        with self.database.read() as connection:
            return self._parents(connection, instance)

    def state(self, instance: str) -> str | None:
        """Return the state of an instance, None if the index does not know it."""
        return self.answer(instance)[0]

    def knows(self, instance: str) -> bool:
        """Return whether the index has an annotation of an instance."""
        return self.state(instance) not in (None, *BARE)

    def answer(self, instance: str) -> tuple[str | None, str | None]:
        """Return the state of an instance and the revision of its annotation, None each if none."""
        rows = self.database.rows(_STATE, b_id=instance)
        return (rows[0].state, rows[0].revision) if rows else (None, None)

    def has_tags(self, instance: str) -> bool:
        """Return whether the file of an instance has tags of an answer, or is to get some."""
        return self.database.value(_TAGS, b_id=instance) not in (None, "none")

    def unknown(self, ids: Sequence[str]) -> list[str]:
        """Return those of some instances that the index does not know, in their order."""
        known: set[str] = set()
        with self.database.read() as connection:
            for start in range(0, len(ids), _IN_ONE_STATEMENT):
                some = ids[start : start + _IN_ONE_STATEMENT]
                rows = connection.execute(sa.select(instances.c.id).where(instances.c.id.in_(some)))
                known.update(row.id for row in rows)
        return [instance for instance in ids if instance not in known]

    def after(self, instance: str, limit: int) -> list[str]:
        """Return the next known instances after one, in order of id."""
        rows = self.database.rows(
            sa.select(instances.c.id)
            .where(instances.c.id > instance)
            .order_by(instances.c.id)
            .limit(limit)
        )
        return [row.id for row in rows]

    def in_state(self, state: str, limit: int) -> Iterator[list[str]]:
        """Yield the instances in a state, up to ``limit`` at a time, study by study.

        In this order, roll-ups are written once per study and not once per instance.
        """
        study = instance = ""
        while rows := self.database.rows(
            _IN_STATE, state=state, study=study, instance=instance, limit=limit
        ):
            yield [row.id for row in rows]
            study, instance = rows[-1].study, rows[-1].id

    def models(self) -> list[str]:
        """Return the SHA-256 of each model that read instances without a review."""
        rows = self.database.rows(
            sa.select(instances.c.model)
            .where(instances.c.model.is_not(None), instances.c.reviewed_at.is_(None))
            .group_by(instances.c.model)
        )
        return [row.model for row in rows]

    def read_by(self, model: str, limit: int, after: str = "") -> list[str]:
        """Return up to ``limit`` instances without a review that a model read, in order of id."""
        rows = self.database.rows(
            sa.select(instances.c.id)
            .where(
                instances.c.model == model,
                instances.c.reviewed_at.is_(None),
                instances.c.id > after,
            )
            .order_by(instances.c.id)
            .limit(limit)
        )
        return [row.id for row in rows]

    def those_in_state(self, state: str, ids: Sequence[str]) -> list[str]:
        """Return those of some instances that are in a state, 500 at most, study by study."""
        rows = self.database.rows(
            sa.select(instances.c.id)
            .where(instances.c.id.in_(ids), instances.c.state == state)
            .order_by(instances.c.study, instances.c.id)
        )
        return [row.id for row in rows]

    def unseen_in_tasks(self, kind: str, priority: int) -> int:
        """Return how many tasks at a priority are on instances not seen yet, or not known."""
        return int(self.database.value(_UNSEEN_IN_TASKS, kind=kind, priority=priority))

    def with_pending_tags(self, limit: int, after: str = "") -> list[str]:
        """Return instances whose file is yet to be rewritten to its annotation, in order of id."""
        rows = self.database.rows(
            sa.select(instances.c.id)
            .where(instances.c.tags_state == "pending", instances.c.id > after)
            .order_by(instances.c.id)
            .limit(limit)
        )
        return [row.id for row in rows]

    def without_station(self, limit: int) -> list[str]:
        """Return series whose station has not been asked for yet."""
        rows = self.database.rows(
            sa.select(instances.c.series)
            .where(instances.c.station.is_(None))
            .distinct()
            .limit(limit)
        )
        return [row.series for row in rows]

    def without_side(self, limit: int, after: str = "") -> list[str]:
        """Return instances for which it is not noted yet if their side is in doubt, by id."""
        columns = instances.c
        rows = self.database.rows(
            sa.select(columns.id)
            .where(
                columns.needs_review.is_(True),
                columns.side_in_doubt.is_(None),
                columns.laterality_source == "header",
                columns.id > after,
            )
            .order_by(columns.id)
            .limit(limit)
        )
        return [row.id for row in rows]

    def set_station(self, series: str, station: str) -> None:
        """Note where the pictures of a series were taken."""
        with self.database.write() as connection:
            connection.execute(
                sa.update(instances).where(instances.c.series == series).values(station=station)
            )

    def counts(self) -> dict[str, int]:
        """Return the number of instances in each state."""
        rows = self.database.rows(_COUNTS)
        return {row.name: row.number for row in rows if row.number}

    def reopen_removed(self) -> None:
        """Let a back-fill that starts now annotate instances whose annotation was removed."""
        with self.database.write() as connection:
            done = connection.execute(
                sa.update(instances).where(instances.c.state == REMOVED).values(state=UNSEEN)
            )
            self._count(connection, Counter({UNSEEN: done.rowcount, REMOVED: -done.rowcount}))

    def patient_of(self, level: str, resource: str) -> str | None:
        """Return the patient that a resource belongs to, None if nothing is known below it."""
        found: str | None = self.database.value(_PATIENT[level], resource=resource)
        return found

    def children(self, level: str, resource: str) -> list[Summary]:
        """Return the summaries of the annotated instances below a resource."""
        rows = self.database.rows(_CHILDREN[level], resource=resource)
        return [_summary(row) for row in rows]

    def below(
        self, patient: str, wanted: Container[str]
    ) -> tuple[list[Summary], dict[str, list[Summary]]]:
        """Return summaries of a patient's instances, and those of each wanted series and study."""
        everything: list[Summary] = []
        of: dict[str, list[Summary]] = {}
        for row in self.database.rows(_BELOW, patient=patient):
            child = _summary(row[2:])
            everything.append(child)
            for resource in row[:2]:
                if resource in wanted:
                    of.setdefault(resource, []).append(child)
        return everything, of

    def _put_row(self, connection: Connection, row: dict[str, Any]) -> None:
        """Insert a row, or replace the one that is there."""
        while (before := self._before(connection, row)) is None:
            if self._insert.run(connection, row):
                break
            # Another node inserted it between the two statements.
        else:
            # An update, because it leaves indexes alone in which nothing changes.
            changed = {name: value for name, value in row.items() if name != "id"}
            _UPDATE.run(connection, {"b_id": row["id"], **changed})
        changes = Counter({before: -1} if before else {})
        changes[row["state"]] += 1
        self._count(connection, changes)

    @staticmethod
    def _before(connection: Connection, row: Mapping[str, Any]) -> str | None:
        """Delete what goes with the row before; return its state, None if there is none."""
        of = {"b_id": row["id"]}
        found = _BEFORE.rows(connection, **of)
        if not found:
            return None
        state, *reading = found[0]
        if state not in BARE:
            _UNMENTION.run(connection, of)
        if reading != [row.get("annotated_at"), row.get("image_label")]:
            _UNSEE.run(connection, of)
        return str(state)

    def _count(self, connection: Connection, changes: Counter[str]) -> None:
        # Always in the same order, so that two nodes do not deadlock.
        rows = [{"name": name, "number": more} for name, more in sorted(changes.items()) if more]
        if rows:
            self._count_statement.run_for_each(connection, rows)

    @staticmethod
    def _parents(connection: Connection, instance: str) -> Parents | None:
        row = connection.execute(
            sa.select(
                instances.c.series,
                instances.c.study,
                instances.c.patient,
                instances.c.modality,
                instances.c.study_date,
                sa.func.coalesce(instances.c.station, ""),
            ).where(instances.c.id == instance)
        ).first()
        return Parents(*row) if row else None


def _summary(row: Sequence[Any]) -> Summary:
    # By position, because a patient may have thousands: by name it takes five times as long.
    columns: dict[str, Any] = dict(zip(_SUMMARY_FIELDS, row, strict=True))
    columns["visible"] = json.loads(columns["visible"] or "{}")
    columns["probability"] = columns["probability"] or 0.0
    return Summary(**columns)
