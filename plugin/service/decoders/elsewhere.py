"""What the service needs of a network that runs elsewhere, and who may ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from typing_extensions import TypedDict

from bodypart.network import LOOKS, NetworkError
from service.decoders.greeting import LockdownRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

ASKING = {"annotate": LOOKS, "classify": LOOKS, "heatmap": 1}
"""Tasks during which a decoder may ask, and how often."""


class NetworkDownError(NetworkError):
    """The network cannot be reached, or is not the right one; the pictures are not to blame."""


class NetworkOnServer(TypedDict):
    """The network on an inference server, as the status shows it."""

    where: Literal["server"]
    url: str
    model: str
    version: str | None
    ready: bool
    reason: str | None
    fallback: str


class NetworkInProcess(TypedDict):
    """The network in a process with the GPU: how many questions it had, in how many batches."""

    where: Literal["process"]
    ready: bool
    reason: str | None
    questions: int
    batches: int
    lockdown: LockdownRecord | None


NetworkRecord = NetworkOnServer | NetworkInProcess


class ElsewhereNetwork(Protocol):
    """A network that is not in the decoders.

    Attributes
    ----------
    provider : str
        ``remote`` or ``cuda``.
    own_too : bool
        Whether decoders have the network as well, and run it while this one is down.
    """

    provider: str
    own_too: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pictures of one question: views, 1, rows, columns."""

    @property
    def ready(self) -> bool:
        """Whether it can be asked."""

    @property
    def down_reason(self) -> str | None:
        """Why it cannot be asked, None if it can."""

    def start(self) -> None:
        """Get it ready in the background."""

    def stop(self) -> None:
        """End what was started."""

    def run(self, pictures: Float32) -> Mapping[str, Float32]:
        """Run it, as `bodypart.network.Network`.

        Raises
        ------
        NetworkDownError
            If it cannot be had: the same pictures may be asked for later.
        NetworkError
            If it refuses these pictures.
        """

    def to_json(self) -> NetworkRecord:
        """Return its part of the status."""


def largest(network: ElsewhereNetwork) -> int:
    """Return how many bytes a decoder may send at once."""
    views, channels, rows, columns = network.shape
    return views * channels * rows * columns * 4
