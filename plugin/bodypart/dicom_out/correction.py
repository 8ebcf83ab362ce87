"""Corrects the body part in a DICOM file, and undoes it; every other byte stays as it is.

A correction is always computed from the original: if the file already has one of ours, it is undone
first. So corrections can be repeated and changed at will, and the entry in Original Attributes
Sequence keeps the values from before the first one.

Uses the standard library only: it needs no decoded picture, and no library that might fail on one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bodypart.dicom_out.decision import Decision
from bodypart.dicom_out.part10 import Part10
from bodypart.dicom_out.provenance import (
    ANATOMIC_REGION,
    BODY_PART_EXAMINED,
    CODE_VALUE,
    CODING_SCHEME,
    KEYWORDS,
    LATERALITY,
    PRIMARY_STRUCTURE,
    Signature,
    code_elements,
    conforms,
    read_record,
    signed_sequences,
    unsigned_sequences,
)
from bodypart.dicom_out.signatures import forbids, forbids_rare
from bodypart.laterality import CODE_OF_SIDE, SIDE_OF_CODE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from bodypart.dicom_out.encoding import Element
    from bodypart.labels import BodyPart
    from bodypart.laterality import Side

STORAGE_CLASSES = frozenset(
    "1.2.840.10008.5.1.4.1.1." + ending
    for ending in (
        "1",  # Computed Radiography
        "1.1",  # Digital X-Ray, for presentation
        "1.1.1",  # and for processing
        "1.2",  # Digital Mammography X-Ray
        "1.2.1",
        "7",  # Secondary Capture, single-frame and the multi-frame kinds
        "7.1",
        "7.2",
        "7.3",
        "7.4",
        "12.1",  # X-Ray Angiographic
        "12.2",  # X-Ray Radiofluoroscopic
    )
)
"""IODs of projection radiographs whose modules have a place for these codes.

