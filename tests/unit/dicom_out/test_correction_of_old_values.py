"""What stood there before a correction: kept as an original attribute, or left alone."""

import pytest
from pydicom import Dataset

from bodypart.dicom_out.correction import Correction, restore
from bodypart.dicom_out.part10 import Part10
from bodypart.dicom_out.same_picture import same_picture
from unit.dicom_out.corrected import changes_nothing, corrected, entry_of, region, structure
from unit.dicom_out.radiographs import (
    digital_radiograph,
    file_of,
    radiograph,
    read,
    validation_errors,
)

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


class TestOldValues:
    @pytest.mark.parametrize(
        "old", [b"abdomen&pelvis", b"CHEST\\ABDOMEN ", b"Thorax\xe4 ", b"AB\0\0"]
    )
    def test_a_value_that_broke_its_vr_is_kept_as_bytes(self, old, tmp_path):
        original = radiograph(BodyPartExamined="X" * len(old)).replace(b"X" * len(old), old)
        correction = corrected(original)
        (entry,) = read(correction.data).OriginalAttributesSequence
        assert entry.ModifiedAttributesSequence[0].BodyPartExamined in ("", None)
        (nonconforming,) = entry.NonconformingModifiedAttributesSequence
        assert nonconforming.SelectorAttribute == 0x00180015
        assert nonconforming.SelectorValueNumber == 1
        assert nonconforming.NonconformingDataElementValue == old
        assert restore(correction.data).data == original
        assert validation_errors(correction.data, tmp_path) <= validation_errors(original, tmp_path)

    def test_a_value_of_more_than_16_characters_is_kept_as_bytes(self):
        long = "LEFT KNEE STANDING LATERAL"
        original = radiograph(BodyPartExamined="X" * 26).replace(b"X" * 26, long.encode())
        (entry,) = read(corrected(original).data).OriginalAttributesSequence
        (nonconforming,) = entry.NonconformingModifiedAttributesSequence
        assert nonconforming.NonconformingDataElementValue == long.encode()

    @pytest.mark.parametrize("empty", [None, ""])
    def test_undo_tells_absent_from_empty(self, empty):
        original = radiograph(BodyPartExamined=empty)
        assert restore(corrected(original).data).data == original

    def test_undo_tells_absent_from_empty_sequences(self):
        original = radiograph(
            AnatomicRegionSequence=[],
            OriginalAttributesSequence=[],
            ContributingEquipmentSequence=[],
        )
        assert restore(corrected(original).data).data == original

    @pytest.mark.parametrize("undefined", [True, False])
    def test_entries_of_others_stay(self, undefined):
        dataset = read(radiograph(AnatomicRegionSequence=region("chest")))
        dataset.OriginalAttributesSequence = [entry_of("RIS", BodyPartExamined="HEAD")]
        equipment = Dataset()
        equipment.Manufacturer = "Gateway"
        dataset.ContributingEquipmentSequence = [equipment]
        for element in dataset:
            element.is_undefined_length = element.VR == "SQ" and undefined
        original = file_of(dataset)
        correction = corrected(original)
        written = read(correction.data)
        systems = [entry.ModifyingSystem for entry in written.OriginalAttributesSequence]
        assert systems == ["RIS", "orthanc-bodypart"]
        assert written.ContributingEquipmentSequence[0].Manufacturer == "Gateway"
        assert restore(correction.data).data == original

    def test_undo_without_the_description_keeps_an_empty_value(self):
        dataset = read(corrected(radiograph(BodyPartExamined="")).data)
        del dataset.ContributingEquipmentSequence
        assert read(restore(file_of(dataset)).data).BodyPartExamined in ("", None)

    def test_a_correction_without_its_original_attributes_counts_as_the_original(self):
        """Somebody removed the old values: what stands there now is the original."""
        dataset = read(corrected(radiograph(), "hand").data)
        del dataset.OriginalAttributesSequence
        original = file_of(dataset)
        assert restore(original) == Correction()
        assert restore(corrected(original, "knee").data).data == original

    def test_group_lengths_follow(self):
        """The retired (gggg,0000) elements must stay right, and return to what they were."""

        def group(data):
            return data[data.index(b"\x18\x00\x15\x00CS") : data.index(b"\x20\x00\x0d\x00UI")]

        plain = radiograph()
        element = b"\x18\x00\x00\x00UL\x04\x00" + len(group(plain)).to_bytes(4, "little")
        original = plain.replace(group(plain), element + group(plain))
        correction = corrected(original, "finger")
        assert read(correction.data)[0x00180000].value == len(group(correction.data))
        assert restore(correction.data).data == original

    def test_fillers_in_items_are_no_values(self):
        """An archive may write a group length into each item: neither correction nor undo ran."""

        def filled(file, sequence):
            items = []
            for item in file.encoding.items(file.body, sequence):
                pieces, groups = [], set()
                for element in file.encoding.walk(file.body, item.value, item.stop):
                    group = element.tag & 0xFFFF0000
                    if group not in groups:
                        groups.add(group)
                        pieces.append(file.encoding.element(group, "UL", bytes(4)))
                    nests = element.vr == "SQ"
                    pieces.append(filled(file, element) if nests else file.raw(element))
                padding = file.encoding.element(0xFFFCFFFC, "OB", bytes(2))
                items.append(file.encoding.item(*pieces, padding))
            return file.encoding.sequence(sequence.tag, *items)

        original = radiograph(AnatomicRegionSequence=region("chest"))
        once = Part10(corrected(original, "knee").data)
        sequences = [element for element in once.elements.values() if element.vr == "SQ"]
        stored = once.rewritten({element.tag: filled(once, element) for element in sequences})
        assert changes_nothing(corrected(stored, "knee"))
        sided = corrected(stored, "knee", "L")
        assert sided.changed == ("AnatomicRegionSequence",)
        restored = read(restore(sided.data).data)
        assert restored.AnatomicRegionSequence[0].CodeMeaning == "as it was"
        assert "OriginalAttributesSequence" not in restored

    def test_a_structure_of_another_part_does_not_stay_beside_ours(self, tmp_path):
        """A corrected file named a hand, and within it the patella."""
        original = radiograph(PrimaryAnatomicStructureSequence=structure("patella"))
        kept = corrected(original, "hand", "L")
        assert "PrimaryAnatomicStructureSequence" in read(kept.data)
        correction = corrected(
            original, "hand", "L", contradicting=["PrimaryAnatomicStructureSequence"]
        )
        assert "PrimaryAnatomicStructureSequence" in correction.changed
        assert "PrimaryAnatomicStructureSequence" not in read(correction.data)
        assert same_picture(original, correction.data) is None
        assert validation_errors(correction.data, tmp_path) <= validation_errors(original, tmp_path)
        assert restore(correction.data).data == original


