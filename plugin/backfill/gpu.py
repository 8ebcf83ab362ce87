"""The network on this machine's GPU, if it has one, shared by all readers of a process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from service.inference.choice import network_of

if TYPE_CHECKING:
    from bodypart.settings import Settings
    from service.decoders.elsewhere import ElsewhereNetwork


class MachineNetwork:
    """The network on this machine's GPU, started once the first reader has the settings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = False
        self._network: ElsewhereNetwork | None = None

    def of(self, settings: Settings) -> ElsewhereNetwork | None:
        """Return the network that decoders ask; None if each runs its own."""
        with self._lock:
            if not self._known:
                self._known = True
                self._network = network_of(settings, lambda _: None)
                if self._network:
                    self._network.start()
            return self._network

    def close(self) -> None:
        """End the network."""
        with self._lock:
            if self._network:
                self._network.stop()
                self._network = None
