"""Which rules take an annotation, and which condition of the others failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bodypart.annotation import examined_label, header_labels, image_label
from service.deliveries.rules import Condition, Given, Rule

if TYPE_CHECKING:
    from bodypart.record import DescriptionRecord


Found = str | float | bool | list[str] | dict[str, list[str]] | None
"""What an annotation has where a condition looks: of several sources by their names."""


@dataclass(frozen=True, slots=True)
class Case:
    """An annotation as the rules look at it.

    Attributes
    ----------
    annotation : dict
        As in the contract.
    modality : str
        Modality of the series.
    """

    annotation: DescriptionRecord
    modality: str

    @property
    def examined(self) -> str | None:
        """The answer's label."""
        return examined_label(self.annotation)

    @property
    def probability(self) -> float:
        """The answer's probability; 0 where there is no answer."""
        examined = self.annotation["examined"]
        return examined["probability"] if examined else 0.0

    @property
    def visible(self) -> list[str]:
        """What the picture shows."""
        return [item["label"] for item in self.annotation["visible"]]

    @property
    def image_label(self) -> str | None:
        """What the picture alone says."""
        return image_label(self.annotation)

    @property
    def header_labels(self) -> list[str]:
        """What the header alone says."""
        return header_labels(self.annotation)

    @property
    def view(self) -> str | None:
        """The projection: the picture's, or the header's where the picture does not tell."""
        image, header = self.annotation["image"], self.annotation["header"]
        seen = image.get("view") if image and not image["rejected"] else None
        return seen or (header.get("view") if header else None)

    @property
    def answer(self) -> str:
        """What the picture was routed for: the examined part and its side."""
        return f"{self.examined or '-'} {self.annotation['laterality']['value'] or '-'}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition that does not hold: what was wanted, and what was found instead."""

    condition: str
    wanted: Given
    found: Found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of a case."""

    rule: Rule
    takes: bool
    failures: tuple[Failure, ...] = ()


def verdicts(rules: Iterable[Rule], case: Case) -> list[Verdict]:
    """Return what each rule says, in the order of the rules."""
    rules = tuple(rules)
    failures = {
        rule.name: _failures(rule.conditions, case) for rule in rules if rule.conditions is not None
    }
    takers = [name for name, failed in failures.items() if not failed]
    found = []
    for rule in rules:
        if rule.conditions is None:
            failed: tuple[Failure, ...] = ()
            if takers:
                failed = (Failure("Otherwise", "no other rule takes it", takers),)
        else:
            failed = failures[rule.name]
        found.append(Verdict(rule, not failed, failed))
    return found


def taking(rules: Iterable[Rule], case: Case) -> list[Rule]:
    """Return the rules that take a case."""
    return [verdict.rule for verdict in verdicts(rules, case) if verdict.takes]


def _failures(conditions: tuple[Condition, ...], case: Case) -> tuple[Failure, ...]:
    evidence = next((c.accepted for c in conditions if c.key == "Evidence"), "final")
    failed = []
    for condition in conditions:
        found, holds = _LOOK[condition.key](case, condition.accepted, evidence)
        if not holds:
            failed.append(Failure(condition.key, condition.given, found))
    return tuple(failed)


Look = Callable[[Case, Any, str], tuple[Found, bool]]
"""Takes case, what is accepted and the evidence; gives what was found and whether it holds."""


def _examined(case: Case, accepted: frozenset[str], evidence: str) -> tuple[Found, bool]:
    said = {
        "final": [case.examined] if case.examined else [],
        "image": [case.image_label] if case.image_label else [],
        "header": case.header_labels,
    }
    holds = {source: not accepted.isdisjoint(labels) for source, labels in said.items()}
    if evidence == "any":
        return said, any(holds.values())
    if evidence == "both":
        return {source: said[source] for source in ("image", "header")}, (
            holds["image"] and holds["header"]
        )
    return (case.examined if evidence == "final" else said[evidence]), holds[evidence]


def _visible(case: Case, accepted: tuple[frozenset[str], ...], _: str) -> tuple[Found, bool]:
    return case.visible, all(not labels.isdisjoint(case.visible) for labels in accepted)


def _among(read: Callable[[Case], str | bool | None]) -> Look:
    def look(case: Case, accepted: frozenset[str], _: str) -> tuple[Found, bool]:
        found = read(case)
        return found, found in accepted

    return look


def _same(read: Callable[[Case], str | bool | None]) -> Look:
    def look(case: Case, accepted: Any, _: str) -> tuple[Found, bool]:
        found = read(case)
        return found, found == accepted

    return look


def _at_least(case: Case, accepted: float, _: str) -> tuple[Found, bool]:
    return case.probability, case.probability >= accepted


_LOOK: dict[str, Look] = {
    "Examined": _examined,
    "Evidence": lambda _, accepted, __: (accepted, True),  # Looked at with Examined.
    "Visible": _visible,
    "Group": _among(lambda case: case.annotation["group"]),
    "View": _among(lambda case: case.view),
    "Modality": _among(lambda case: case.modality),
    "Laterality": _among(lambda case: case.annotation["laterality"]["value"]),
    "Child": _same(lambda case: case.annotation.get("child")),
    "MinProbability": _at_least,
    "NeedsReview": _same(lambda case: case.annotation["needs_review"]),
}