class TestSides:
    def test_laterality_is_added_empty_where_a_paired_part_demands_it(self, tmp_path):
        original = radiograph(Laterality=None)
        correction = corrected(original, "knee", "L")
        assert "Laterality" in correction.changed
        assert read(correction.data).Laterality in ("", None)
        assert validation_errors(correction.data, tmp_path) <= validation_errors(original, tmp_path)
        assert restore(correction.data).data == original

    def test_an_empty_laterality_goes_where_an_unpaired_part_forbids_it(self, tmp_path):
        original = radiograph(BodyPartExamined="KNEE", Laterality="")
        correction = corrected(original, "pelvis")
        assert "Laterality" not in read(correction.data)
        assert validation_errors(correction.data, tmp_path) <= validation_errors(original, tmp_path)
        assert changes_nothing(corrected(correction.data, "pelvis"))
        assert restore(correction.data).data == original

    def test_a_stated_laterality_is_not_removed(self):
        correction = corrected(radiograph(BodyPartExamined="HIP", Laterality="L"), "pelvis")
        assert correction.refused == "Laterality states a side, and the pelvis has none"

    @pytest.mark.parametrize("label", ["knee", "chest"])
    def test_a_stated_side_stays(self, label):
        dataset = read(corrected(digital_radiograph(ImageLaterality="R"), label, "R").data)
        assert dataset.ImageLaterality == "R"
        assert "Laterality" not in dataset

    def test_image_laterality_is_never_invented(self):
        dataset = read(corrected(digital_radiograph(ImageLaterality=None), "knee").data)
        assert "ImageLaterality" not in dataset

    @pytest.mark.parametrize(
        "file",
        [
            digital_radiograph(ImageLaterality="U"),
            digital_radiograph(ImageLaterality="R"),
            radiograph(Laterality="R"),
            radiograph(Laterality="Right"),
            radiograph(AnatomicRegionSequence=region("ankle", "24028007")),
            radiograph(AnatomicRegionSequence=region("ankle", "G-A100")),
            radiograph(PrimaryAnatomicStructureSequence=structure("knee", "24028007")),
        ],
        ids=[
            "unpaired",
            "ImageLaterality",
            "Laterality",
            "spelt out",
            "modifier",
            "SNOMED RT modifier",
            "modifier of the structure",
        ],
    )
    def test_a_contradiction_is_refused(self, file):
        correction = corrected(file, "knee", "L")
        assert correction.data is None
        assert correction.refused
