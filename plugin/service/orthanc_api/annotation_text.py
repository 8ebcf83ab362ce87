"""Reads annotations from Orthanc's metadata, whatever another script wrote there.

Anybody who may write metadata may write this one too, by mistake or as a copy of another
instance's. The rest of the service can rely on an annotation's shape: a text of another shape does
not count as an annotation, and is replaced. Unknown fields are allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ConfigDict, TypeAdapter

from bodypart import shallow_json
from bodypart.annotation import followed
from bodypart.record import AnnotationRecord, RollUpRecord
from service.kept_text import can_be_kept, texts_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_Record = TypeVar("_Record", bound="Mapping[str, object]")
# The records below inherit it; pydantic allows none to have another.
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_ANNOTATION: TypeAdapter[AnnotationRecord | None] = TypeAdapter(
    AnnotationRecord | None, config=_STRICT
)
_ROLL_UP: TypeAdapter[RollUpRecord | None] = TypeAdapter(RollUpRecord | None, config=_STRICT)


def annotation_in(text: str | None, instance: str) -> AnnotationRecord | None:
    """Return the annotation of an instance in a text.

    None if there is none, if it is another instance's, or if it was not written by us.
    """
    found = _read(text, _ANNOTATION)
    return found if found and found["instance"] == instance else None


def roll_up_in(text: str | None, resource: str) -> RollUpRecord | None:
    """Return the roll-up of a series, study or patient in a text, as `annotation_in` does."""
    found = _read(text, _ROLL_UP)
    return found if found and found["id"] == resource else None


def _read(text: str | None, shape: TypeAdapter[_Record | None]) -> _Record | None:
    """Return the value of a text unchanged, None if it has another shape."""
    if not text:
        return None
    try:
        found = _with_state(shallow_json.parse(text))
        shape.validate_python(found)
    except ValueError:
        return None
    record: _Record | None = found
    return record if _is_kept(text, record) else None


def _with_state(found: Any) -> Any:
    """Add the state of a file's tags, which version 0.1 did not write into annotations."""
    tags = found.get("tags") if isinstance(found, dict) else None
    if not isinstance(tags, dict) or "state" in tags or "changed" not in tags:
        return found
    state = followed(tags["changed"], tags.get("refused"))
    return {**found, "tags": {"state": state, **tags}}


def _is_kept(text: str, found: object) -> bool:
    """Return whether databases can store every text in the JSON.

    Only if the JSON may have escapes, the parsed texts are checked too: most annotations have none,
    and they are read often.
    """
    escaped = "\\u" in text
    return can_be_kept(text) and (not escaped or all(map(can_be_kept, texts_in(found))))
