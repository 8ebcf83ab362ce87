"""The errors of a helper; their texts say what to do, and have no header values."""

from __future__ import annotations


class BackfillError(Exception):
    """Base of the errors that end the back-fill here; the text is for the person who started it."""


class UsageError(BackfillError):
    """The command line, or a file that it names, cannot be used."""


class RefusedError(BackfillError):
    """Orthanc, or the service behind it, refuses; trying again would not help."""


class MismatchError(BackfillError):
    """A helper here would not answer like the service: its version or model differs."""


class AwayError(Exception):
    """Orthanc, or the service behind it, does not answer at the moment, but may do so later."""


class UnreadableError(Exception):
    """Orthanc has the instance, but cannot return its file."""


class GoneError(Exception):
    """Orthanc has no such instance any more."""
