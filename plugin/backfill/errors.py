"""What can go wrong on a helper; a text says what to do about it and holds no header's value."""

from __future__ import annotations


class BackfillError(Exception):
    """The base of what ends the back-fill on this side; the text is for the person who typed it."""


class UsageError(BackfillError):
    """What was typed, or a file that it names, cannot be used."""


class RefusedError(BackfillError):
    """Orthanc, or the service behind it, refuses; trying again would not help."""


class MismatchError(BackfillError):
    """A helper here would not answer as the service does: another version, another model."""


class AwayError(Exception):
    """Orthanc, or the service behind it, does not answer at the moment; it may a little later."""


class UnreadableError(Exception):
    """Orthanc has the instance, and cannot give its file."""


class GoneError(Exception):
    """Orthanc has no such instance any more."""
