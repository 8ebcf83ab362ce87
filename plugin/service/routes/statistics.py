"""What the labels look like as a whole: counts, picture against header, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from fastapi import APIRouter

from bodypart.regions import compatible
from service.records.index import rows_as
from service.records.tables import instances
from service.routes.requests import TheService

if TYPE_CHECKING:
    from service.records.database import Database

router = APIRouter()
_BINS = 10
_count = sa.func.count().label("instances")
_columns = instances.c
_series = sa.func.count(sa.distinct(_columns.series)).label("series")
_corrected = _columns.machine_label.is_distinct_from(_columns.examined)


@router.get("/bodypart/statistics", summary="Counts, confusion, calibration")
def statistics(service: TheService) -> dict[str, Any]:
    """Return the numbers of the statistics view.

    ``states`` (instances by state), ``examined`` (series and instances by label: a CT has hundreds
    of slices of one part), ``modalities``, ``confusion`` (how often the header named one label and
    the picture showed another, and whether one exposure can be both), ``agreement`` (by month of
    the study), ``reviews`` (how many, how many corrected, how many were conflicts),
    ``calibration`` (by the machine's probability: how often a person left its label).
    """
    database = service.index.database
    month = sa.func.substr(_columns.study_date, 1, 6).label("month")
    return {
        "states": service.index.counts(),
        "examined": rows_as(
            ("label", "instances", "series"),
            database.rows(
                sa.select(_columns.examined, _count, _series)
                .where(_columns.examined.is_not(None))
                .group_by(_columns.examined)
                .order_by(_series.desc(), _columns.examined)
            ),
        ),
        "modalities": [
            row[0]
            for row in database.rows(
                sa.select(_columns.modality)
                .distinct()
                .where(_columns.modality != "")
                .order_by(_columns.modality)
            )
        ],
        "confusion": [
            {
                "header": header,
                "image": image,
                "instances": count,
                "compatible": compatible(header, image),
            }
            for header, image, count in map(
                tuple,
                database.rows(
                    sa.select(_columns.header_label, _columns.image_label, _count)
                    .where(_columns.header_label.is_not(None), _columns.image_label.is_not(None))
                    .group_by(_columns.header_label, _columns.image_label)
                    .order_by(_columns.header_label, _columns.image_label)
                ),
            )
        ],
        "agreement": rows_as(
            ("month", "agreement", "instances"),
            database.rows(
                sa.select(month, _columns.agreement, _count)
                .where(_columns.state == "done", sa.func.length(_columns.study_date) == 8)
                .group_by(month, _columns.agreement)
                .order_by(month, _columns.agreement)
            ),
        ),
        "reviews": _reviews(database),
        "calibration": _calibration(database),
    }


def _reviews(database: Database) -> dict[str, int]:
    reviewed = _columns.reviewed_at.is_not(None)
    (row,) = database.rows(
        sa.select(
            sa.func.count().filter(reviewed),
            sa.func.count().filter(reviewed, _corrected),
            sa.func.count().filter(_columns.needs_review.is_(True)),
            sa.func.count().filter(reviewed, _columns.agreement == "conflict"),
        ).select_from(instances)
    )
    return dict(zip(("reviewed", "corrected", "waiting", "conflicts"), row, strict=True))


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
