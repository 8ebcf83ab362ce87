"""An instance as the lists of the pages show it: a row of the index by the names of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

# Not from `typing`: pydantic accepts those only from Python 3.12 on.
from typing_extensions import TypedDict

from bodypart.laterality import Side
from bodypart.record import Agreement, Label, Source, Status, TagsState
from service.databases.tables import instances
from service.orthanc_api.studies import StudyDescription

if TYPE_CHECKING:
    import sqlalchemy as sa


class _Line(TypedDict):
    """What a list shows of the index."""

    instance: str
    series: str
    study: str
    state: Status
    examined: Label | None
    probability: float | None
    source: Source | None
    agreement: Agreement
    laterality: Side | None
    side_in_doubt: bool
    needs_review: bool
    modality: str
    study_date: str
    image_label: Label | None
    header_label: Label | None
    reviewed_at: str | None
    reviewed_by: str | None
    tags_state: TagsState


class IndexLine(_Line):
    """What the work list shows of the index."""

    patient: str


class WorkLine(IndexLine, StudyDescription):
    """A line of the work list, with what the index does not hold."""


class AlikeLine(WorkLine):
    """A line of the work list, with the cosine to the picture asked about."""

    likeness: float


class Tile(_Line):
    """A picture of the sheet."""

    revision: str | None
    station: str | None


# The fields are the columns: a row then needs to be named only.
_OF_INDEX, _OF_TILE = tuple(IndexLine.__annotations__), tuple(Tile.__annotations__)


def _columns(fields: Iterable[str]) -> tuple[sa.Column[Any], ...]:
    return tuple(instances.c["id" if name == "instance" else name] for name in fields)


INDEX_COLUMNS, TILE_COLUMNS = _columns(_OF_INDEX), _columns(_OF_TILE)


def index_line(row: Sequence[Any]) -> IndexLine:
    """Return a row that begins with `INDEX_COLUMNS`."""
    return cast("IndexLine", _named(_OF_INDEX, row))


def tile(row: Sequence[Any]) -> Tile:
    """Return a row that begins with `TILE_COLUMNS`."""
    return cast("Tile", _named(_OF_TILE, row))


def _named(fields: tuple[str, ...], row: Sequence[Any]) -> dict[str, Any]:
    # Not field by field: there may be hundreds of lines, and SQLAlchemy knows no types anyway.
    line = dict(zip(fields, row, strict=False))
    # Of what an earlier version indexed it may not be known yet.
    line["side_in_doubt"] = bool(line["side_in_doubt"])
    return line
