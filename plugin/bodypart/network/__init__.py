"""What runs the network: a seam of one method, so that it may run here or elsewhere.

In the decoder itself (`local`), in one process for all decoders of a machine that has a GPU, or on
an inference server. Input and outputs are the same everywhere, and numbers only.
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

LOOKS = 8
"""Questions amid the reading of one picture, at most: more are not answered elsewhere."""


class ModelError(RuntimeError):
    """The model's files are missing, damaged or do not belong together."""


class NetworkError(RuntimeError):
    """The network did not answer; the text says why, and holds nothing of a picture."""


class Network(Protocol):
    """Answers pictures with numbers.

    Attributes
    ----------
    provider : str
        Where it runs: ``cpu``, ``cuda`` or ``remote``.
    warning : str or None
        Why it does not run where it was asked to.
    """

    provider: str
    warning: str | None

    def run(self, pictures: Float32) -> Mapping[str, Float32]:
        """Run the network on some squares.

        Parameters
        ----------
        pictures : ndarray of float32, shape (n, 1, size, size)
            Values from -1 (black) to 1 (white), as of `bodypart.model.model_input`.

        Returns
        -------
        mapping of str to ndarray of float32
            Each of ``OUTPUTS``, with a row a square.

        Raises
        ------
        NetworkError
            If it cannot be had at the moment.
        """
