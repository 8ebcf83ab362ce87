"""Checks of an instance right before it leaves: it may have changed since it was taken in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from bodypart.annotation import tags_state
from service.deliveries.delivery import GONE, NO_RULE, REMOVED, State
from service.errors import ArchiveError

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.deliveries.delivery import Delivery
    from service.deliveries.outbox import Outbox
    from service.deliveries.rules import Rule
    from service.orthanc_api.archive import Archive

_FOR_TAGS = 1.0
_SHORTEST_SETTLE = 0.5


class Readiness:
    """Tells whether an instance may leave, and puts back what may not.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    outbox : Outbox
        Where deliveries are put back.
    rules : mapping
        Rules by name and destination.
    is_away : callable
        Tells whether an instance is just being rewritten.
    settle : float
        Seconds after which a series counts as complete.
    """

    def __init__(
        self,
        archive: Archive,
        outbox: Outbox,
        rules: Mapping[tuple[str, str], Rule],
        is_away: Callable[[str], bool],
        settle: float,
    ) -> None:
        self._archive = archive
        self._outbox = outbox
        self._rules = rules
        self._is_away = is_away
        self._settle = settle

    def check(self, delivery: Delivery) -> AnnotationRecord | None:
        """Return the annotation of an instance that may leave now; else put it back, and None.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        ArchiveError, RecordError
            If Orthanc cannot tell of it, or the outbox cannot be written.
        """
        now = time.time()
        rule = self._rules.get((delivery.rule, delivery.destination))
        if rule is None:
            self._outbox.give_up(delivery, NO_RULE, State.CANCELLED)
            return None
        if rule.window and not rule.window.is_open(datetime.fromtimestamp(now)):
            opening = rule.window.next_open(datetime.fromtimestamp(now))
            self._outbox.postpone(delivery, opening.timestamp())
            return None
        annotation = self._archive.annotation(delivery.instance)
        if annotation is None:
            self._without_annotation(delivery, now)
            return None
        if tags_state(annotation) == "pending":
            self._outbox.postpone(delivery, now + _FOR_TAGS)
            return None
        if not rule.urgent and not self._archive.is_stable(delivery.series):
            self._outbox.postpone(delivery, now + max(_SHORTEST_SETTLE, self._settle / 5))
            return None
        return annotation

    def _without_annotation(self, delivery: Delivery, now: float) -> None:
        if self._is_away(delivery.instance):
            self._outbox.postpone(delivery, now + _FOR_TAGS)
        elif not self._archive.exists("instances", delivery.instance):
            self._outbox.give_up(delivery, GONE)
        elif self._archive.annotation(delivery.instance) is None:
            self._outbox.give_up(delivery, REMOVED, State.CANCELLED)
        else:
            self._outbox.postpone(delivery, now)

    def orthanc_answers(self) -> bool:
        """Return whether Orthanc is there, so that a failure is of one instance alone."""
        try:
            self._archive.last_change()
        except ArchiveError:
            return False
        return True
