"""Which tags may be written for an annotation: only sure ones, and none that already agree.

Uses the standard library only, so that the service can decide without asking a decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bodypart.dicom_out.decision import Decision
from bodypart.labels import BY_LABEL
from bodypart.regions import compatible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bodypart.labels import BodyPart
    from bodypart.laterality import Side
    from bodypart.record import AnnotationRecord, SiblingRecord

WRITTEN_BY_THE_MODALITY = frozenset(("BodyPartExamined", "AnatomicRegionSequence"))
"""Attributes that stay as they are if they already name the part in other words."""


@dataclass(frozen=True, slots=True)
class TagsToWrite:
    """What :func:`bodypart.dicom_out.correction.correct` should write.

    Attributes
    ----------
    examined : BodyPart
        The examined part.
    laterality : str or None
        ``R``, ``L`` or ``B`` for a paired part whose side a header or a person states.
    agreeing : frozenset of str
        Keywords of attributes that already name this part, and no other.
    contradicting : frozenset of str
        Keywords of attributes that name only parts of which this exposure cannot be.
    mixed_series : bool
        Whether sure answers within the series differ. Body Part Examined belongs to the series
        (PS3.3 C.7.3.1), so it then keeps its original value in all of its instances; the
        anatomic region belongs to the image and is still written.
    decision : Decision
        Who decided, and about which pixel data.
    """

    examined: BodyPart
    laterality: Side | None
    agreeing: frozenset[str]
    contradicting: frozenset[str]
    mixed_series: bool
    decision: Decision


def tags_to_write(
    annotation: AnnotationRecord,
    threshold: float,
    siblings: Iterable[SiblingRecord] = (),
    *,
    write_conflicts: bool = True,
) -> TagsToWrite | None:
    """Return what may be written into an instance.

    Parameters
    ----------
    annotation : dict
        The instance's annotation as JSON.
    threshold : float
        Least probability (setting ``WriteThreshold``); a person's word needs none. An answer that
        waits for review is never sure, unless it waits because the picture contradicts the header
        and ``write_conflicts`` is set.
    siblings : iterable of dict
        The other instances of its series.
    write_conflicts : bool
        Whether an answer from the picture may overwrite a header that it contradicts before a
        review (setting ``WriteConflicts``); originals are kept, and can be restored.

    Returns
    -------
    TagsToWrite or None
        None if the answer is not sure enough: an earlier correction must then be undone.
    """
    examined = _sure(annotation, threshold, write_conflicts=write_conflicts)
    if examined is None:
        return None
    others = (_sure(other, threshold, write_conflicts=write_conflicts) for other in siblings)
    terms = {examined.body_part_examined}
    terms.update(part.body_part_examined for part in others if part)
    said, header = annotation["examined"], annotation["header"]
    evidence = header["evidence"] if header else ()
    agreeing = frozenset(
        match["attribute"] for match in evidence if match.get("labels") == [examined.label]
    )
    named: dict[str, set[str]] = {}
    for match in evidence:
        named.setdefault(match["attribute"], set()).update(match.get("labels") or ())
    return TagsToWrite(
        examined=examined,
        laterality=stated_side(annotation, examined),
        agreeing=agreeing & WRITTEN_BY_THE_MODALITY,
        contradicting=frozenset(
            attribute
            for attribute, labels in named.items()
            if labels and not any(compatible(examined.label, label) for label in labels)
        ),
        mixed_series=len(terms) > 1,
        decision=Decision(
            by_person=said is not None and said["source"] == "person",
            pixels=annotation.get("pixels"),
            at=_said_at(annotation),
        ),
    )


def stated_side(annotation: AnnotationRecord, part: BodyPart) -> Side | None:
    """Return the side that tags, reports and other standard objects may state, or None.

    A side that was read from a marker is left out: these objects cannot say that a program read it,
    and neither the modality nor a person stated it.
    """
    said = annotation["laterality"]
    return said["value"] if part.paired and said["source"] != "marker" else None


def _said_at(annotation: AnnotationRecord) -> str | None:
    """Return when a person said their word here; of one said elsewhere that is not known."""
    review = annotation["review"]
    return review["at"] if review and not review.get("carried") else None


def _sure(annotation: SiblingRecord, threshold: float, *, write_conflicts: bool) -> BodyPart | None:
    """Return the examined part if it is sure enough to be written."""
    examined = annotation["examined"]
    if annotation["status"] != "done" or not examined:
        return None
    part = BY_LABEL[examined["label"]]
    if examined["source"] == "person":
        return part
    contradicts = annotation["agreement"] == "conflict" and "image" in examined["source"]
    waits = annotation["needs_review"] and not (contradicts and write_conflicts)
    return None if waits or examined["probability"] < threshold else part
