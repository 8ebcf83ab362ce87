"""A run over the old stock that a person starts and may cancel, known again after a restart."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from bodypart.annotation import utc_now

if TYPE_CHECKING:
    from service.records.facts import Facts


class Run:
    """One at a time: ``idle``, ``running``, then ``done`` or ``cancelled``; and how far it is.

    Parameters
    ----------
    facts : Facts
        Where it is kept.
    name : str
        As which fact.
    **idle : object
        What is told of it before the first.

    Attributes
    ----------
    lock : RLock
        Held from the look at the state to its change.
    woken : Event
        Set when there is something to do, or nothing any more.
    """

    def __init__(self, facts: Facts, name: str, **idle: object) -> None:
        self._facts = facts
        self._name = name
        self._idle = {"state": "idle", **idle}
        self.lock = threading.RLock()
        self.woken = threading.Event()

    def state(self) -> dict[str, Any]:
        """Return ``state``, and what was told of it."""
        text = self._facts.get(self._name)
        found: dict[str, Any] = json.loads(text) if text else dict(self._idle)
        return found

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return bool(self.state()["state"] == "running")

    def begin(self, **told: object) -> None:
        """Begin one, in the place of the last."""
        self._keep({"state": "running", "started_at": utc_now(), **told})

    def change(self, **told: object) -> None:
        """Note how far it is, or that it has ended."""
        with self.lock:
            self._keep({**self.state(), **told})

    def cancel(self) -> None:
        """End it before its time, if it is under way."""
        with self.lock:
            if self.running:
                self.change(state="cancelled")

    def _keep(self, state: dict[str, Any]) -> None:
        self._facts.set(self._name, json.dumps(state))
