"""What people said, taken in from the audit trail event by event; a fact keeps how far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import ArchiveError, NotFoundError
from service.records.audit_trail import DAMAGED, REMOVED, WITHDRAWN

if TYPE_CHECKING:
    from service.learning.words import Words
    from service.orthanc_api.archive import Archive
    from service.records.audit_trail import AuditTrail, EventRecord
    from service.records.facts import Facts
    from service.records.index import Index

_TAKEN_IN = "memory.event"
"""Fact: the number of the last event of the audit trail that was taken in."""
_PAGE = 500


class Hearing:
    """Keeps the words in step with the audit trail.

    Parameters
    ----------
    words : Words
        Where what was said is kept.
    trail : AuditTrail
        Tells it.
    facts : Facts
        Keep how far the trail was heard.
    archive, index : Archive, Index
        Tell of which patient a picture is.

    Attributes
    ----------
    words : Words
        As given.
    """

    def __init__(
        self, words: Words, trail: AuditTrail, facts: Facts, archive: Archive, index: Index
    ) -> None:
        self.words = words
        self._trail = trail
        self._facts = facts
        self._archive = archive
        self._index = index

    def hear(self) -> None:
        """Take in what was said since.

        Raises
        ------
        ServiceError
            If the records or Orthanc failed; what was taken in before that is kept.
        """
        while self._hear_a_page():
            pass

    def _hear_a_page(self) -> bool:
        """Take in the next events; return whether there were any."""
        # One node after the other: with what it read before another heard that a word was taken
        # back, a node would keep the word.
        with self.words.database.hold(_TAKEN_IN):
            page = self._trail.events(self._last(), _PAGE)
            for event in page:
                self._take_in(event)
            if page:
                self._note(page)
        return bool(page)

    def forget_all(self) -> None:
        """Forget every word that was said so far."""
        with self.words.database.hold(_TAKEN_IN):
            while page := self._trail.events(self._last(), _PAGE):
                self._note(page)
            self.words.forget_all()

    def _take_in(self, event: EventRecord) -> None:
        instance = event["instance"]
        if event["action"] in (WITHDRAWN, REMOVED, DAMAGED):
            self.words.take_back(instance)
            return
        try:
            patient = self._archive.parents(instance).patient
        except NotFoundError:
            # Its picture cannot be looked at any more; it replaces an earlier word all the same.
            self.words.outdate(instance, event["number"])
            return
        except ArchiveError:
            # Orthanc may fail with this picture for ever: the words on others must not wait for it.
            known = self._index.parents(instance)
            if known is None:
                raise
            patient = known.patient
        self.words.say(
            instance,
            number=event["number"],
            at=event["at"],
            patient=patient,
            label=event["new"],
        )

    def _last(self) -> int:
        return int(self._facts.get(_TAKEN_IN) or 0)

    def _note(self, page: list[EventRecord]) -> None:
        self._facts.set(_TAKEN_IN, str(page[-1]["number"]))
