"""Files as they are corrected, and what may stand in them already."""

from pydicom import Dataset
from pydicom.sequence import Sequence

from bodypart.dicom_out.correction import Correction, correct
from bodypart.labels import BY_LABEL
from unit.dicom_out.radiographs import (
    NOW,
)

WRITTEN = (
    "AnatomicRegionSequence",
    "BodyPartExamined",
    "ContributingEquipmentSequence",
    "Laterality",
    "OriginalAttributesSequence",
    "PrimaryAnatomicStructureSequence",
)


def changes_nothing(correction):
    return correction == Correction(standing=correction.standing)


def corrected(data, label="knee", side=None, **options) -> Correction:
    return correct(data, BY_LABEL[label], side, **{"version": "0.1.0", "now": NOW, **options})


def code(label, scheme="SCT", meaning="as it was") -> Dataset:
    item = Dataset()
    item.CodeValue = label
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def region(label, side=None) -> Sequence:
    item = code(BY_LABEL[label].code.value)
    if side:
        item.AnatomicRegionModifierSequence = [code(side)]
    return Sequence([item])


def structure(label, side=None) -> Sequence:
    item = code(BY_LABEL[label].code.value)
    if side:
        item.PrimaryAnatomicStructureModifierSequence = [code(side)]
    return Sequence([item])


def entry_of(system, **old_values) -> Dataset:
    item = Dataset()
    modified = Dataset()
    for keyword, value in old_values.items():
        setattr(modified, keyword, value)
    item.ModifiedAttributesSequence = [modified]
    item.AttributeModificationDateTime = "20261101"
    item.ModifyingSystem = system
    item.SourceOfPreviousValues = ""
    item.ReasonForTheAttributeModification = "COERCE"
    return item
