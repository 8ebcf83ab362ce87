"""The network, run by the process at the other end of the pipe.

A decoder has no socket and no GPU. During a task it asks back: it sends pictures without headers,
and gets numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bodypart.network import NetworkError
from decoder.wire import Frame, read_frame, write_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bodypart.network import Float32, Network
    from decoder.wire import Readable, Writable


class OutsideNetwork:
    """Has the other side run the network; see `bodypart.network.Network`.

    Parameters
    ----------
    incoming, outgoing : Readable, Writable
        The decoder's pipe.
    own : Network or None
        Runs instead, if the other side says so.
    """

    def __init__(self, incoming: Readable, outgoing: Writable, own: Network | None) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._own = own
        self.provider = "remote"
        self.warning: str | None = None

    def run(self, pictures: Float32) -> Mapping[str, Float32]:
        """Have the network run on some square pictures.

        Raises
        ------
        NetworkError
            If the other side cannot run it, and there is no own one.
        """
        from bodypart.network.tensors import unpacked

        write_frame(self._outgoing, Frame({"network": len(pictures)}, pictures.tobytes()))
        answer = read_frame(self._incoming)
        if "shapes" in answer.header:
            return unpacked(answer.header, answer.payload)
        if self._own is not None:
            return self._own.run(pictures)
        raise NetworkError("the network cannot be asked at the moment")
