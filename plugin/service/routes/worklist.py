"""The work list of the review page: which instances a person should look at, worst first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field
from typing_extensions import TypedDict

from service.databases.tables import instances
from service.learning.alike import most_instructive
from service.routes.filters import Filters, meaning_record
from service.routes.lines import INDEX_COLUMNS, WorkLine, index_line
from service.routes.requests import TheService, bad_request, one_at_a_time, page_of
from service.routes.router import Router
from service.text_search import MeaningRecord

if TYPE_CHECKING:
    from service.main import Service

router = Router()
LONGEST_PAGE = 500
_LONGEST_LESSON = 500
"""Pictures that are sorted by what they teach: each is compared with all others."""
_DEFAULT_PAGE = 50


class Page(Filters):
    """Which part of the list."""

    since: int = Field(0, ge=0, lt=2**31, description="how many lines to skip")
    after: str = Field(
        "", max_length=200, description="`next` of the page before: quicker than since"
    )
    limit: int = Field(_DEFAULT_PAGE, ge=1, le=LONGEST_PAGE)
    order: Literal["urgent", "teaches-most"] = Field(
        "urgent",
        description=f"conflicts and doubts first, or the {_LONGEST_LESSON} that teach the memory "
        "most, one of each kind; every word changes that order, so ask from the beginning after "
        "some",
    )


class WorklistAnswer(TypedDict):
    """A page of the work list, and what the text that was searched for was taken for."""

    total: int
    since: int
    next: str | None
    items: list[WorkLine]
    meaning: MeaningRecord | None


@router.get("/bodypart/worklist", summary="What a person should look at, conflicts first")
def worklist(query: Annotated[Page, Query()], service: TheService) -> WorklistAnswer:
    """Answer one page of the work list."""
    where, meaning = query.conditions(service)
    if query.order == "teaches-most":
        return _by_lesson(service, query, where, meaning_record(meaning))
    database = service.index.database
    total = database.value(sa.select(sa.func.count()).select_from(instances).where(*where))
    question = (
        sa.select(*INDEX_COLUMNS, instances.c.rank)
        .where(*where)
        .order_by(instances.c.rank)
        .limit(query.limit + 1)
    )
    if query.after:
        question = question.where(instances.c.rank > query.after)
    elif query.since:
        question = question.offset(query.since)
    rows, last = page_of(database.rows(question), query.limit)
    return {
        "total": total,
        "since": query.since,
        "next": last.rank if last else None,
        "items": _lines(service, rows),
        "meaning": meaning_record(meaning),
    }


def _by_lesson(
    service: Service,
    query: Page,
    where: list[sa.ColumnElement[bool]],
    meaning: MeaningRecord | None,
) -> WorklistAnswer:
    """Answer the pictures from which most would be learned, a page of the first ones."""
    learning = service.learning
    since = _place_in_lesson(query)
    until = min(since + query.limit, _LONGEST_LESSON)
    most = until if since < until else 0
    found: list[str] = []
    candidates = 0
    if learning.model is not None:
        with one_at_a_time():
            found, candidates = most_instructive(
                learning.sightings, learning.model, learning.memory, most, where
            )
    total = min(candidates, _LONGEST_LESSON)
    items = lines(service, found[since:])
    more = str(until) if most and until < total else None
    return {"total": total, "since": since, "next": more, "items": items, "meaning": meaning}


def _place_in_lesson(query: Page) -> int:
    if not query.after:
        return query.since
    if not re.fullmatch(r"[1-9]\d{0,2}", query.after):
        raise bad_request("after: is not the `next` of a page in this order")
    return int(query.after)


def lines(service: Service, ids: list[str]) -> list[WorkLine]:
    """Return the lines of some instances, in their order; what the index lost is left out."""
    rows = service.index.database.rows(sa.select(*INDEX_COLUMNS).where(instances.c.id.in_(ids)))
    found = {line["instance"]: line for line in _lines(service, rows)}
    return [found[instance] for instance in ids if instance in found]


def _lines(service: Service, rows: Sequence[sa.Row[Any]]) -> list[WorkLine]:
    """Return rows with the study's patient and description, which the index does not hold."""
    described = service.archive.study_descriptions([row.study for row in rows])
    return [{**index_line(row), **described[row.study]} for row in rows]
