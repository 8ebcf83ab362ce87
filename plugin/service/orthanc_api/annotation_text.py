"""An annotation out of the text that Orthanc's metadata hold: whatever another script wrote there.

Anybody who may write metadata may write this name, by mistake or as a copy of another instance's.
Whoever reads an annotation need not ask whether it has the shape that it should; one that has not
is none, and is replaced.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from bodypart import shallow_json
from bodypart.annotation import Agreement, Status
from service.kept_text import can_be_kept, texts_in
from service.known_label import KnownLabel


class _Part(BaseModel):
    """What is read of a part of an annotation; there may be more."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Code(_Part):
    value: str
    scheme: str


class _Guess(_Part):
    label: KnownLabel
    probability: float


class _Examined(_Guess):
    code: _Code
    body_part_examined: str
    source: str | None


class _Laterality(_Part):
    value: str | None
    source: str | None


class _Marker(_Part):
    side: str
    both: bool


class _Image(_Part):
    top: list[_Guess]
    rejected: bool
    visible: list[_Guess] = []
    view: str | None = None
    marker: _Marker | None = None


class _Header(_Part):
    label: str | None
    labels: list[str] | None = None
    region: str | None = None
    view: str | None = None
    laterality: str | None = None
    laterality_of: list[str] | None = None


class _Before(_Part):
    examined: KnownLabel | None
    probability: float | None
    visible: list[str]
    laterality: str | None


class _Word(_Part):
    by: str
    at: str
    examined: KnownLabel | None
    visible: list[KnownLabel] | None = None
    laterality: str | None = None
    laterality_given: bool = False
    comment: str = ""
    pixels: str | None = None
    previous: _Before


class _Review(_Word):
    history: list[_Word] = []


class _Answer(_Part):
    """What stands in an annotation, and once more below ``machine`` under a person's word."""

    status: Status
    examined: _Examined | None
    visible: list[_Guess]
    laterality: _Laterality
    group: str | None
    needs_review: bool


class _Machine(_Answer):
    reason: str | None
    review_reason: str | None


class _Model(_Part):
    sha256: str


class _Tags(_Part):
    state: Literal["none", "pending", "written", "refused"]


class _Annotation(_Answer):
    instance: str | None
    image: _Image | None
    header: _Header | None
    agreement: Agreement
    review: _Review | None
    machine: _Machine | None = None
    model: _Model | None
    tags: _Tags | None = None
    pixels: str | None = None
    file: str | None = None
    revision: str | None = None
    annotated_at: str | None


def annotation_in(text: str | None, level: str, resource: str) -> dict[str, Any] | None:
    """Return the annotation, or roll-up, of a resource that stands in a text.

    None if there is none, if it is another's, or if what stands there was not written by us.
    """
    try:
        found = _with_state(shallow_json.parse(text or "null"))
        if found is None:
            return None
        read = _Annotation.model_validate(found)
    except ValueError:
        return None
    of = resource if level == "instances" else None
    return found if read.instance == of and _is_kept(text or "", found) else None


def _with_state(found: Any) -> Any:
    """Name the state of a file of which version 0.1 noted what was changed, or refused, alone."""
    tags = found.get("tags") if isinstance(found, dict) else None
    if not isinstance(tags, dict) or "state" in tags or "changed" not in tags:
        return found
    state = "refused" if tags.get("refused") else "written" if tags["changed"] else "none"
    return {**found, "tags": {"state": state, **tags}}


def _is_kept(text: str, found: object) -> bool:
    """Tell whether no text in the JSON is one that cannot be kept.

    Where something is escaped the parsed texts are looked at, not the JSON: a backslash that
    somebody typed is escaped itself. Most annotations have no escape, and are read often.
    """
    escaped = "\\u" in text
    return can_be_kept(text) and (not escaped or all(map(can_be_kept, texts_in(found))))
