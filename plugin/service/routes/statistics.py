"""What the labels look like as a whole: counts, picture against header, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orthanc_side.index import Index

_BINS = 10


def statistics(index: Index) -> dict[str, Any]:
    """Return the numbers of the statistics view.

    Returns
    -------
    dict
        ``states`` (instances by state), ``examined`` (instances by label), ``modalities``,
        ``confusion`` (how often the header named one label and the picture showed another),
        ``agreement`` (by month of the study), ``reviews`` (how many, and how many corrected),
        ``calibration`` (by the machine's probability: how often a person left its label).
    """
    return {
        "states": dict(index.ask("SELECT state, count(*) FROM instances GROUP BY state")),
        "examined": _named(
            ("label", "instances"),
            index.ask(
                "SELECT examined, count(*) AS n FROM instances WHERE examined IS NOT NULL "
                "GROUP BY examined ORDER BY n DESC, examined"
            ),
        ),
        "modalities": [
            row[0]
            for row in index.ask(
                "SELECT DISTINCT modality FROM instances WHERE modality <> '' ORDER BY modality"
            )
        ],
        "confusion": _named(
            ("header", "image", "instances"),
            index.ask(
                "SELECT header_label, image_label, count(*) FROM instances "
                "WHERE header_label IS NOT NULL AND image_label IS NOT NULL "
                "GROUP BY header_label, image_label ORDER BY header_label, image_label"
            ),
        ),
        "agreement": _named(
            ("month", "agreement", "instances"),
            index.ask(
                "SELECT substr(study_date, 1, 6) AS month, agreement, count(*) FROM instances "
                "WHERE state = 'done' AND length(study_date) = 8 "
                "GROUP BY month, agreement ORDER BY month, agreement"
            ),
        ),
        "reviews": _reviews(index),
        "calibration": _calibration(index),
    }


def _reviews(index: Index) -> dict[str, int]:
    reviewed, corrected, waiting = index.ask(
        "SELECT count(reviewed_at), "
        "coalesce(sum(reviewed_at IS NOT NULL AND machine_label IS NOT examined), 0), "
        "coalesce(sum(needs_review), 0) FROM instances"
    )[0]
    return {"reviewed": reviewed, "corrected": corrected, "waiting": waiting}


def _calibration(index: Index) -> list[dict[str, Any]]:
    rows = index.ask(
        "SELECT min(CAST(machine_probability * ? AS INTEGER), ?) AS bin, count(*), "
        "avg(machine_probability), avg(machine_label IS examined) FROM instances "
        "WHERE reviewed_at IS NOT NULL AND machine_label IS NOT NULL "
        "AND machine_probability IS NOT NULL GROUP BY bin ORDER BY bin",
        (_BINS, _BINS - 1),
    )
    return [
        {
            "from": bin_ / _BINS,
            "to": (bin_ + 1) / _BINS,
            "reviewed": count,
            "probability": round(probability, 3),
            "right": round(right, 3),
        }
        for bin_, count, probability, right in rows
    ]


def _named(names: tuple[str, ...], rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]
