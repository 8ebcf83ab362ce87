"""At the start, queues again what a kill or a power cut may have left half done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import ArchiveError, DamagedEventError
from service.queue.tasks import Kind, Priority

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.dicom_tags.in_place import InPlace
    from service.records.audit_trail import LastEvent
    from service.records.records import Records

_PAGE = 1000
_LATEST = 200
"""Events that may be younger than what Orthanc and the index have on the disk: half a minute."""


def ask_again(records: Records, in_place: InPlace | None) -> None:
    """Make tasks of words not applied, or lost again, and of files not yet rewritten.

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
    tasks.ask_now(Kind.APPLY, _lost_words(records), priority=Priority.PERSON)
    after = ""
    while in_place and (waiting := records.index.with_pending_tags(_PAGE, after)):
        after = waiting[-1]
        # Those with a task keep their priority; the old stock's come behind all others.
        tasks.ask_now(Kind.REWRITE, waiting, priority=Priority.BACKFILL)


def _lost_words(records: Records) -> list[str]:
    """Return instances whose last word is not in Orthanc's metadata, or not in the index.

    What these wrote last outlives a crash but not a power cut, which the trail outlives.
    """
    try:
        found = records.annotations.glance(records.trail.latest(_LATEST))
    except ArchiveError:
        return []  # A start must not wait for an Orthanc that is away.
    lost = []
    for instance, glance in found.items():
        last, (_, revision) = records.trail.last(instance), records.index.answer(instance)
        if last and _is_lost(last, glance.annotation, revision):
            lost.append(instance)
    return lost


def _is_lost(last: LastEvent, note: AnnotationRecord | None, revision: str | None) -> bool:
    """Tell whether a word is missing; of a removal not, which a back-fill may have followed."""
    try:
        said = last.review
    except DamagedEventError:
        return False
    shown = note["review"]["at"] if note and note["review"] else ""
    if said is None or shown > last.at:
        return False  # A later word is there, of which a trail from a backup does not know.
    return note is None or shown < last.at or note.get("revision") != revision
