"""Retrieval: the question of ``POST /bodypart/find`` as a query on the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bodypart.labels import BY_LABEL, ROUTER_GROUPS, UnknownLabelError, body_part, parts_of
from orthanc_side.http import bad_request
from orthanc_side.index import FORGOTTEN, UNSEEN

LONGEST_LIMIT = 10_000
DEFAULT_LIMIT = 100
_LEVELS = {
    "instance": "instances",
    "series": "series",
    "study": "studies",
    "studie": "studies",
    "patient": "patients",
}
_WITNESSES = {
    "final": (("final",),),
    "image": (("image",),),
    "header": (("header",),),
    "any": (("final", "image", "header"),),
    "both": (("image",), ("header",)),
}
_SHOWN = 64
_WHOLE_LIMB = "lower_limb"


@dataclass(slots=True)
class Question:
    """A checked question.

    Attributes
    ----------
    level : str
        ``instances``, ``series``, ``studies`` or ``patients``.
    where : list of str
        SQL conditions on a row ``i`` of the index, to be joined by AND.
    parameters : list
        Their parameters, in order.
    since, limit : int
        How many ids to skip, and how many to give.
    """

    level: str = "instances"
    where: list[str] = field(
        default_factory=lambda: [f"i.state NOT IN ('{UNSEEN}', '{FORGOTTEN}')"]
    )
    parameters: list[object] = field(default_factory=list)
    since: int = 0
    limit: int = DEFAULT_LIMIT


def parse(body: dict[str, Any]) -> Question:
    """Check the body of ``POST /bodypart/find``.

    Raises
    ------
    HttpError
        400 that names the field which is unknown or wrong.
    """
    question = Question()
    for key in body:
        if key not in _FIELDS and key != "Evidence":
            raise bad_request(f"{key} is not a field of a search")
    evidence = body.get("Evidence")
    if evidence is None:
        evidence = "final"
    if not isinstance(evidence, str) or evidence not in _WITNESSES:
        raise bad_request(f"Evidence must be one of {', '.join(_WITNESSES)}")
    for key, apply in _FIELDS.items():
        if body.get(key) is not None:
            apply(question, body[key], evidence)
    return question


def labels_of(name: str, text: object) -> tuple[str, ...]:
    """Return the labels that a label, a SNOMED CT code or a region stands for.

    A label stands for itself (``hand`` finds hands, not fingers); a region that is no label
    (``upper_limb``, ``head``) stands for its parts, as does the whole limb.

    Raises
    ------
    HttpError
        400 that names the field.
    """
    wanted = str(text).strip().lower().replace(" ", "_").replace("-", "_")
    try:
        if wanted == _WHOLE_LIMB or (wanted not in BY_LABEL and not wanted.isdigit()):
            return parts_of(wanted)
        return (body_part(wanted).label,)
    except UnknownLabelError:
        given = str(text)[:_SHOWN]
        raise bad_request(f"{name}: {given!r} is no label, SNOMED CT code or region") from None


def _level(question: Question, value: object, _: str) -> None:
    level = _LEVELS.get(str(value).lower().removesuffix("s")) or _LEVELS.get(str(value).lower())
    if level is None:
        raise bad_request("Level must be Instance, Series, Study or Patient")
    question.level = level


def _examined(question: Question, value: object, evidence: str) -> None:
    labels = labels_of("Examined", value)
    for witnesses in _WITNESSES[evidence]:
        _mentioned(question, labels, witnesses)


def _visible(question: Question, value: object, _: str) -> None:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise bad_request("Visible must be a list of labels or codes")
    for labels in dict.fromkeys(labels_of("Visible", name) for name in names):
        _mentioned(question, labels, ("visible",))


def _mentioned(question: Question, labels: tuple[str, ...], witnesses: tuple[str, ...]) -> None:
    question.where.append(
        f"i.id IN (SELECT instance FROM mentions WHERE label IN ({_marks(labels)}) "
        f"AND witness IN ({_marks(witnesses)}))"
    )
    question.parameters += [*labels, *witnesses]


def _marks(values: tuple[str, ...]) -> str:
    return ",".join("?" * len(values))


def _group(question: Question, value: object, _: str) -> None:
    if not isinstance(value, str) or value not in ROUTER_GROUPS:
        raise bad_request(f"Group must be one of {', '.join(ROUTER_GROUPS)}")
    question.where.append("i.router_group = ?")
    question.parameters.append(value)


def _needs_review(question: Question, value: object, _: str) -> None:
    if not isinstance(value, bool):
        raise bad_request("NeedsReview must be true or false")
    question.where.append("i.needs_review" if value else "NOT i.needs_review")


def _since(question: Question, value: object, _: str) -> None:
    question.since = _whole("Since", value, 0, 2**31)


def _limit(question: Question, value: object, _: str) -> None:
    question.limit = _whole("Limit", value, 1, LONGEST_LIMIT)


def _whole(name: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise bad_request(f"{name} must be a whole number from {low} to {high}")
    return value


_FIELDS: dict[str, Callable[[Question, object, str], None]] = {
    "Level": _level,
    "Examined": _examined,
    "Visible": _visible,
    "Group": _group,
    "NeedsReview": _needs_review,
    "Since": _since,
    "Limit": _limit,
}