Digital Intra-Oral X-Ray is not among them: its anatomic region requires modifiers for the teeth.
"""

_UID = re.compile(r"[0-9.]{1,64}")
_SOP_CLASS = 0x00080016
_MAPPING_RESOURCE_NAME = 0x00080122
_MODIFIERS = 0x00082220
_STRUCTURE_MODIFIERS = 0x00082230
_IMAGE_LATERALITY = 0x00200062
_SPELT_OUT = {"LEFT": "L", "RIGHT": "R", "BOTH": "B", "BILATERAL": "B", "UNPAIRED": "U"}


@dataclass(frozen=True, slots=True)
class Correction:
    """The outcome of a correction or of an undo.

    Attributes
    ----------
    data : bytes or None
        The new file; None if it need not or must not change. If the new answer is refused and the
        file has an earlier one of ours, this is the original.
    changed : tuple of str
        Keywords of the attributes whose values differ from those in the given file.
    refused : str or None
        Why the answer must not be written, in words without patient data.
    standing : tuple of str
        Keywords of the attributes that now have a value of ours: in the new file or, if nothing had
        to change, in the given one.
    """

    data: bytes | None = None
    changed: tuple[str, ...] = ()
    refused: str | None = None
    standing: tuple[str, ...] = ()


def correct(
    data: bytes,
    examined: BodyPart,
    laterality: Side | None,
    *,
    version: str,
    now: datetime,
    agreeing: Collection[str] = (),
    contradicting: Collection[str] = (),
    mixed_series: bool = False,
    decision: Decision | None = None,
) -> Correction:
    """Write the examined body part into a DICOM file.

    Body Part Examined gets the defined term, Anatomic Region Sequence the SNOMED CT code with
    the side, if known, as its modifier. Original values are kept in Original Attributes Sequence,
    and the change is signed in Contributing Equipment Sequence (PS3.3 C.12.1.1.9).

    Parameters
    ----------
    data : bytes
        A DICOM file (PS3.10).
    examined : BodyPart
        What to write.
    laterality : {"R", "L", "B", None}
        The side, if it is known; ignored for an unpaired part. It is written as a modifier only.
        Image Laterality is never changed. An empty Laterality may be added if the part requires the
        attribute, or removed if the part forbids it.
    version : str
        Version of this software.
    now : datetime
        Time of the correction; with a time zone it is written with its offset.
    agreeing : collection of str
        Keywords of attributes that already name the part in their own words, and are kept.
    contradicting : collection of str
        Keywords of attributes that name another part. Primary Anatomic Structure Sequence, for
        which there is no new value, is then removed.
    mixed_series : bool
        Whether the series shows several parts. Body Part Examined, an attribute of the series,
        then keeps its original value (PS3.3 C.7.3.1).
    decision : Decision, optional
        Who decided, and about which pixel data; by default the machine.

    Returns
    -------
    Correction
        Without data if the file already says the same, or if writing is refused.

    Raises
    ------
    DicomStructureError
        If the bytes are not a DICOM file that can be rewritten without risk.
    ValueError
        If the side is not one of those above.
    """
    if laterality is not None and laterality not in CODE_OF_SIDE:
        raise ValueError(f"laterality must be R, L, B or None, not {laterality!r}")
    file = Part10(data)
    refused = _not_ours_to_change(file)
    if refused:
        return Correction(refused=refused)
    record = read_record(file)
    original = file
    if record is not None:
        if record.changed_since:
            return Correction(refused="another system changed the body part after us")
        changes = {**record.previous, **unsigned_sequences(file)}
        original = Part10(file.rewritten(changes))
    side = laterality if examined.paired else None
    # Our own earlier words do not count as agreement.
    own = [KEYWORDS[tag] for tag in record.previous] if record else []
    if _region_codes(file) == _region_codes(original):  # only the side in it is ours
        own = [keyword for keyword in own if keyword != KEYWORDS[ANATOMIC_REGION]]
    kept = frozenset(agreeing).difference(own)
    decision = replace(decision or Decision(by_person=False), side=side)
    wanted = _wanted(original, examined, decision, kept, mixed_series=mixed_series)
    if KEYWORDS[PRIMARY_STRUCTURE] in contradicting and PRIMARY_STRUCTURE in original.elements:
        wanted[PRIMARY_STRUCTURE] = None
    refused = _side_contradicted(original, examined, side, wanted)
    refused = forbids_rare(original, wanted) or refused
    if refused:
        # An earlier answer of ours is removed, too.
        wanted = {}
    changed = _differing(file, original, wanted)
    standing = tuple(sorted(KEYWORDS[tag] for tag in wanted))
    if not changed:
        return Correction(refused=refused, standing=standing)
    if not wanted:
        return Correction(original.rewritten({}), changed, refused)
    previous = {tag: original.elements.get(tag) for tag in wanted}
    written = examined.body_part_examined if BODY_PART_EXAMINED in wanted else None
    sequences = signed_sequences(original, previous, Signature(version, now), written, decision)
    return Correction(original.rewritten({**wanted, **sequences}), changed, standing=standing)


def restore(data: bytes | memoryview) -> Correction:
    """Undo our correction: restore the original values and remove our entries.

    Parameters
    ----------
    data : bytes or memoryview
        A DICOM file.

    Returns
    -------
    Correction
        The original file, byte for byte (a deflated one is deflated anew); without data if the file
        has no correction of ours, or if the undo is refused.

    Raises
    ------
    DicomStructureError
        If the bytes are not a DICOM file that can be rewritten without risk.
    """
    file = Part10(data)
    record = read_record(file)
    if record is None:
        return Correction()
    if record.changed_since:
        return Correction(refused="another system changed the body part after us")
    refused = forbids(file) or forbids_rare(file, record.previous)
    if refused:
        return Correction(refused=refused)
    changes = {**record.previous, **unsigned_sequences(file)}
    changed = tuple(KEYWORDS[tag] for tag in sorted(record.previous))
    return Correction(file.rewritten(changes), changed)


def _not_ours_to_change(file: Part10) -> str | None:
    sop_class = file.text(_SOP_CLASS)
    if sop_class not in STORAGE_CLASSES:
        # An invalid UID could be any text, which must not get into an answer.
        named = sop_class if _UID.fullmatch(sop_class or "") else "no valid SOP Class"
        return f"{named} is not an image IOD of projection radiography"
    stated = file.elements.get(BODY_PART_EXAMINED)
    if stated is not None and stated.vr not in ("CS", ""):
        return f"BodyPartExamined is stored as {stated.vr}, not as CS"
    if stated is not None and len(file.value(stated)) % 2:
        return "BodyPartExamined has an odd length, which could not be restored"
    return forbids(file)


def _side_contradicted(
    file: Part10, examined: BodyPart, side: Side | None, wanted: Collection[int]
) -> str | None:
    """Return why the part does not fit the side that the file states, or None."""
    if not examined.paired:
        if BODY_PART_EXAMINED in wanted and file.text(LATERALITY):
            return f"Laterality states a side, and the {examined.label} has none"
        return None
    for tag, keyword in ((_IMAGE_LATERALITY, "ImageLaterality"), (LATERALITY, "Laterality")):
        text = (file.text(tag) or "").upper()
        stated = _SPELT_OUT.get(text, text)
        if stated == "U":
            return f"{keyword} says unpaired: a side of the {examined.label} would be invented"
        if side and stated in CODE_OF_SIDE and stated != side:
            return f"{keyword} {stated} contradicts the side {side}, and is never overwritten"
    for anatomy in (ANATOMIC_REGION, PRIMARY_STRUCTURE):
        stated_by_modifiers = _sides_of(file, anatomy)
        if side and stated_by_modifiers and side not in stated_by_modifiers:
            return f"the modifier of {KEYWORDS[anatomy]} contradicts the side {side}"
    return None


def _sides_of(file: Part10, anatomy: int) -> set[str]:
    """Return the sides that the modifiers of an anatomic region or structure name."""
    tag = _MODIFIERS if anatomy == ANATOMIC_REGION else _STRUCTURE_MODIFIERS
    modifiers = [
        modifier
        for item in file.items(anatomy)
        if tag in item
        for modifier in file.nested(item[tag])
    ]
    codes = (file.text_of(modifier.get(CODE_VALUE)) for modifier in modifiers)
    return {SIDE_OF_CODE[code] for code in codes if code in SIDE_OF_CODE}


def _wanted(
    file: Part10,
    examined: BodyPart,
    decision: Decision,
    agreeing: Collection[str],
    *,
    mixed_series: bool,
) -> dict[int, bytes | None]:
    """Return the elements to be written into the original; None for one to be removed."""
    wanted: dict[int, bytes | None] = {}
    region = _region(file, examined, decision, agrees=KEYWORDS[ANATOMIC_REGION] in agreeing)
    if region is not None:
        wanted[ANATOMIC_REGION] = region
    if mixed_series:
        return wanted
    term = examined.body_part_examined
    stated = file.text(BODY_PART_EXAMINED) or ""
    agrees = KEYWORDS[BODY_PART_EXAMINED] in agreeing and conforms(stated.encode("latin-1"))
    if stated != term and not (stated and agrees):
        wanted[BODY_PART_EXAMINED] = file.encoding.text(BODY_PART_EXAMINED, "CS", term)
        # Type 2C: a paired part needs the attribute, empty if the side of the whole series is not
        # known, and no other part may have it (PS3.3 table C.7-5a).
        if not examined.paired and LATERALITY in file.elements:
            wanted[LATERALITY] = None
        if examined.paired and not file.elements.keys() & {LATERALITY, _IMAGE_LATERALITY}:
            wanted[LATERALITY] = file.encoding.text(LATERALITY, "CS", "")
    return wanted


def _region(file: Part10, examined: BodyPart, decision: Decision, *, agrees: bool) -> bytes | None:
    """Return Anatomic Region Sequence as it should be, or None if it need not change."""
    encoding, side = file.encoding, decision.side
    mark = encoding.text(_MAPPING_RESOURCE_NAME, "LO", decision.text)
    modifier = encoding.item(*code_elements(encoding, CODE_OF_SIDE[side])) if side else b""
    regions = file.items(ANATOMIC_REGION)
    if len(regions) == 1 and (agrees or _is_code(file, regions[0], examined)):
        known = file.elements[ANATOMIC_REGION].vr != "UN"  # No side can be added to such a one.
        if not known or not side or side in _sides_of(file, ANATOMIC_REGION):
            return None
        region = regions[0]
        elements = {tag: file.raw(element) for tag, element in region.items()}
        stated = file.value(region[_MODIFIERS]) if _MODIFIERS in region else b""
        elements[_MAPPING_RESOURCE_NAME] = mark
        elements[_MODIFIERS] = encoding.sequence(_MODIFIERS, stated, modifier)
        content = [elements[tag] for tag in sorted(elements)]
    else:
        content = [*code_elements(encoding, examined.code), mark]
        if side:
            content.append(encoding.sequence(_MODIFIERS, modifier))
    return encoding.sequence(ANATOMIC_REGION, encoding.item(*content))


def _is_code(file: Part10, item: dict[int, Element], examined: BodyPart) -> bool:
    return _code_of(file, item) == (examined.code.value, examined.code.scheme)


def _region_codes(file: Part10) -> list[tuple[str, str]]:
    return [_code_of(file, item) for item in file.items(ANATOMIC_REGION)]


def _code_of(file: Part10, item: Mapping[int, Element]) -> tuple[str, str]:
    return file.text_of(item.get(CODE_VALUE)), file.text_of(item.get(CODING_SCHEME))


def _differing(file: Part10, original: Part10, wanted: dict[int, bytes | None]) -> tuple[str, ...]:
    """Return the keywords of elements that must change in the given file."""
    keywords = []
    for tag in (ANATOMIC_REGION, PRIMARY_STRUCTURE, BODY_PART_EXAMINED, LATERALITY):
        source = original.elements.get(tag)
        target = wanted.get(tag, original.raw(source) if source else None)
        present = file.elements.get(tag)
        if not _same(file, file.raw(present) if present else None, target):
            keywords.append(KEYWORDS[tag])
    return tuple(keywords)


def _same(file: Part10, one: bytes | None, other: bytes | None) -> bool:
    """Return whether two elements have the same content.

    An archive that transcodes may encode lengths in its own way. That is no reason to write the
    file again, and again after the next transcoding.
    """
    if one is None or other is None or one == other:
        return one == other
    first, second = (_content(file, raw) for raw in (one, other))
    return first == second


def _content(file: Part10, raw: bytes) -> object:
    buffer = memoryview(raw)
    (element,) = file.encoding.walk(buffer, 0, len(raw))
    return file.encoding.content(buffer, element)
