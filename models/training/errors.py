"""What can be wrong with what a training, or a measurement, is given."""

from __future__ import annotations


class TrainingError(ValueError):
    """The base of what the commands of this package refuse; the text says what to mend."""
