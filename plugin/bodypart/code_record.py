"""A coded concept as JSON; in a module of its own, as the table of labels imports no more."""

from __future__ import annotations

from typing_extensions import TypedDict


class CodeRecord(TypedDict):
    """A coded concept (PS3.3 table 8.8-1)."""

    value: str
    scheme: str
    meaning: str
