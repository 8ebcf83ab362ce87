"""Whether a rewritten file is still the same picture of the same patient.

Decoders rewrite files, and a hostile file may have taken over a decoder. Before its answer is
stored over the original, the storing side compares the two: every element but the few that a
correction writes must equal the original's byte for byte. Uses the standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass

from bodypart.dicom_out.encoding import DicomStructureError, Element, tag_text
from bodypart.dicom_out.part10 import Part10
from bodypart.dicom_out.provenance import KEYWORDS, LATERALITY

_PATIENT_ID = 0x00100020
_STUDY, _SERIES, _INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
_GROUP_LENGTHS = frozenset(tag & 0xFFFF0000 for tag in KEYWORDS)
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What identifies an instance: patient, study, series and instance, without padding."""

    patient: str
    study: str
    series: str
    instance: str


def same_picture(original: bytes, corrected: bytes) -> str | None:
    """Return why a file is not the original with another body part, None if it is.

    Parameters
    ----------
    original, corrected : bytes
        DICOM files, as PS3.10 lays them out, of any transfer syntax.

    Returns
    -------
    str or None
        A clause without patient data: which element differs, or why the files cannot be compared.
    """
    try:
        before = Part10(original)
    except DicomStructureError as error:
        return f"the original cannot be compared: {error}"
    if corrected[: len(before.meta)] != before.meta:
        # Checked before it is inflated: a small answer may be a deflated one that fills the memory.
        return "the file meta information is broken, or differs"
    try:
        after = Part10(corrected)
    except DicomStructureError as error:
        return f"the rewritten file is broken: {error}"
    if before.meta != after.meta:
        return "the file meta information differs"
    for tag in sorted(before.elements.keys() | after.elements.keys()):
        old, new = before.elements.get(tag), after.elements.get(tag)
        if tag in _GROUP_LENGTHS and (old is None) == (new is None):
            continue
        if tag in KEYWORDS:
            continue
        if old is None or new is None or not _same(before, old, after, new):
            return f"{tag_text(tag)} differs"
    if before.text(LATERALITY) != after.text(LATERALITY):
        return "the side differs"
    return None


def identifiers_of(data: bytes) -> Identifiers | None:
    """Return what identifies a DICOM file's instance, None if the file does not parse."""
    try:
        file = Part10(data)
    except DicomStructureError:
        return None
    texts = (file.text(tag) or "" for tag in (_PATIENT_ID, _STUDY, _SERIES, _INSTANCE))
    return Identifiers(*texts)


def _same(before: Part10, old: Element, after: Part10, new: Element) -> bool:
    """Compare two elements in pieces, so that pixel data are not copied as a whole."""
    length = old.end - old.start
    if length != new.end - new.start:
        return False
    return all(
        bytes(before.body[old.start + at : min(old.start + at + _PIECE, old.end)])
        == bytes(after.body[new.start + at : min(new.start + at + _PIECE, new.end)])
        for at in range(0, length, _PIECE)
    )
