"""Instances → series → study → patient: one deterministic answer above the instance level.

The examined part of a series or study is the label with the largest sum of probabilities over its
annotated instances; ties go to the first label in the label table. ``parts`` lists every examined
part with its number of instances, so that a study of chest and knee hides neither. Instances that
are pending, failed or skipped are counted, but otherwise ignored, save that a pending one makes its
parents pending.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bodypart.annotation import examined_part, visible_part
from bodypart.labels import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bodypart.laterality import Side
    from bodypart.record import (
        Agreement,
        AnnotationRecord,
        ChildRecord,
        ExaminedRecord,
        LateralityRecord,
        RollUpRecord,
        SiblingRecord,
        SideSource,
        Source,
        Status,
        SureRecord,
    )

AGREEMENTS: tuple[Agreement, ...] = ("conflict", "agree", "image-only", "header-only", "none")
_LEAST_TRUSTED_FIRST: tuple[SideSource, ...] = ("marker", "header", "person")
_BEST_FIRST: tuple[Status, ...] = ("pending", "done", "failed", "skipped")
_REASONS = {"failed": "no instance is done, and one failed", "skipped": "every instance is skipped"}


@dataclass(frozen=True, slots=True)
class Summary:
    """What the roll-up needs of one instance's annotation."""

    instance: str
    status: Status
    examined: str | None
    probability: float
    source: Source | None
    visible: Mapping[str, float]
    laterality: Side | None
    laterality_source: SideSource | None
    group: str | None
    agreement: Agreement
    needs_review: bool
    annotated_at: str | None

    @classmethod
    def of(cls, annotation: AnnotationRecord) -> Summary:
        """Condense an annotation."""
        examined = annotation["examined"]
        return cls(
            instance=annotation["instance"],
            status=annotation["status"],
            examined=examined["label"] if examined else None,
            probability=examined["probability"] if examined else 0.0,
            source=examined["source"] if examined else None,
            visible={item["label"]: item["probability"] for item in annotation["visible"]},
            laterality=annotation["laterality"]["value"],
            laterality_source=annotation["laterality"]["source"],
            group=annotation["group"],
            agreement=annotation["agreement"],
            needs_review=annotation["needs_review"],
            annotated_at=annotation["annotated_at"],
        )

    def to_json(self) -> ChildRecord:
        """Return the entry of an instance among the children of a roll-up."""
        return {
            "instance": self.instance,
            "status": self.status,
            "examined": self.examined,
            "laterality": self.laterality,
            "agreement": self.agreement,
            "needs_review": self.needs_review,
        }

    def as_sibling(self) -> SiblingRecord:
        """Return what the policy on tags needs of another instance of a series."""
        sure: SureRecord | None = None
        if self.examined and self.source:
            sure = {"label": self.examined, "source": self.source, "probability": self.probability}
        return {
            "instance": self.instance,
            "status": self.status,
            "needs_review": self.needs_review,
            "agreement": self.agreement,
            "examined": sure,
        }


def roll_up(level: str, resource: str, children: Iterable[Summary]) -> RollUpRecord:
    """Return the annotation of a series, study or patient.

    Parameters
    ----------
    level : str
        ``series``, ``studies`` or ``patients``.
    resource : str
        Its Orthanc id.
    children : iterable of Summary
        All of its instances that have an annotation; their order does not matter.
    """
    children = sorted(children, key=lambda child: child.instance)
    done = [child for child in children if child.status == "done"]
    weights: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for child in done:
        if child.examined is not None:
            weights[child.examined] += child.probability
            counts[child.examined] += 1
    label = min(weights, key=lambda name: (-weights[name], PLACE[name]), default=None)
    visible: dict[str, float] = {}
    for child in done:
        for name, probability in child.visible.items():
            visible[name] = max(probability, visible.get(name, 0.0))
    agreements = {child.agreement for child in done}
    status = _status(children)
    return {
        "level": level,
        "id": resource,
        "instance": None,
        "status": status,
        "reason": _REASONS.get(status),
        "examined": _examined(label, [c for c in done if c.examined == label]) if label else None,
        "visible": [
            visible_part(name, probability)
            for name, probability in sorted(
                visible.items(), key=lambda item: (-item[1], PLACE[item[0]])
            )
        ],
        "laterality": _laterality(child for child in done if child.examined == label),
        "group": _most_common(c.group for c in done if c.examined == label),
        "agreement": next((name for name in AGREEMENTS if name in agreements), "none"),
        "needs_review": any(child.needs_review for child in children),
        "image": None,
        "header": None,
        "review": None,
        "model": None,
        "parts": [
            {"label": name, "instances": counts[name]}
            for name in sorted(counts, key=lambda name: (-weights[name], PLACE[name]))
        ],
        "instances": dict(sorted(Counter(child.status for child in children).items())),
        "annotated_at": max(filter(None, (c.annotated_at for c in children)), default=None),
    }


def _status(children: list[Summary]) -> Status:
    """Return the best child's status; pending comes first, as the answer may still change."""
    states = {child.status for child in children}
    return next((status for status in _BEST_FIRST if status in states), "pending")


def _examined(label: str, supporters: list[Summary]) -> ExaminedRecord | None:
    told = [(child.probability, child.source) for child in supporters if child.source]
    return examined_part(label, *max(told)) if told else None


def _laterality(supporters: Iterable[Summary]) -> LateralityRecord:
    """Return the common side of the instances of a part; different sides together are both (B).

    If it has several sources, the least trusted is given.
    """
    told = [(child.laterality, child.laterality_source) for child in supporters if child.laterality]
    sides, sources = {side for side, _ in told}, {source for _, source in told}
    return {
        "value": sides.pop() if len(sides) == 1 else ("B" if sides else None),
        "source": next((source for source in _LEAST_TRUSTED_FIRST if source in sources), None),
    }


def _most_common(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value is not None)
    return min(counted, key=lambda value: (-counted[value], value), default=None)
