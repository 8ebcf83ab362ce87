"""Which tags an annotation allows to be written: only what is sure, only what is missing.

Standard library only, so that the service can decide without asking a decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bodypart.dicom_out.decision import Decision
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bodypart.labels import BodyPart
    from bodypart.laterality import Side
    from bodypart.record import AnnotationRecord, SiblingRecord

WRITTEN_BY_THE_MODALITY = frozenset(("BodyPartExamined", "AnatomicRegionSequence"))
"""Attributes that stay as they are when they already name the part in words of their own."""


@dataclass(frozen=True, slots=True)
class TagsToWrite:
    """What :func:`bodypart.dicom_out.correction.correct` is to write.

    Attributes
    ----------
    examined : BodyPart
        The examined part.
    laterality : str or None
        ``R``, ``L`` or ``B`` for a paired part whose side a header or a person told.
    agreeing : frozenset of str
        Keywords of attributes that already name this part, and no other.
    mixed_series : bool
        Whether sure answers within the series differ. Body Part Examined belongs to the series
        (PS3.3 C.7.3.1), so it then keeps its original value in all of its instances; the
        anatomic region belongs to the image and is still written.
    decision : Decision
        Who decided, and of which pixel data.
    """

    examined: BodyPart
    laterality: Side | None
    agreeing: frozenset[str]
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
        Least probability (setting ``WriteThreshold``). A person's word needs none; an answer
        that waits for a person's review is never sure, unless it waits because a confident
        picture contradicts its header.
    siblings : iterable of dict
        The other instances of its series.
    write_conflicts : bool
        Whether the picture's word is written over a header that it contradicts before a person
        has looked (setting ``WriteConflicts``): originals are kept, and can be restored.

    Returns
    -------
    TagsToWrite or None
        None if the answer is not sure enough: an earlier correction is then to be undone.
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
    return TagsToWrite(
        examined=examined,
        laterality=stated_side(annotation, examined),
        agreeing=agreeing & WRITTEN_BY_THE_MODALITY,
        mixed_series=len(terms) > 1,
        decision=Decision(
            by_person=said is not None and said["source"] == "person",
            pixels=annotation.get("pixels"),
        ),
    )


def stated_side(annotation: AnnotationRecord, part: BodyPart) -> Side | None:
    """Return the side of a part as tags, reports and other standard objects may state it.

    They cannot say that a program read it from a marker, which is no statement of the modality,
    nor of a person.
    """
    said = annotation["laterality"]
    return said["value"] if part.paired and said["source"] != "marker" else None


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
