"""The statements on the table of tasks, built once.

SQLAlchemy takes longer to build a statement than SQLite to run it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from service.databases.prepared import Prepared
from service.databases.tables import tasks
from service.queue.task import HELPER, Kind, Mode, Priority, Task

if TYPE_CHECKING:
    from service.databases.database import Database

COLUMNS = [tasks.c[name] for name in Task.__slots__]
_SAME = sa.and_(
    tasks.c.kind == sa.bindparam("b_kind"), tasks.c.resource == sa.bindparam("b_resource")
)
_COUNT = (
    sa.select(sa.func.count().label("number"))
    .select_from(tasks)
    .where(tasks.c.kind == sa.bindparam("kind"))
)
COUNT = Prepared(_COUNT)
COUNT_AT = Prepared(_COUNT.where(tasks.c.priority == sa.bindparam("priority")))
STANDING = Prepared(sa.select(*COLUMNS).where(_SAME))
CLAIM = (
    sa.update(tasks)
    .where(_SAME)
    .values(claimed_by=sa.bindparam("claimed_by"), claimed_until=sa.bindparam("claimed_until"))
)
HASTEN = Prepared(
    sa.update(tasks)
    .where(
        tasks.c.kind == Kind.ROLL_UP,
        tasks.c.resource == sa.bindparam("b_resource"),
        tasks.c.priority < Priority.BACKFILL,
        tasks.c.due > sa.bindparam("at", type_=sa.Float),
    )
    .values(due=sa.bindparam("at", type_=sa.Float))
)
# A worker whose claim ran out must not end or release a task that another has by now.
HELD = tasks.c.claimed_by.is_not_distinct_from(sa.bindparam("b_holder", type_=sa.Text))
END = Prepared(
    sa.delete(tasks).where(_SAME, HELD, tasks.c.generation == sa.bindparam("b_generation"))
)
RENEW = sa.update(tasks).where(_SAME, HELD).values(claimed_until=sa.bindparam("claimed_until"))
LET_GO = Prepared(sa.update(tasks).where(_SAME, HELD).values(claimed_by=None, claimed_until=None))
LENT = tasks.c.claimed_by.startswith(HELPER)
_MODES = tuple(Mode)


def upsert(database: Database, postpone: bool) -> Prepared:
    """Return the statement that inserts a task, or merges it with the one that is there."""
    insert = database.insert(tasks)
    new = insert.excluded
    stronger = sa.case(
        *((sa.or_(tasks.c.mode == name, new.mode == name), name) for name in reversed(_MODES)),
    )
    # An urgent request takes the task from a helper instead of waiting for its batch.
    lent = sa.and_(LENT, new.priority < Priority.BACKFILL)
    due = new.due if postpone else sa.case((tasks.c.due < new.due, tasks.c.due), else_=new.due)
    statement = insert.on_conflict_do_update(
        index_elements=["kind", "resource"],
        set_={
            "generation": tasks.c.generation + 1,
            "mode": stronger,
            "priority": sa.case(
                (tasks.c.priority < new.priority, tasks.c.priority), else_=new.priority
            ),
            "due": due,
            "sequence": sa.func.coalesce(new.sequence, tasks.c.sequence),
            "attempts": 0,
            "claimed_by": sa.case((lent, None), else_=tasks.c.claimed_by),
            "claimed_until": sa.case((lent, None), else_=tasks.c.claimed_until),
        },
    )
    return Prepared(statement)


def new_row(
    kind: Kind, resource: str, level: str, mode: Mode, priority: int, due: float, change: int | None
) -> dict[str, Any]:
    """Return the values for `upsert` of a task that is asked for the first time."""
    return {
        "kind": kind,
        "resource": resource,
        "level": level,
        "mode": mode,
        "priority": priority,
        "due": due,
        "sequence": change,
        "generation": 1,
        "attempts": 0,
        "deaths": 0,
    }


@cache
def next_due(kind: Kind) -> sa.Select[Any]:
    """Return the query for the next ``most`` tasks of a kind that are due at ``now``.

    For one kind the index has them in order; for several, all would have to be sorted.
    """
    now = sa.bindparam("now", type_=sa.Float)
    return (
        sa.select(*COLUMNS, tasks.c.due)
        .where(tasks.c.kind == kind, tasks.c.due <= now, free(now))
        .order_by(tasks.c.priority, tasks.c.due)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )


@cache
def claim_next(kinds: tuple[Kind, ...]) -> Prepared:
    """Return the statement that claims, in SQLite, the next tasks of several kinds together.

    It replaces a query for each kind (`next_due`) and another statement for the claim.
    """
    of_each = [next_due(kind).subquery() for kind in kinds]
    due = sa.union_all(*(sa.select(one) for one in of_each)).subquery()
    first = (
        sa.select(due.c.kind, due.c.resource)
        .order_by(due.c.priority, due.c.due)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
    return Prepared(
        sa.update(tasks)
        .where(sa.tuple_(tasks.c.kind, tasks.c.resource).in_(first))
        .values(claimed_by=sa.bindparam("claimed_by"), claimed_until=sa.bindparam("claimed_until"))
        .returning(*COLUMNS, tasks.c.due)
    )


@cache
def first_due(kinds: tuple[Kind, ...]) -> Prepared:
    """Return the query for the earliest due time among unclaimed tasks of some kinds."""
    due = sa.func.min(tasks.c.due).label("due")
    of_these = sa.or_(*(tasks.c.kind == kind for kind in kinds))
    return Prepared(sa.select(due).where(of_these, tasks.c.claimed_until.is_(None)))


def free(now: float | sa.BindParameter[float]) -> sa.ColumnElement[bool]:
    """Return the condition that a task is not claimed, or its claim has run out."""
    return sa.or_(tasks.c.claimed_until.is_(None), tasks.c.claimed_until < now)


CLAIM_THIS = Prepared(
    sa.update(tasks)
    .where(_SAME, free(sa.bindparam("now", type_=sa.Float)))
    .values(claimed_by=sa.bindparam("claimed_by"), claimed_until=sa.bindparam("claimed_until"))
    .returning(*COLUMNS)
)


def is_task(kind: str, resource: str) -> sa.ColumnElement[bool]:
    """Return the condition for the task of this kind on this resource."""
    return sa.and_(tasks.c.kind == kind, tasks.c.resource == resource)
