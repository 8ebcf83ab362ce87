"""The interface to the network: one method, so that it may run here or elsewhere.

It runs in the decoder itself (`local`), in one process for all decoders of a machine with a GPU, or
on an inference server. Input and outputs are the same everywhere, and only numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

INPUT = "picture"
OUTPUTS = ("logits", "visible", "child", "view", "distance", "embedding", "cam")

LOOKS = 10
"""Most runs of the network while one picture is read; a decoder that asks for more gets none."""


class ModelError(RuntimeError):
    """The model's files are missing, damaged or do not belong together."""


class NetworkError(RuntimeError):
    """The network did not answer; the text says why, and has no data of a picture."""


class Network(Protocol):
    """Answers pictures with the network's outputs.

    Attributes
    ----------
    provider : str
        Where it runs: ``cpu``, ``cuda`` or ``remote``.
    warning : str or None
        Why it does not run where the settings ask for it.
    """

    provider: str
    warning: str | None

    def run(self, pictures: Float32) -> Mapping[str, Float32]:
        """Run the network on some square pictures.

        Parameters
        ----------
        pictures : ndarray of float32, shape (n, 1, size, size)
            Values from -1 (black) to 1 (white), made by `bodypart.model.model_input`.

        Returns
        -------
        mapping of str to ndarray of float32
            Each of ``OUTPUTS``, with one row for each picture.

        Raises
        ------
        NetworkError
            If it does not answer at the moment.
        """
