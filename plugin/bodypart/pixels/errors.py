"""The errors of this package: why an instance has no picture."""


class PictureError(ValueError):
    """The picture cannot be read; the message is a short reason.

    It names the attribute or the transfer syntax at fault, and never quotes header values that
    could identify the patient.
    """


class FrameSizeError(PictureError):
    """The codestream has another size than the data set states.

    Parameters
    ----------
    found, stated : tuple of int
        Rows, columns and samples.
    """

    def __init__(self, found: tuple[int, int, int], stated: tuple[int, int, int]) -> None:
        super().__init__(
            "its codestream is {} x {} x {} where Rows x Columns x SamplesPerPixel is "
            "{} x {} x {}".format(*found, *stated)
        )
        self.exchanged = found == (stated[1], stated[0], stated[2])
