"""What the labels look like as a whole: counts, picture against header, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from fastapi import APIRouter

from bodypart.regions import compatible
from bodypart.rollup import AGREEMENTS
from service.records.tables import HEADER, PICTURE, instances
from service.routes.requests import TheService

if TYPE_CHECKING:
    from service.records.database import Database

router = APIRouter()
_BINS = 10
_count = sa.func.count()
_columns = instances.c
_corrected = _columns.machine_label.is_distinct_from(_columns.examined)


@router.get("/bodypart/statistics", summary="Counts, confusion, calibration")
def statistics(service: TheService) -> dict[str, Any]:
    """Return the numbers of the statistics view.

    ``states`` (instances by state), ``examined`` (series and instances by label: a CT has hundreds
    of slices of one part), ``modalities``, ``confusion`` (how often the header named one label and
    the picture showed another, and whether one exposure can be both), ``agreement`` (by month of
    the study), ``reviews`` (how many, how many corrected, how many were conflicts),
    ``calibration`` (by the machine's probability: how often a person left its label).

    Each question is put so that an index holds all that it needs.
    """
    database = service.index.database
    return {
        "states": service.index.counts(),
        "examined": _examined(database),
        "modalities": modalities(service),
        "confusion": _confusion(database),
        "agreement": _agreement(database),
        "reviews": _reviews(database),
        "calibration": _calibration(database),
    }


@router.get("/bodypart/modalities", summary="The modalities of what is stored")
def modalities(service: TheService) -> list[str]:
    """Return what the lists can be narrowed to."""
    found = service.index.database.rows(
        sa.select(_columns.modality)
        .distinct()
        .where(_columns.modality != "")
        .order_by(_columns.modality)
    )
    return [row.modality for row in found]


def _examined(database: Database) -> list[dict[str, Any]]:
    """Return series and instances by label, first what most series show."""
    # In the order of an index, series by series: counting distinct ones would read every row.
    one = (
        sa.select(_columns.examined, _count.label("instances"))
        .where(_columns.examined.is_not(None))
        .group_by(_columns.series, _columns.examined)
        .subquery()
    )
    series = sa.func.count()
    rows = database.rows(
        sa.select(one.c.examined, sa.func.sum(one.c.instances), series)
        .group_by(one.c.examined)
        .order_by(series.desc(), one.c.examined)
    )
    return [
        {"label": label, "instances": int(number), "series": count}
        for label, number, count in map(tuple, rows)
    ]


def _confusion(database: Database) -> list[dict[str, Any]]:
    rows = database.rows(
        sa.select(HEADER, PICTURE, _count)
        .where(_columns.header_label.is_not(None), _columns.image_label.is_not(None))
        .group_by(HEADER, PICTURE)
        .order_by(HEADER, PICTURE)
    )
    return [
        {
            "header": header,
            "image": image,
            "instances": count,
            "compatible": compatible(header, image),
        }
        for header, image, count in map(tuple, rows)
    ]


def _agreement(database: Database) -> list[dict[str, Any]]:
    """Return how many pictures of each month agree, conflict, and so on."""
    done = _columns.state == "done"
    # Days in the order of an index first, months of those: no row is sorted.
    day = (
        sa.select(
            _columns.study_date,
            *(_count.filter(done, _columns.agreement == kind).label(kind) for kind in AGREEMENTS),
        )
        .group_by(_columns.study_date)
        .subquery()
    )
    month = sa.func.substr(day.c.study_date, 1, 6)
    rows = database.rows(
        sa.select(month, *(sa.func.sum(day.c[kind]) for kind in AGREEMENTS))
        .where(sa.func.length(day.c.study_date) == 8)
        .group_by(month)
        .order_by(month)
    )
    return [
        {"month": first, "agreement": kind, "instances": int(number)}
        for first, *numbers in map(tuple, rows)
        for kind, number in sorted(zip(AGREEMENTS, numbers, strict=True))
        if number
    ]


def _reviews(database: Database) -> dict[str, int]:
    rows = database.rows(
        sa.select(
            _count,
            _count.filter(_corrected),
            _count.filter(_columns.agreement == "conflict"),
        ).where(_columns.reviewed_at.is_not(None))
    )
    ((reviewed, corrected, conflicts),) = map(tuple, rows)
    waiting = database.value(
        sa.select(_count).select_from(instances).where(_columns.needs_review.is_(True))
    )
    return {
        "reviewed": reviewed,
        "corrected": corrected,
        "waiting": waiting,
        "conflicts": conflicts,
    }


def _calibration(database: Database) -> list[dict[str, Any]]:
    probability = _columns.machine_probability
    tenth = sa.case((probability >= 1, _BINS - 1), else_=sa.func.floor(probability * _BINS)).label(
        "tenth"
    )
    rows = database.rows(
        sa.select(
            tenth,
            sa.func.count(),
            sa.func.avg(probability),
            sa.func.avg(sa.case((_corrected, 0.0), else_=1.0)),
        )
        .where(
            _columns.reviewed_at.is_not(None),
            _columns.machine_label.is_not(None),
            probability.is_not(None),
        )
        .group_by(tenth)
        .order_by(tenth)
    )
    return [
        {
            "from": int(number) / _BINS,
            "to": (int(number) + 1) / _BINS,
            "reviewed": count,
            "probability": round(float(mean), 3),
            "right": round(float(right), 3),
        }
        for number, count, mean, right in map(tuple, rows)
    ]
