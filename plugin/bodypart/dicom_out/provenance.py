"""Our entry in Original Attributes Sequence and in Contributing Equipment Sequence.

The entry has the original elements from before the first correction, in their encoding, so that an
undo restores the original bytes. There is never more than one entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from bodypart.dicom_out.codes import MODIFYING_EQUIPMENT, PRODUCT
from bodypart.dicom_out.encoding import DicomStructureError, tag_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bodypart.dicom_out.decision import Decision
    from bodypart.dicom_out.encoding import Element, Encoding
    from bodypart.dicom_out.part10 import Part10
    from bodypart.labels import Code

ANATOMIC_REGION = 0x00082218
BODY_PART_EXAMINED = 0x00180015
CONTRIBUTING_EQUIPMENT = 0x0018A001
LATERALITY = 0x00200060
ORIGINAL_ATTRIBUTES = 0x04000561
PRIMARY_STRUCTURE = 0x00082228

KEYWORDS: Mapping[int, str] = MappingProxyType(
    {
        ANATOMIC_REGION: "AnatomicRegionSequence",
        BODY_PART_EXAMINED: "BodyPartExamined",
        CONTRIBUTING_EQUIPMENT: "ContributingEquipmentSequence",
        LATERALITY: "Laterality",
        ORIGINAL_ATTRIBUTES: "OriginalAttributesSequence",
        PRIMARY_STRUCTURE: "PrimaryAnatomicStructureSequence",
    }
)
"""The only attributes that a correction writes."""

CODE_VALUE = 0x00080100
CODING_SCHEME = 0x00080102
_CODE_MEANING = 0x00080104
_VRS = {
    ANATOMIC_REGION: "SQ",
    BODY_PART_EXAMINED: "CS",
    LATERALITY: "CS",
    PRIMARY_STRUCTURE: "SQ",
}
_MANUFACTURER = 0x00080070
_MODEL_NAME = 0x00081090
_SOFTWARE_VERSIONS = 0x00181020
_CONTRIBUTION_TIME = 0x0018A002
_CONTRIBUTION_DESCRIPTION = 0x0018A003
_PURPOSE_OF_REFERENCE = 0x0040A170
_SELECTOR_ATTRIBUTE = 0x00720026
_SELECTOR_VALUE_NUMBER = 0x00720028
_MODIFIED_ATTRIBUTES = 0x04000550
_NONCONFORMING_ATTRIBUTES = 0x04000551
_NONCONFORMING_VALUE = 0x04000552
_MODIFICATION_TIME = 0x04000562
_MODIFYING_SYSTEM = 0x04000563
_SOURCE_OF_PREVIOUS_VALUES = 0x04000564
_REASON = 0x04000565

_NOT_OURS = f"the entry of {PRODUCT} is not as {PRODUCT} writes it"
_CODE_STRING = re.compile(rb"[A-Z0-9_ ]{0,16}")
_ADDED = re.compile(r"Added: ([A-Za-z, ]+)\.")
_DECIDED_AT = re.compile(r"Decided by: a person, (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\.")
_WRITTEN = re.compile(r"Written: ([A-Z0-9_ ]+)\.")


@dataclass(frozen=True, slots=True)
class Signature:
    """Our version and the time of a correction (PS3.3 C.12.1.1.9)."""

    version: str
    now: datetime

    @property
    def time(self) -> str:
        """The time as a DICOM DT, with the offset from UTC if it is known."""
        return self.now.strftime("%Y%m%d%H%M%S%z")


@dataclass(frozen=True, slots=True)
class Record:
    """What our entry in a file says.

    Attributes
    ----------
    previous : mapping of int to bytes or None
        The original element of each attribute that we changed; None if it was absent.
    changed_since : bool
        Whether another system changed the body part later: it recorded a change of an attribute
        that we write, or Body Part Examined is not what we wrote.
    """

    previous: Mapping[int, bytes | None]
    changed_since: bool


def conforms(value: bytes) -> bool:
    """Return whether bytes are a single legal value of VR CS (PS3.5 section 6.2)."""
    return _CODE_STRING.fullmatch(value) is not None


def code_elements(encoding: Encoding, code: Code) -> tuple[bytes, ...]:
    """Return the elements of the Code Sequence macro (PS3.3 section 8.8)."""
    return (
        encoding.text(CODE_VALUE, "SH", code.value),
        encoding.text(CODING_SCHEME, "SH", code.scheme),
        encoding.text(_CODE_MEANING, "LO", code.meaning),
    )


def signed_sequences(
    file: Part10,
    previous: Mapping[int, Element | None],
    signature: Signature,
    written: str | None,
    decision: Decision,
) -> dict[int, bytes]:
    """Return the two sequences with our entry appended.

    Parameters
    ----------
    file : Part10
        The file before any correction of ours.
    previous : mapping of int to Element or None
        The elements that will change; None for one that is not there yet.
    signature : Signature
        Version and time.
    written : str or None
        The new Body Part Examined, if it changes.
    decision : Decision
        Who decided.
    """
    added = [tag for tag, element in previous.items() if element is None]
    added += [
        tag for tag in (CONTRIBUTING_EQUIPMENT, ORIGINAL_ATTRIBUTES) if tag not in file.elements
    ]
    changed = [tag for tag, element in previous.items() if element is not None]
    entry = _original_attributes_item(file, previous, signature)
    sentences = _sentences(changed, added, written, decision)
    equipment = _equipment_item(file.encoding, signature, " ".join(sentences))
    return {
        ORIGINAL_ATTRIBUTES: _appended(file, ORIGINAL_ATTRIBUTES, entry),
        CONTRIBUTING_EQUIPMENT: _appended(file, CONTRIBUTING_EQUIPMENT, equipment),
    }


def read_record(file: Part10) -> Record | None:
    """Return what our entry says; None if the file has none.

    Raises
    ------
    DicomStructureError
        If there are several, or the entry is not as we write it.
    """
    entries = file.items(ORIGINAL_ATTRIBUTES)
    ours = [
        at
        for at, entry in enumerate(entries)
        if file.text_of(entry.get(_MODIFYING_SYSTEM)) == PRODUCT
    ]
    if not ours:
        return None
    if len(ours) > 1:
        raise DicomStructureError(f"Original Attributes Sequence has several entries of {PRODUCT}")
    added = _added(file)
    entry = entries[ours[0]]
    for sequence in (file.elements[ORIGINAL_ATTRIBUTES], entry.get(_MODIFIED_ATTRIBUTES)):
        if sequence is not None:
            _must_be_known(sequence)
    previous: dict[int, bytes | None] = {}
    for element in _modified(file, entry).values():
        # We never change a side that is there, so an entry of ours cannot have one to restore.
        invented = element.tag == LATERALITY and file.text_of(element)
        if element.tag not in _VRS or invented:
            raise DicomStructureError(_NOT_OURS)
        was_absent = added is not None and KEYWORDS[element.tag] in added
        previous[element.tag] = None if was_absent else file.raw(element)
    if _NONCONFORMING_ATTRIBUTES in entry:
        for item in file.nested(entry[_NONCONFORMING_ATTRIBUTES]):
            if _NONCONFORMING_VALUE not in item:
                raise DicomStructureError(_NOT_OURS)
            value = file.value(item[_NONCONFORMING_VALUE])
            previous[BODY_PART_EXAMINED] = file.encoding.element(BODY_PART_EXAMINED, "CS", value)
    later = {tag for other in entries[ours[0] + 1 :] for tag in _modified(file, other)}
    written = _described(file, _WRITTEN)
    overwritten = bool(written) and (file.text(BODY_PART_EXAMINED) or "") != written
    return Record(previous, changed_since=overwritten or not later.isdisjoint(_VRS))


def decided_at(file: Part10) -> str | None:
    """Return when a person said what we wrote, in UTC; None if that is not written."""
    said = _described(file, _DECIDED_AT)
    try:
        datetime.fromisoformat(said or "")
    except ValueError:
        return None
    return said


def unsigned_sequences(file: Part10) -> dict[int, bytes | None]:
    """Return the two sequences without our entry; None for one that was not there before."""
    added = _added(file)
    owners = {ORIGINAL_ATTRIBUTES: _MODIFYING_SYSTEM, CONTRIBUTING_EQUIPMENT: _MANUFACTURER}
    changes: dict[int, bytes | None] = {}
    for tag, owner in owners.items():
        ours = _last_of(file, file.items(tag), owner)
        if ours is None:
            continue
        sequence = file.elements[tag]
        spans = file.encoding.items(file.body, sequence)
        del spans[ours]
        kept = [bytes(file.body[span.start : span.end]) for span in spans]
        was_absent = added is None or KEYWORDS[tag] in added
        changes[tag] = None if not kept and was_absent else _with_items(file, sequence, kept)
    return changes


def _original_attributes_item(
    file: Part10, previous: Mapping[int, Element | None], signature: Signature
) -> bytes:
    encoding = file.encoding
    old_values, nonconforming = [], []
    for tag, element in sorted(previous.items()):
        if element is None:
            old_values.append(encoding.element(tag, _VRS[tag], b""))
        elif tag == BODY_PART_EXAMINED and not conforms(file.value(element)):
            old_values.append(encoding.element(tag, _VRS[tag], b""))
            value = file.value(element)
            nonconforming.append(
                encoding.item(
                    encoding.shorts(_SELECTOR_ATTRIBUTE, "AT", tag >> 16, tag & 0xFFFF),
                    encoding.shorts(_SELECTOR_VALUE_NUMBER, "US", 1),
                    encoding.element(_NONCONFORMING_VALUE, "OB", value + b"\0" * (len(value) % 2)),
                )
            )
        else:
            old_values.append(file.raw(element))
    return encoding.item(
        encoding.sequence(_MODIFIED_ATTRIBUTES, encoding.item(*old_values)),
        encoding.sequence(_NONCONFORMING_ATTRIBUTES, *nonconforming) if nonconforming else b"",
        encoding.text(_MODIFICATION_TIME, "DT", signature.time),
        encoding.text(_MODIFYING_SYSTEM, "LO", PRODUCT),
        encoding.text(_SOURCE_OF_PREVIOUS_VALUES, "LO", ""),
        encoding.text(_REASON, "CS", "CORRECT"),
    )


def _sentences(
    changed: list[int], added: list[int], written: str | None, decision: Decision
) -> list[str]:
    # Undo reads the names after "Added" to tell an absent element from an empty one. "Written"
    # tells whether another system has changed the value since.
    sentences = ["Body part of the exposure."]
    for verb, tags in (("Changed", changed), ("Added", added)):
        if tags:
            sentences.append(f"{verb}: {', '.join(KEYWORDS[tag] for tag in sorted(tags))}.")
    if written:
        sentences.append(f"Written: {written}.")
    who = "a person" if decision.by_person else "the machine"
    sentences.append(f"Decided by: {', '.join(filter(None, (who, decision.at)))}.")
    if decision.pixels:
        sentences.append(f"Of pixel data: {decision.pixels}.")
    return sentences


def _equipment_item(encoding: Encoding, signature: Signature, description: str) -> bytes:
    return encoding.item(
        encoding.text(_MANUFACTURER, "LO", PRODUCT),
        encoding.text(_MODEL_NAME, "LO", PRODUCT),
        encoding.text(_SOFTWARE_VERSIONS, "LO", signature.version),
        encoding.text(_CONTRIBUTION_TIME, "DT", signature.time),
        encoding.text(_CONTRIBUTION_DESCRIPTION, "ST", description),
        encoding.sequence(
            _PURPOSE_OF_REFERENCE, encoding.item(*code_elements(encoding, MODIFYING_EQUIPMENT))
        ),
    )


def _appended(file: Part10, tag: int, item: bytes) -> bytes:
    sequence = file.elements.get(tag)
    if sequence is None:
        return file.encoding.sequence(tag, item)
    return _with_items(file, sequence, [file.value(sequence), item])


def _with_items(file: Part10, sequence: Element, items: list[bytes]) -> bytes:
    """Return a sequence with other items; its length stays defined or undefined."""
    _must_be_known(sequence)
    if sequence.undefined:
        head = bytes(file.body[sequence.start : sequence.value])
        return b"".join((head, *items, bytes(file.body[sequence.stop : sequence.end])))
    return file.encoding.sequence(sequence.tag, *items)


def _must_be_known(sequence: Element) -> None:
    """Raise if what is in a sequence cannot be copied, as it is in another encoding."""
    if sequence.vr == "UN":
        raise DicomStructureError(f"{tag_text(sequence.tag)} is stored as UN")


def _added(file: Part10) -> frozenset[str] | None:
    """Return the keywords that our description calls added; None if the description is gone."""
    names = _described(file, _ADDED)
    if names is None:
        return None
    return frozenset(names.split(", ")) if names else frozenset()


def _described(file: Part10, sentence: re.Pattern[str]) -> str | None:
    """Return what a sentence of our description says: empty if it is absent, None if we have none.

    None means that there is no equipment entry of ours at all.
    """
    equipment = file.items(CONTRIBUTING_EQUIPMENT)
    ours = _last_of(file, equipment, _MANUFACTURER)
    if ours is None:
        return None
    found = sentence.search(file.text_of(equipment[ours].get(_CONTRIBUTION_DESCRIPTION)))
    return found[1] if found else ""


def _last_of(file: Part10, items: list[dict[int, Element]], owner: int) -> int | None:
    """Return the index of the last item that is ours, None if there is none.

    An earlier one is left over from a correction whose other entry was removed by someone else.
    """
    ours = [at for at, item in enumerate(items) if file.text_of(item.get(owner)) == PRODUCT]
    return ours[-1] if ours else None


def _modified(file: Part10, entry: Mapping[int, Element]) -> dict[int, Element]:
    """Return the old values that an entry of Original Attributes Sequence lists."""
    if _MODIFIED_ATTRIBUTES not in entry:
        return {}
    items = file.nested(entry[_MODIFIED_ATTRIBUTES])
    return {tag: element for item in items for tag, element in item.items()}
