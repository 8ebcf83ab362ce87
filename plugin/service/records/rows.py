"""An annotation as rows of the index, with the columns by which one searches, counts and sorts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bodypart.annotation import header_labels, image_label, tags_state
from bodypart.fusion.sides import open_side
from bodypart.reviews import machine_label
from bodypart.rollup import Summary
from service.databases.tables import instances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bodypart.record import AnnotationRecord
    from service.orthanc_api.resources import Parents

_DAY = re.compile(r"[0-9]{8}")
"""A date (DA) as defined in PS3.5, section 6.2."""
_NOTHING_SAID: dict[str, Any] = {
    **dict.fromkeys(instances.c.keys()),
    "needs_review": False,
    "tags_state": "none",
    "rank": "",
}


def bare_row_of(instance: str, parents: Parents, state: str) -> dict[str, Any]:
    """Return an instance without annotation as a row of the table of instances."""
    return {
        **_NOTHING_SAID,
        "id": instance,
        "series": parents.series,
        "study": parents.study,
        "patient": parents.patient,
        "state": state,
        "modality": parents.modality,
        "study_date": parents.study_date,
        "station": parents.station,
    }


def row_of(annotation: AnnotationRecord, parents: Parents) -> dict[str, Any]:
    """Return an annotation as a row of the table of instances."""
    summary = Summary.of(annotation)
    header, model, review = annotation["header"], annotation["model"], annotation["review"]
    label, probability = machine_label(annotation)
    return {
        **bare_row_of(annotation["instance"], parents, summary.status),
        "examined": summary.examined,
        "probability": summary.probability,
        "source": summary.source,
        "visible": json.dumps(summary.visible),
        "laterality": summary.laterality,
        "laterality_source": summary.laterality_source,
        "side_in_doubt": open_side(annotation) is not None,
        "router_group": summary.group,
        "agreement": summary.agreement,
        "needs_review": summary.needs_review,
        "annotated_at": summary.annotated_at,
        "image_label": image_label(annotation),
        "header_label": header["label"] if header else None,
        "machine_label": label,
        "machine_probability": probability,
        "reviewed_at": review["at"] if review else None,
        "reviewed_by": review["by"] if review else None,
        "tags_state": tags_state(annotation),
        "model": model["sha256"] if model else None,
        "revision": annotation.get("revision"),
        "rank": rank(summary, parents.study_date),
    }


def rank(summary: Summary, study_date: str) -> str:
    """Return a text by which the work list is sorted.

    First what needs a review, then conflicts, then the least probable, then the newest study.
    """
    # A file may contain any text; int() would also accept characters other than these digits.
    day = int(study_date) if _DAY.fullmatch(study_date) else 0
    newest_first = f"{99_999_999 - day:08d}"
    return (
        f"{int(not summary.needs_review)}{int(summary.agreement != 'conflict')}"
        f"{summary.probability or 0.0:.4f}{newest_first}{summary.instance}"
    )


def mentions_of(annotation: AnnotationRecord) -> Iterator[tuple[str, str]]:
    """Yield (label, source) pairs: who names which part."""
    if annotation["examined"]:
        yield annotation["examined"]["label"], "final"
    if seen := image_label(annotation):
        yield seen, "image"
    for label in header_labels(annotation):
        yield label, "header"
    for item in annotation["visible"]:
        yield item["label"], "visible"
