"""At the start, queues again what a kill or a power cut may have left half done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bodypart.pixel_digest import differ, is_old
from service.errors import ArchiveError, DamagedEventError
from service.queue.tasks import Kind, Priority
from service.records.audit_trail import REMOVED

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.dicom_tags.in_place import InPlace
    from service.records.audit_trail import LastEvent
    from service.records.records import Records

_PAGE = 1000
_LATEST = timedelta(minutes=1)
"""How much older than the last event others may be that Orthanc and the index lost with it: both
have on the disk what is older than half a minute."""
_MOST = 5000
_GLANCE = 200
"""Instances that Orthanc is asked about in one request."""


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
    """Return instances whose last event is not what Orthanc's metadata or the index show.

    What these wrote last outlives a crash but not a power cut, which the trail outlives.
    """
    latest = records.trail.latest(_LATEST, _MOST)
    lost = []
    for start in range(0, len(latest), _GLANCE):
        try:
            found = records.annotations.glance_at_each(latest[start : start + _GLANCE])
        except ArchiveError:
            break  # A start must not wait for an Orthanc that is away.
        for instance, glance in found.items():
            last, (_, revision) = records.trail.last(instance), records.index.answer(instance)
            if last and _is_lost(last, glance.annotation, revision):
                lost.append(instance)
    return lost


def _is_lost(last: LastEvent, note: AnnotationRecord | None, revision: str | None) -> bool:
    """Tell whether a word is missing, or shown though it was ended.

    A removal without a word is not looked after: a back-fill may have followed it.
    """
    try:
        said = last.review
    except DamagedEventError:
        return False
    if note is None:
        return said is not None
    shown = note["review"]["at"] if note["review"] else ""
    if shown > last.at:
        return False  # A later word is there, of which a trail from a backup does not know.
    if last.action == REMOVED:
        return shown != ""
    if said is None:
        return shown != "" or note.get("revision") != revision
    if not shown and (is_old(said.pixels) or differ(said.pixels, note.get("pixels"))):
        return False  # It was said of another picture, as far as can be told without a decoder.
    return shown < last.at or note.get("revision") != revision
