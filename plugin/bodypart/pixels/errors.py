"""The one error of this package: why an instance has no picture."""


class PictureError(ValueError):
    """The picture cannot be had; the message is a short reason.

    It names the attribute or the transfer syntax at fault and never quotes header values that
    could speak of the patient.
    """
