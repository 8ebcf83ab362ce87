"""What a kill may have left between two steps: asked for again at the start, however much it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.queue.tasks import Kind, Priority

if TYPE_CHECKING:
    from service.dicom_tags.in_place import InPlace
    from service.queue.tasks import Tasks
    from service.records.audit_trail import AuditTrail
    from service.records.index import Index

_PAGE = 1000


def ask_again(tasks: Tasks, trail: AuditTrail, index: Index, in_place: InPlace | None) -> None:
    """Make tasks of words that are not applied, and of files that do not follow yet.

    Parameters
    ----------
    tasks, trail, index
        The service's parts.
    in_place : InPlace or None
        Finishes what was being rewritten; None where no file follows its annotation, and none did.
    """
    if in_place:
        tasks.ask_now(Kind.REWRITE, in_place.recover())
    number = 0
    while events := trail.open(_PAGE, number):
        number = events[-1][0]
        words = {instance for _, instance in events}
        tasks.ask_now(Kind.APPLY, words, priority=Priority.PERSON)
    after = ""
    while in_place and (waiting := index.with_pending_tags(_PAGE, after)):
        after = waiting[-1]
        # Those that stand as tasks already keep their place; no other waits for the old stock's.
        tasks.ask_now(Kind.REWRITE, waiting, priority=Priority.BACKFILL)
