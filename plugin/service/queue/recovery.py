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


def ask_again(
    tasks: Tasks, trail: AuditTrail, index: Index, rewriter: InPlace | None, *, follow: bool
) -> None:
    """Finish overwrites; make tasks of words not applied yet, and of files that do not follow yet.

    Parameters
    ----------
    tasks, trail, index
        The service's parts.
    rewriter : InPlace or None
        Finishes what was being rewritten; None where nothing was.
    follow : bool
        Whether files follow their annotations.
    """
    unfinished = rewriter.recover() if rewriter else []
    if follow:
        tasks.ask_now(Kind.REWRITE, unfinished)
    number = 0
    while events := trail.open(_PAGE, number):
        number = events[-1][0]
        words = {instance for _, instance in events}
        tasks.ask_now(Kind.APPLY, words, priority=Priority.PERSON)
    after = ""
    while follow and (waiting := index.with_pending_tags(_PAGE, after)):
        after = waiting[-1]
        tasks.ask_now(Kind.REWRITE, waiting)
