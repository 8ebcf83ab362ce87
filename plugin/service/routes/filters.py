"""Which instances a work list or a sheet shows: the filters of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import ConfigDict, Field

from bodypart.record import Agreement, Source
from service.databases.tables import instances
from service.records.index import ANNOTATED, COLUMNS
from service.routes.models import Asked
from service.routes.requests import ORTHANC_ID, labels_of
from service.text_search import meaning_of

if TYPE_CHECKING:
    from service.main import Service
    from service.text_search import Meaning, MeaningRecord

_LONGEST_TEXT = 100
_SLICES = ("CT", "MR", "PT", "NM", "US", "IVUS", "OPT")
"""Modalities of which one series is hundreds of pictures of one part."""
_SHOW: dict[str, sa.ColumnElement[bool]] = {
    "review": instances.c.needs_review.is_(True),
    "reviewed": instances.c.reviewed_at.is_not(None),
    "corrected": sa.and_(
        instances.c.reviewed_at.is_not(None),
        instances.c.machine_label.is_distinct_from(instances.c.examined),
    ),
    "failed": instances.c.state == "failed",
    "open": sa.and_(
        # As an expression, so that its index is not used: most are done, and would have to be
        # sorted.
        instances.c.state.concat("") == "done",
        instances.c.reviewed_at.is_(None),
        instances.c.modality.not_in(_SLICES),
    ),
    "all": ANNOTATED,
}
_Ids = Annotated[
    str,
    Field(pattern=rf"^({ORTHANC_ID}(,{ORTHANC_ID}){{0,499}})?$", description="ids, by commas"),
]
_Day = Annotated[str, Field(pattern=r"^(\d{8})?$", description="YYYYMMDD")]


Shown = Literal["review", "open", "reviewed", "corrected", "failed", "all"]


class Filters(Asked):
    """Which instances; an empty value is as good as none."""

    model_config = ConfigDict(populate_by_name=True)

    show: Shown = "review"
    q: str = Field(
        "",
        max_length=_LONGEST_TEXT,
        description="a part in any language, or a patient's name or id, or an accession number",
    )
    label: str = Field("", description="examined part: a label, a code or a region")
    agreement: Literal["", Agreement] = ""
    source: Literal["", Source] = ""
    picture: str = Field("", description="what the picture shows, whatever the answer is")
    header: str = Field("", description="what the header names, whatever the answer is")
    modality: str = Field("", description="for example DX")
    side: Literal["", "L", "R", "B", "none"] = Field("", description="none: no side is known")
    least: float = Field(0, ge=0, le=1, description="smallest probability of the answer")
    most: float = Field(1, ge=0, le=1, description="largest probability of the answer")
    first_day: _Day = Field("", alias="from")
    last_day: _Day = Field("", alias="to")
    instances: _Ids = ""
    series: _Ids = ""
    studies: _Ids = ""
    patients: _Ids = ""

    def conditions(self, service: Service) -> tuple[list[sa.ColumnElement[bool]], Meaning | None]:
        """Return them as conditions on a row of the index, and what the text was taken for.

        Raises
        ------
        HttpError
            400 that names the parameter.
        """
        found = [_SHOW[self.show]]
        if self.least > 0 or self.most < 1:
            found.append(instances.c.probability.between(self.least, self.most))
        found += [
            apply(getattr(self, name)) for name, apply in _CONDITIONS.items() if getattr(self, name)
        ]
        if not self.q.strip():
            return found, None
        meaning = meaning_of(self.q, service.archive.client, service.vocabulary)
        columns = instances.c
        found.append(
            sa.or_(columns.examined.in_(meaning.labels), columns.study.in_(meaning.studies))
        )
        return found, meaning


def meaning_record(meaning: Meaning | None) -> MeaningRecord | None:
    """Return what a text was taken for, None where there was none."""
    return meaning.to_json() if meaning else None


def _label(name: str, column: sa.Column[Any]) -> Callable[[str], sa.ColumnElement[bool]]:
    return lambda text: column.in_(labels_of(name, text))


def _equals(column: sa.Column[Any]) -> Callable[[str], sa.ColumnElement[bool]]:
    return lambda text: column == text


def _one_of(column: sa.Column[Any]) -> Callable[[str], sa.ColumnElement[bool]]:
    return lambda text: column.in_(text.split(","))


_CONDITIONS: dict[str, Callable[[str], sa.ColumnElement[bool]]] = {
    "label": _label("label", instances.c.examined),
    "picture": _label("picture", instances.c.image_label),
    "header": _label("header", instances.c.header_label),
    "agreement": _equals(instances.c.agreement),
    "source": _equals(instances.c.source),
    "modality": _equals(instances.c.modality),
    "side": lambda side: (
        instances.c.laterality.is_(None) if side == "none" else instances.c.laterality == side
    ),
    "first_day": lambda day: instances.c.study_date >= day,
    "last_day": lambda day: instances.c.study_date <= day,
    **{level: _one_of(column) for level, column in COLUMNS.items()},
}
