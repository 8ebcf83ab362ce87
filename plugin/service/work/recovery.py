"""At the start, queues again what a kill may have left half done, however much it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.queue.tasks import Kind, Priority

if TYPE_CHECKING:
    from service.dicom_tags.in_place import InPlace
    from service.records.records import Records

_PAGE = 1000


def ask_again(records: Records, in_place: InPlace | None) -> None:
    """Make tasks of words not applied yet, and of files not yet rewritten to their annotations.

    Parameters
    ----------
    records : Records
        They tell of both.
    in_place : InPlace or None
        Finishes interrupted rewrites; None where files are not rewritten, and never were.
    """
    tasks = records.tasks
    if in_place:
        tasks.ask_now(Kind.REWRITE, in_place.recover())
    number = 0
    while events := records.trail.open(_PAGE, number):
        number = events[-1][0]
        words = {instance for _, instance in events}
        tasks.ask_now(Kind.APPLY, words, priority=Priority.PERSON)
    after = ""
    while in_place and (waiting := records.index.with_pending_tags(_PAGE, after)):
        after = waiting[-1]
        # Those with a task keep their priority; the old stock's come behind all others.
        tasks.ask_now(Kind.REWRITE, waiting, priority=Priority.BACKFILL)
