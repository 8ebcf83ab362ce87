"""A label and its code as JSON; in a module of its own, as the table of labels imports no more."""

from __future__ import annotations

from typing_extensions import TypedDict


class CodeRecord(TypedDict):
    """A coded concept (PS3.3 table 8.8-1)."""

    value: str
    scheme: str
    meaning: str


class LabelRecord(TypedDict):
    """A label, and whether the model knows pictures of it."""

    label: str
    code: CodeRecord
    body_part_examined: str
    paired: bool
    group: str
    image_model: bool
