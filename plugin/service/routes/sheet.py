"""The sheet of the pages: many instances at once, and what a person types to find them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field
from typing_extensions import TypedDict

from bodypart import shallow_json
from service.databases.tables import ANSWER, HEADER, PICTURE, STATION, SURE, instances
from service.kept_text import can_be_kept
from service.records.keyset import Key, behind
from service.routes.filters import Filters, Shown, meaning_record
from service.routes.lines import TILE_COLUMNS, Tile, tile
from service.routes.requests import TheService, bad_request, page_of
from service.routes.router import Router
from service.text_search import MeaningRecord

if TYPE_CHECKING:
    from service.main import Service

router = Router()
_PAGE, _LONGEST_PAGE = 200, 500
_LARGEST_KEY = 2**53
"""No column has larger numbers, and SQLite accepts none beyond 64 bits."""
_columns = instances.c
_GROUPS: dict[str, tuple[Key, ...]] = {
    "": (),
    "answer": (Key(ANSWER),),
    "picture": (Key(PICTURE),),
    "pair": (Key(HEADER), Key(PICTURE)),
    "study": (Key(_columns.study_date), Key(_columns.study)),
    "station": (Key(STATION),),
}
_ORDERS: dict[str, tuple[Key, ...]] = {
    "odd": (Key(_columns.rank),),
    "sure": (Key(SURE, descending=True), Key(_columns.id)),
    "new": (Key(_columns.study_date, descending=True), Key(_columns.id)),
    "old": (Key(_columns.study_date), Key(_columns.id)),
}


class Sheet(Filters):
    """Which instances, in which order, and which page of them."""

    show: Shown = "open"
    group: Literal["", "answer", "picture", "pair", "study", "station"] = ""
    order: Literal["odd", "sure", "new", "old"] = Field(
        "odd", description="odd: what needs a review, conflicts, then the least probable first"
    )
    after: str = Field("", max_length=1000, description="`next` of the page before")
    limit: int = Field(_PAGE, ge=1, le=_LONGEST_PAGE)


class SheetAnswer(TypedDict):
    """A page of the sheet; ``total`` is null on all pages but the first."""

    total: int | None
    next: str | None
    items: list[Tile]
    meaning: MeaningRecord | None


@router.get("/bodypart/sheet", summary="Many instances at once, for a sheet of thumbnails")
def sheet(query: Annotated[Sheet, Query()], service: TheService) -> SheetAnswer:
    """Answer one page of the sheet."""
    where, meaning = query.conditions(service)
    keys = (*_GROUPS[query.group], *_ORDERS[query.order])
    question = (
        sa.select(*TILE_COLUMNS, *(key.value for key in keys))
        .where(*where)
        .order_by(*(key.order() for key in keys))
        .limit(query.limit + 1)
    )
    if query.after:
        question = question.where(behind(keys, _place(query.after, keys)))
    found = [tuple(row) for row in service.index.database.rows(question)]
    rows, last = page_of(found, query.limit)
    return {
        "total": _total(service, where) if not query.after else None,
        "next": json.dumps(last[len(TILE_COLUMNS) :]) if last else None,
        "items": [tile(row) for row in rows],
        "meaning": meaning_record(meaning),
    }


def _place(text: str, keys: tuple[Key, ...]) -> list[Any]:
    try:
        values = shallow_json.parse(text)
    except ValueError:
        values = None
    if (
        not isinstance(values, list)
        or len(values) != len(keys)
        or not all(map(_is_value, keys, values))
    ):
        raise bad_request("after: is not the `next` of a page in this order")
    return values


def _is_value(key: Key, value: object) -> bool:
    """Tell whether a key could have a value."""
    if key.value is SURE:
        return isinstance(value, int | float) and abs(value) < _LARGEST_KEY
    return isinstance(value, str) and can_be_kept(value)


def _total(service: Service, where: list[sa.ColumnElement[bool]]) -> int:
    return int(
        service.index.database.value(
            sa.select(sa.func.count()).select_from(instances).where(*where)
        )
    )
