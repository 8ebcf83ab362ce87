"""The back-fill: annotate what is stored without an annotation; resumable and cancellable."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from bodypart.annotation import utc_now
from orthanc_side import archive
from orthanc_side.index import UNSEEN

if TYPE_CHECKING:
    from orthanc_side.backlog import Backlog
    from orthanc_side.index import Index

STATE_PROPERTY = 5102


class Backfill:
    """The order to annotate the old stock, kept in a global property of Orthanc.

    What is left to do is what the index has without annotation, so a restart goes on where the
    last run was killed.
    """

    def __init__(self, index: Index, backlog: Backlog) -> None:
        self._index = index
        self._backlog = backlog
        self._lock = threading.Lock()
        text = archive.get_property(STATE_PROPERTY)
        self._state: dict[str, Any] = (
            json.loads(text) if text else {"state": "idle", "total": 0, "started_at": None}
        )
        backlog.filling = self._state["state"] == "running"

    def start(self) -> dict[str, Any]:
        """Start, or go on with, the back-fill; call it after a sweep."""
        with self._lock:
            if self._state["state"] != "running":
                # What is forgotten from now on stays so.
                self._index.reopen_forgotten()
                self._keep({"state": "running", "total": self._left(), "started_at": utc_now()})
        self._backlog.filling = True
        self._backlog.wake()
        return self.progress()

    def cancel(self) -> dict[str, Any]:
        """Give out no further instance; what is being worked on is finished."""
        with self._lock:
            if self._state["state"] == "running":
                self._keep({**self._state, "state": "cancelled"})
        self._backlog.filling = False
        return self.progress()

    def progress(self) -> dict[str, Any]:
        """Return state, total, done and pending, and the time of the start."""
        with self._lock:
            if self._state["state"] == "running" and self._backlog.fill_done():
                self._keep({**self._state, "state": "done"})
                self._backlog.filling = False
            left = self._left() if self._state["state"] in ("running", "cancelled") else 0
            total = max(self._state["total"], left)
            return {**self._state, "total": total, "done": total - left, "pending": left}

    def _left(self) -> int:
        return self._index.counts().get(UNSEEN, 0)

    def _keep(self, state: dict[str, Any]) -> None:
        self._state = state
        archive.set_property(STATE_PROPERTY, json.dumps(state))
