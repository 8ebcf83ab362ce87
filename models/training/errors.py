"""What can be wrong with what a training, or a measurement, is given."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TrainingError(ValueError):
    """The base of what the commands of this package refuse; the text says what to mend."""


@contextmanager
def refusals_told() -> Iterator[None]:
    """End a command with one line where it refuses what it is given."""
    try:
        yield
    except TrainingError as error:
        raise SystemExit(f"error: {error}") from None
