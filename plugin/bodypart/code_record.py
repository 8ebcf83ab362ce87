"""A coded concept as JSON; by itself: the table of labels needs the standard library alone."""

from __future__ import annotations

from typing_extensions import TypedDict


class CodeRecord(TypedDict):
    """A coded concept (PS3.3 table 8.8-1)."""

    value: str
    scheme: str
    meaning: str
