"""What a decoder tells of itself before it gets a file; `answers` looks at it."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from bodypart.record import ModelRecord


class LockdownRecord(TypedDict):
    """How a process is locked down: layers with their extent, and why others are missing."""

    held: dict[str, bool | int | dict[str, int]]
    missing: dict[str, str]
    cuda: bool


class Greeting(TypedDict):
    """The model of a decoder, where it runs, and how the decoder is locked down."""

    model: ModelRecord
    labels: list[str]
    provider: str
    warning: str | None
    pid: int
    lockdown: NotRequired[LockdownRecord]
    shelf: NotRequired[bool]
