"""Retrieval: ``POST /bodypart/find`` as a question to the index."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeVar

import sqlalchemy as sa
from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from bodypart.labels import ROUTER_GROUPS
from bodypart.rollup import roll_up
from service.databases.tables import instances, mentions
from service.errors import ArchiveError
from service.records.index import ANNOTATED, COLUMNS
from service.routes.models import Body, FoundAnswer
from service.routes.requests import TheService, labels_of
from service.routes.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.record import AnnotationRecord, RollUpRecord
    from service.databases.database import Database
    from service.main import Service
    from service.orthanc_api.archive import Archive

_Record = TypeVar("_Record")

router = Router()
_LONGEST_LIMIT = 10_000
_DEFAULT_LIMIT = 100
_DIGITS = 8
_ID = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")
_SHARES = (64, 8)
"""Parts of the range of ids that are searched before all of it."""
_LEVELS = {
    "instance": "instances",
    "series": "series",
    "study": "studies",
    "studie": "studies",
    "patient": "patients",
}
_SOURCES = {
    "final": (("final",),),
    "image": (("image",),),
    "header": (("header",),),
    "any": (("final", "image", "header"),),
    "both": (("image",), ("header",)),
}


def _level(value: object) -> str:
    text = str(value).lower()
    level = _LEVELS.get(text.removesuffix("s")) or _LEVELS.get(text)
    if level is None:
        raise ValueError("must be Instance, Series, Study or Patient")
    return level


def _listed(value: object) -> object:
    return value if value is None or isinstance(value, list) else [value]


def _group(value: object) -> object:
    if value not in ROUTER_GROUPS:
        raise ValueError(f"must be one of {', '.join(ROUTER_GROUPS)}")
    return value


def _name(value: object) -> object:
    """Return a code as text, also one that came as a number."""
    return str(value) if type(value) is int else value


Name = Annotated[str, BeforeValidator(_name, json_schema_input_type=str | int)]


class Part(NamedTuple):
    """The instances whose ids lie between two bounds."""

    after: str
    end: str | None

    def holds(self, column: sa.Column[str]) -> list[sa.ColumnElement[bool]]:
        """Return the conditions that an id lies in it."""
        return [] if self.end is None else [column > self.after, column < self.end]


class Question(Body):
    """What is looked for; all conditions must hold."""

    Level: Annotated[
        str,
        BeforeValidator(_level),
        Field(
            json_schema_extra={"enum": ["Instance", "Series", "Study", "Patient"]},
            validate_default=True,
        ),
    ] = "Instance"
    Examined: Name | None = Field(None, description="a label, its SNOMED CT code, or a region")
    Visible: Annotated[
        list[Name] | None,
        BeforeValidator(_listed, json_schema_input_type=list[str | int] | str | int | None),
        Field(description="labels, codes or regions, all of them"),
    ] = None
    Group: Annotated[
        list[Annotated[str, BeforeValidator(_group)]] | None,
        BeforeValidator(_listed, json_schema_input_type=list[str] | str | None),
        Field(description="one, or several of which any will do"),
    ] = None
    Evidence: Literal["final", "image", "header", "any", "both"] | None = Field(
        None, description="with Examined: which source must say so"
    )
    NeedsReview: StrictBool | None = None
    Since: Annotated[StrictInt, Field(ge=0, lt=2**31, description="how many to skip")] | None = None
    After: str | None = Field(
        None, description="the last id of the page before: quicker than Since"
    )
    Limit: Annotated[StrictInt, Field(ge=1, le=_LONGEST_LIMIT)] | None = None


@router.post(
    "/bodypart/find",
    summary="Ids with annotations by body part",
)
def find(body: Question, service: TheService) -> list[FoundAnswer]:
    """Answer the ids, with annotations, that a question selects."""
    ids = _ids(body, service.index.database)
    if body.Level == "instances":
        # Their metadata are away while a file is being rewritten.
        found = [
            (instance, note or _alone(service, instance))
            for instance, note in _each(service.archive, ids, service.archive.annotations)
        ]
        return [{"id": instance, "annotation": note} for instance, note in found if note]
    rolled = _each(service.archive, ids, lambda some: service.archive.roll_ups(some, body.Level))
    made = [
        (resource, note or _roll_up(service, body.Level, resource)) for resource, note in rolled
    ]
    return [{"id": resource, "annotation": note} for resource, note in made if note]


def _each(
    archive: Archive, ids: list[str], ask: Callable[[list[str]], list[_Record | None]]
) -> list[tuple[str, _Record | None]]:
    """Ask Orthanc for all ids at once; it has none of them if it fails, perhaps at a single one."""
    try:
        return list(zip(ids, ask(ids), strict=True))
    except ArchiveError:
        archive.last_change()  # If Orthanc is away, this fails, too.
        return [(one, None) for one in ids]


def _alone(service: Service, instance: str) -> AnnotationRecord | None:
    """Return an annotation, None as well if Orthanc fails at this one, perhaps for ever."""
    try:
        return service.annotation(instance)
    except ArchiveError:
        service.archive.last_change()  # If Orthanc is away, this fails, too.
        return None


def _roll_up(service: Service, level: str, resource: str) -> RollUpRecord | None:
    """Return the roll-up that is about to be written, or is away with its only instance's file."""
    children = service.index.children(level, resource)
    return roll_up(level, resource, children) if children else None


