"""Takes our own tags out of a file's headers, also in copies made by others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydicom import Dataset, Sequence

from bodypart.dicom_out.codes import PRODUCT
from bodypart.dicom_out.correction import restore
from bodypart.dicom_out.decision import Decision
from bodypart.dicom_out.encoding import DicomStructureError
from bodypart.dicom_out.part10 import Part10
from bodypart.dicom_out.provenance import decided_at
from bodypart.element_values import each_of, value_of
from bodypart.labels import UnknownLabelError, body_part
from bodypart.pixels import read_dataset

_ANATOMY = ("AnatomicRegionSequence", "PrimaryAnatomicStructureSequence", "BodyPartExamined")


@dataclass(frozen=True, slots=True)
class OwnTags:
    """What we wrote into a file.

    Attributes
    ----------
    label : str
        The examined part.
    decision : Decision
        Who decided, and about which pixel data.
    """

    label: str
    decision: Decision


def without_own_tags(data: bytes | memoryview, dataset: Dataset) -> tuple[Dataset, OwnTags | None]:
    """Return a file's headers as they were before our correction, and what we wrote.

    Parameters
    ----------
    data, dataset : bytes or memoryview, Dataset
        A DICOM file, as bytes and as it was read.

    Raises
    ------
    DatasetError
        If it cannot be read again.
    """
    ours = own_tags(dataset)
    if ours and ours.decision.by_person and ours.decision.text.encode() not in bytes(data):
        # Deflated: the service that asked cannot check by itself that a person decided.
        ours = OwnTags(ours.label, replace(ours.decision, by_person=False))
    entry = _our_entry(dataset)
    if entry is not None:
        try:
            if ours and ours.decision.by_person:
                said_at = decided_at(Part10(data))
                ours = OwnTags(ours.label, replace(ours.decision, at=said_at))
            original = restore(data).data
        except DicomStructureError:
            # A gateway may have stored our sequences as UN, or padded the file.
            _undo(dataset, entry)
            return dataset, ours
        if original is not None:
            return read_dataset(original), ours
    if ours is not None:
        # The entry with the original values is gone: ours are removed, and nothing is restored.
        term = body_part(ours.label).body_part_examined
        if value_of(dataset, "BodyPartExamined") == term:
            del dataset.BodyPartExamined
        del dataset.AnatomicRegionSequence
    return dataset, ours


def own_tags(dataset: Dataset) -> OwnTags | None:
    """Return what we wrote into a file, by our mark in its anatomic region; None without one."""
    regions = value_of(dataset, "AnatomicRegionSequence")
    if not isinstance(regions, Sequence) or len(regions) != 1:
        return None
    name, code = (value_of(regions[0], k) for k in ("MappingResourceName", "CodeValue"))
    decision = Decision.read(name) if isinstance(name, str) else None
    if decision is None:
        return None
    try:
        return OwnTags(body_part(str(code)).label, decision)
    except UnknownLabelError:
        return None


def _our_entry(dataset: Dataset) -> Dataset | None:
    entries = value_of(dataset, "OriginalAttributesSequence")
    found = entries if isinstance(entries, Sequence) else ()
    return next((e for e in found if value_of(e, "ModifyingSystem") == PRODUCT), None)


def _undo(dataset: Dataset, entry: Dataset) -> None:
    """Put the old values that our entry lists back into the headers, for reading them."""
    for item in each_of(value_of(entry, "ModifiedAttributesSequence")):
        for keyword in _ANATOMY:
            if isinstance(item, Dataset) and keyword in item:
                dataset[keyword] = item.get_item(keyword)
