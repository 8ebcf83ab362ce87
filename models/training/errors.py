"""Errors in what a training or a measurement is given."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TrainingError(ValueError):
    """Base of the errors for refused input; the text says what to mend."""


@contextmanager
def refusals_told() -> Iterator[None]:
    """End a command with one line instead of a traceback if it refuses its input."""
    try:
        yield
    except TrainingError as error:
        raise SystemExit(f"error: {error}") from None