def _ids(body: Question, database: Database) -> list[str]:
    column = COLUMNS[body.Level]
    limit = body.Limit or _DEFAULT_LIMIT
    ids: list[str] = []
    for part in _parts(body):
        question = sa.select(column).distinct().where(*conditions(body, part))
        question = question.order_by(column).limit(limit)
        if body.After:
            question = question.where(column > body.After)
        elif body.Since:
            question = question.offset(body.Since)
        ids = [row[0] for row in database.rows(question)]
        if len(ids) == limit:
            break
    return ids


def _parts(body: Question) -> list[Part]:
    """Return in which instances to look: in some first, then in more, at last in all.

    The database collects everything that a question selects before it cuts off the first page. If
    much matches, a part of the instances is enough; ids are SHA-1 sums, so any part of their range
    is a random sample.
    """
    everywhere = Part("", None)
    if body.Level != "instances" or body.Since:
        return [everywhere]
    after = body.After or ""
    start = int(after[:_DIGITS], 16) if _ID.match(after) else 0
    ends = (start + 16**_DIGITS // share for share in _SHARES)
    some = [Part(after, f"{end:0{_DIGITS}x}") for end in ends if end < 16**_DIGITS]
    return [*some, everywhere]


def conditions(body: Question, part: Part) -> list[sa.ColumnElement[bool]]:
    """Return a question as conditions on a row of the index, of a part of the instances.

    Raises
    ------
    HttpError
        400 that names the field.
    """
    found = [ANNOTATED, *part.holds(instances.c.id)]
    if body.Examined is not None:
        labels = labels_of("Examined", body.Examined)
        found += [
            _mentioned(labels, sources, part) for sources in _SOURCES[body.Evidence or "final"]
        ]
    found += [
        _mentioned(labels, ("visible",), part)
        for labels in dict.fromkeys(labels_of("Visible", name) for name in body.Visible or ())
    ]
    if body.Group is not None:
        found.append(instances.c.router_group.in_(body.Group))
    if body.NeedsReview is not None:
        found.append(instances.c.needs_review.is_(body.NeedsReview))
    return found


def _mentioned(
    labels: tuple[str, ...], sources: tuple[str, ...], part: Part
) -> sa.ColumnElement[bool]:
    return instances.c.id.in_(
        sa.select(mentions.c.instance).where(
            mentions.c.label.in_(labels),
            mentions.c.source.in_(sources),
            *part.holds(mentions.c.instance),
        )
    )
