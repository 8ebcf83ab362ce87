"""The statistics: counts by label, picture against header, corrections.

Each query is written so that an index has everything it needs.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import sqlalchemy as sa
from typing_extensions import TypedDict

from bodypart.record import Agreement, Label
from bodypart.regions import compatible
from bodypart.rollup import AGREEMENTS
from service.databases.tables import HEADER, PICTURE, instances

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.databases.database import Database
    from service.records.index import Index

_BINS = 10
_count = sa.func.count()
_columns = instances.c
_corrected = _columns.machine_label.is_distinct_from(_columns.examined)

_QUICK = 0.5
"""Seconds; a result that took less is not cached."""
_KEPT = 10
"""A result is cached for this many times as long as the counting took."""
_LONGEST_KEPT = 300.0
"""Seconds; at most so long, or a disk that was busy once would freeze the numbers for an hour."""


class ExaminedCount(TypedDict):
    """How many instances and series of a part there are: a CT has hundreds of slices of it."""

    label: Label
    instances: int
    series: int


class PairCount(TypedDict):
    """How often a header named one part where the picture showed another, or the same.

    They are compatible if one exposure can be both.
    """

    header: Label
    image: Label
    instances: int
    compatible: bool


class AgreementCount(TypedDict):
    """How many pictures of a month, such as ``202611``, agree, conflict, and so on."""

    month: str
    agreement: Agreement
    instances: int


class ReviewCounts(TypedDict):
    """How many people reviewed; how many of these they corrected, or were conflicts; what waits."""

    reviewed: int
    corrected: int
    waiting: int
    conflicts: int


# Not as a class: ``from`` is a word of Python.
CalibrationBin = TypedDict(
    "CalibrationBin",
    {"from": float, "to": float, "reviewed": int, "probability": float, "right": float},
)
"""Of answers whose probability lies between two: its mean, and the share that people left."""


class StatisticsRecord(TypedDict):
    """The numbers of the statistics view; ``states`` counts instances."""

    states: dict[str, int]
    examined: list[ExaminedCount]
    modalities: list[str]
    confusion: list[PairCount]
    agreement: list[AgreementCount]
    reviews: ReviewCounts
    calibration: list[CalibrationBin]


class Statistics:
    """The numbers of the statistics view.

    A large archive takes seconds to count. The result is cached for a while, five minutes at most,
    and a request that comes during the counting waits for it: however often people ask, counting
    takes at most a tenth of a processor.

    Parameters
    ----------
    index : Index
        What is counted.
    clock : callable
        Returns seconds of a monotonic clock.
    """

    def __init__(self, index: Index, clock: Callable[[], float] = time.monotonic) -> None:
        self._index, self._database = index, index.database
        self._clock = clock
        self._counting = threading.Lock()
        self._last: StatisticsRecord | None = None
        self._kept_until = clock()

    def everything(self) -> StatisticsRecord:
        """Return all numbers."""
        with self._counting:
            began = self._clock()
            if self._last is None or began >= self._kept_until:
                self._last = self._counted()
                ended = self._clock()
                took = ended - began
                kept = min(_LONGEST_KEPT, _KEPT * took) if took > _QUICK else 0
                self._kept_until = ended + kept
            return self._last

    def modalities(self) -> list[str]:
        """Return the modalities of the stored instances."""
        found = self._database.rows(
            sa.select(_columns.modality)
            .distinct()
            .where(_columns.modality != "")
            .order_by(_columns.modality)
        )
        return [row.modality for row in found]

    def _counted(self) -> StatisticsRecord:
        return {
            "states": self._index.counts(),
            "examined": _examined(self._database),
            "modalities": self.modalities(),
            "confusion": _confusion(self._database),
            "agreement": _agreement(self._database),
            "reviews": _reviews(self._database),
            "calibration": _calibration(self._database),
        }


def _examined(database: Database) -> list[ExaminedCount]:
    """Return series and instances by label, the most frequent first."""
    # Grouped by series, in the order of an index: counting distinct series would read every row.
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


def _confusion(database: Database) -> list[PairCount]:
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


def _agreement(database: Database) -> list[AgreementCount]:
    """Return how many pictures of each month agree, conflict, and so on."""
    done = _columns.state == "done"
    # First by day, in the order of an index, then months of the days: no row has to be sorted.
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


def _reviews(database: Database) -> ReviewCounts:
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


def _calibration(database: Database) -> list[CalibrationBin]:
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
