"""People's current words: what is put on top of an annotation that a decoder has just made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bodypart.annotation import Review
from bodypart.pixel_digest import is_old
from bodypart.reviews import anonymous, apply_review, carried_word, newer_word
from service.errors import DamagedEventError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bodypart.record import AnnotationRecord, ReviewRecord
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Glance, StoredFile
    from service.records.audit_trail import AuditTrail, LastEvent


class CurrentWords:
    """Finds the word that counts for an instance: in the audit trail, its metadata, its originals.

    Parameters
    ----------
    archive : Archive
        Has the metadata, with the words on originals.
    trail : AuditTrail
        Has the words of people.
    """

    def __init__(self, archive: Archive, trail: AuditTrail) -> None:
        self._archive, self._trail = archive, trail

    def put_on(
        self,
        annotation: AnnotationRecord,
        existing: AnnotationRecord | None,
        last: LastEvent | None,
        said_of: str | None = None,
    ) -> AnnotationRecord:
        """Put the current word on top of an annotation: the last in the audit trail.

        A word in the metadata that the trail does not know (it is from another Orthanc, or the
        trail was lost) counts if it is newer. The order of words in the trail does not depend on
        their times, so that a clock that was set back changes nothing.
        """
        said = existing["review"] if existing else None
        review = Review.from_json(said) if said else None
        if last and (
            review is None
            or last.at >= review.at
            or self._trail.knows(annotation["instance"], review.at)
        ):
            review = _review_of(last, said)
        if review is None:
            return annotation
        compared = said_of is not None and review.pixels == said_of
        return apply_review(annotation, review, compared=compared)

    def put_on_copy(self, annotation: AnnotationRecord, stored: StoredFile) -> AnnotationRecord:
        """Put a word on top that a person said of another copy of the same pixel data, if any.

        The file brought it along, or is a copy of an instance in this archive. On an anonymised
        copy it does not tell who said it or when, and has no comment.
        """
        review = carried_word(annotation)
        for said in self._said_of(stored.originals):
            if said.pixels and said.pixels == annotation.get("pixels"):
                # Only the word, without the history of the original.
                review = replace(said, previous=None, history=(), restored=False, carried=True)
                review = anonymous(review, annotation) if stored.anonymized else review
        return apply_review(annotation, review) if review else annotation

    def put_newer_on(self, annotation: AnnotationRecord, last: LastEvent) -> AnnotationRecord:
        """Put a word on top that the file brought along, if it is newer than the trail's last.

        It was said in another archive, of an instance on which a person said a word here, too.
        """
        review = newer_word(annotation, last.at)
        if review is None or self._trail.knows(annotation["instance"], review.at):
            return annotation
        said = apply_review(annotation, review)
        same = all(said[name] == annotation[name] for name in ("examined", "laterality"))
        return annotation if same else said

    def old_digest(self, last: LastEvent | None, glance: Glance) -> str | None:
        """Return the picture's digest in a word of version 0.2.0, which only a decoder can compare.

        The word is the last on the instance or, if there is none, one on its originals.
        """
        said = glance.annotation["review"] if glance.annotation else None
        if last and (review := _review_of(last, said)):
            digests = [review.pixels]
        elif last or said:
            digests = [said.get("pixels") if said else None]
        else:
            digests = [one.pixels for one in self._said_of(glance.stored.originals)]
        return next(filter(is_old, digests), None)

    def _said_of(self, originals: tuple[str, ...]) -> Iterator[Review]:
        """Yield the current words on the originals of an instance.

        A damaged word, of which the metadata have no copy, is skipped: it stops the annotation of
        its own instance, but not of copies.
        """
        for original in originals:
            if last := self._trail.last(original):
                found = self._archive.annotation(original)
                with suppress(DamagedEventError):
                    if review := _review_of(last, found["review"] if found else None):
                        yield review


def _review_of(last: LastEvent, kept: ReviewRecord | None) -> Review | None:
    """Return the word of an event; from the metadata if the trail's own is damaged."""
    try:
        return last.review
    except DamagedEventError:
        if kept is None or kept["at"] != last.at:
            raise
        return Review.from_json(kept)
