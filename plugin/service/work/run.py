"""A run over the old stock, which a person starts and may cancel; its state outlasts restarts."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bodypart.annotation import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.records.facts import Facts


class Run:
    """State and progress: ``idle``, ``running``, then ``done`` or ``cancelled``; one run at a time.

    Parameters
    ----------
    facts : Facts
        Where the state is kept.
    name : str
        Name of the fact that keeps it.
    **idle : object
        Further fields of the state before the first run.

    Attributes
    ----------
    woken : Event
        Set when there is something to do, or when the service stops.
    """

    def __init__(self, facts: Facts, name: str, **idle: object) -> None:
        self._facts = facts
        self._name = name
        self._idle = {"state": "idle", **idle}
        self._lock = threading.RLock()
        self.woken = threading.Event()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else change the state, on this node or another, from reading it on."""
        with self._lock, self._facts.hold(self._name):
            yield

    def state(self) -> dict[str, Any]:
        """Return ``state`` and the further fields that were set."""
        text = self._facts.get(self._name)
        found: dict[str, Any] = json.loads(text) if text else dict(self._idle)
        return found

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return bool(self.state()["state"] == "running")

    def begin(self, **told: object) -> None:
        """Begin a run; its state replaces that of the last."""
        self._keep({"state": "running", "started_at": utc_now(), **told})

    def change(self, **told: object) -> None:
        """Change fields of the state: progress, or that the run has ended."""
        with self.held():
            self._keep({**self.state(), **told})

    def cancel(self) -> None:
        """End the run early, if one is under way."""
        with self.held():
            if self.running:
                self.change(state="cancelled")

    def _keep(self, state: dict[str, Any]) -> None:
        self._facts.set(self._name, json.dumps(state))
