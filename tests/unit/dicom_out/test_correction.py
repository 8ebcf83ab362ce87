"""Corrected tags: what is written, what is refused, and that all else stays as it was."""

import struct
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pydicom.uid as uids
import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

import bodypart.dicom_out.correction as correction_module
from bodypart.dicom_out.correction import Correction, correct, restore
from bodypart.dicom_out.encoding import DicomStructureError
from bodypart.labels import BY_LABEL
from mutations import mutations
from unit.dicom_out.radiographs import (
    NOW,
    SYNTAXES,
    assert_same,
    digital_radiograph,
    file_of,
    radiograph,
    read,
    validation_errors,
)

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")

WRITTEN = (
    "AnatomicRegionSequence",
    "BodyPartExamined",
    "ContributingEquipmentSequence",
    "Laterality",
    "OriginalAttributesSequence",
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


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
class TestEverySyntax:
    def test_only_the_written_attributes_differ(self, syntax):
        original = radiograph(syntax)
        correction = corrected(original, "knee", "L")
        assert correction.changed == ("AnatomicRegionSequence", "BodyPartExamined")
        assert_same(original, correction.data, except_for=WRITTEN)
        assert read(correction.data).PixelData == read(original).PixelData

    def test_the_answer_is_written(self, syntax):
        dataset = read(corrected(radiograph(syntax), "knee", "L").data)
        assert dataset.BodyPartExamined == "KNEE"
        (item,) = dataset.AnatomicRegionSequence
        assert (item.CodeValue, item.CodingSchemeDesignator) == ("72696002", "SCT")
        (modifier,) = item.AnatomicRegionModifierSequence
        assert (modifier.CodeValue, modifier.CodeMeaning) == ("7771000", "Left")

    def test_the_old_values_and_the_author_are_recorded(self, syntax):
        dataset = read(corrected(radiograph(syntax)).data)
        (entry,) = dataset.OriginalAttributesSequence
        (old,) = entry.ModifiedAttributesSequence
        assert old.BodyPartExamined == "CHEST"
        assert len(old.AnatomicRegionSequence) == 0
        assert entry.AttributeModificationDateTime == "20261121030405+0000"
        assert entry.ModifyingSystem == "orthanc-bodypart"
        assert entry.SourceOfPreviousValues in ("", None)
        assert entry.ReasonForTheAttributeModification == "CORRECT"
        (equipment,) = dataset.ContributingEquipmentSequence
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109103"
        assert equipment.Manufacturer == "orthanc-bodypart"
        assert equipment.SoftwareVersions == "0.1.0"

    def test_undo_gives_back_the_original(self, syntax):
        original = radiograph(syntax)
        restored = restore(corrected(original).data)
        assert restored.changed == ("AnatomicRegionSequence", "BodyPartExamined")
        assert_same(original, restored.data)
        if syntax != SYNTAXES["deflated"]:
            assert restored.data == original

    def test_the_same_answer_changes_nothing_the_second_time(self, syntax):
        once = corrected(radiograph(syntax), "knee", "R").data
        assert changes_nothing(corrected(once, "knee", "R", version="9", now=NOW + timedelta(1)))

    def test_another_answer_keeps_the_first_original(self, syntax):
        original = radiograph(syntax)
        once = corrected(original, "knee", "R").data
        twice = corrected(once, "ankle").data
        dataset = read(twice)
        assert dataset.BodyPartExamined == "ANKLE"
        assert "AnatomicRegionModifierSequence" not in dataset.AnatomicRegionSequence[0]
        (entry,) = dataset.OriginalAttributesSequence
        assert entry.ModifiedAttributesSequence[0].BodyPartExamined == "CHEST"
        assert len(dataset.ContributingEquipmentSequence) == 1
        assert_same(original, restore(twice).data)

    def test_the_validator_finds_no_new_error(self, syntax, tmp_path):
        original = radiograph(syntax)
        before = validation_errors(original, tmp_path)
        after = validation_errors(corrected(original, "knee", "L").data, tmp_path)
        assert after <= before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("explicit little endian", "implicit little endian"),
        ("implicit little endian", "explicit little endian"),
        ("explicit little endian", "deflated"),
    ],
)
class TestAfterTranscoding:
    """An archive may encode the corrected file anew, lengths and all."""

    def transcoded(self, data, syntax) -> bytes:
        dataset = read(data)
        dataset.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
        for item in dataset.iterall():
            item.is_undefined_length = item.VR == "SQ"
        return file_of(dataset)

    def test_the_same_answer_still_changes_nothing(self, before, after):
        once = corrected(radiograph(SYNTAXES[before]), "knee", "L").data
        assert changes_nothing(corrected(self.transcoded(once, after), "knee", "L"))

    def test_undo_still_gives_back_the_original(self, before, after):
        original = radiograph(SYNTAXES[before], AnatomicRegionSequence=region("chest"))
        once = corrected(original, "knee", "L").data
        restored = restore(self.transcoded(once, after)).data
        assert_same(self.transcoded(original, after), restored)


@pytest.mark.parametrize(
    ("modality", "sop_class"),
    [
        ("DX", uids.DigitalXRayImageStorageForPresentation),
        ("DX", uids.DigitalXRayImageStorageForProcessing),
        ("MG", uids.DigitalMammographyXRayImageStorageForPresentation),
        ("RF", uids.XRayRadiofluoroscopicImageStorage),
        ("XA", uids.XRayAngiographicImageStorage),
        ("OT", uids.SecondaryCaptureImageStorage),
        ("OT", uids.MultiFrameGrayscaleWordSecondaryCaptureImageStorage),
    ],
)
@pytest.mark.parametrize("side", ["L", None])
@pytest.mark.parametrize("stated", [{}, {"ImageLaterality": "L", "Laterality": None}])
def test_every_iod_stays_as_valid_as_it_was(modality, sop_class, side, stated, tmp_path):
    original = radiograph(SOPClassUID=sop_class, Modality=modality, **stated)
    correction = corrected(original, "knee", side)
    assert validation_errors(correction.data, tmp_path) <= validation_errors(original, tmp_path)


@pytest.mark.parametrize("label", BY_LABEL)
@pytest.mark.parametrize(
    "stated",
    [
        {"BodyPartExamined": "KNEE", "Laterality": ""},
        {"BodyPartExamined": "CHEST", "Laterality": None},
    ],
    ids=["paired", "unpaired"],
)
def test_every_label_makes_a_valid_file_of_a_valid_one(label, stated, tmp_path):
    original = radiograph(**stated)
    assert validation_errors(original, tmp_path) == set()
    written = corrected(original, label).data
    assert validation_errors(written, tmp_path) == set()
    assert read(written).BodyPartExamined == BY_LABEL[label].body_part_examined


class TestWhatIsMissing:
    def test_a_header_that_says_all_of_it_is_left_alone(self):
        original = radiograph(BodyPartExamined="KNEE", AnatomicRegionSequence=region("knee"))
        assert changes_nothing(corrected(original, "knee"))

    def test_only_the_region_is_added_to_a_right_term(self):
        correction = corrected(radiograph(BodyPartExamined="KNEE"), "knee")
        assert correction.changed == ("AnatomicRegionSequence",)
        (entry,) = read(correction.data).OriginalAttributesSequence
        assert "BodyPartExamined" not in entry.ModifiedAttributesSequence[0]

    def test_a_side_is_added_to_a_right_region(self):
        item = region("knee")[0]
        item.ContextIdentifier = "4009"
        item.AnatomicRegionModifierSequence = [code("261183002", meaning="Upper")]
        original = radiograph(BodyPartExamined="KNEE", AnatomicRegionSequence=[item])
        correction = corrected(original, "knee", "B")
        (written,) = read(correction.data).AnatomicRegionSequence
        assert written.ContextIdentifier == "4009"
        codes = [modifier.CodeValue for modifier in written.AnatomicRegionModifierSequence]
        assert codes == ["261183002", "51440002"]
        assert restore(correction.data).data == original

    def test_the_modalitys_own_words_stay_where_they_agree(self):
        legacy = Sequence([code("T-D9200", "SRT", "Knee")])
        original = radiograph(BodyPartExamined="KNEE JOINT", AnatomicRegionSequence=legacy)
        agreeing = ("BodyPartExamined", "AnatomicRegionSequence")
        assert changes_nothing(corrected(original, "knee", agreeing=agreeing))

    def test_an_agreeing_value_that_breaks_its_vr_is_replaced(self):
        original = radiograph(BodyPartExamined="CHEST")
        original = original.replace(b"CS\x06\x00CHEST ", b"CS\x06\x00knee  ")
        dataset = read(corrected(original, "knee", agreeing=("BodyPartExamined",)).data)
        assert dataset.BodyPartExamined == "KNEE"

    def test_our_own_words_do_not_agree_with_us(self):
        """A header reading after a correction must not freeze that correction."""
        once = corrected(radiograph(), "knee").data
        again = corrected(once, "knee", agreeing=("BodyPartExamined", "AnatomicRegionSequence"))
        assert changes_nothing(again)

    def test_the_modalitys_own_code_stays_when_only_its_side_is_ours(self):
        legacy = Sequence([code("T-D9200", "SRT", "Knee")])
        original = radiograph(BodyPartExamined="KNEE", AnatomicRegionSequence=legacy)
        agreeing = ("BodyPartExamined", "AnatomicRegionSequence")
        once = corrected(original, "knee", "L", agreeing=agreeing).data
        assert read(once).AnatomicRegionSequence[0].CodeValue == "T-D9200"
        assert changes_nothing(corrected(once, "knee", "L", agreeing=agreeing))

    def test_the_original_returns_when_the_answer_becomes_what_it_said(self):
        original = radiograph(AnatomicRegionSequence=region("chest"))
        once = corrected(original, "knee").data
        back = corrected(once, "chest")
        assert back.changed == ("AnatomicRegionSequence", "BodyPartExamined")
        assert back.data == original

    def test_a_mixed_series_keeps_its_body_part_examined(self):
        once = corrected(radiograph(), "knee").data
        mixed = corrected(once, "knee", mixed_series=True)
        assert mixed.changed == ("BodyPartExamined",)
        dataset = read(mixed.data)
        assert dataset.BodyPartExamined == "CHEST"
        assert dataset.AnatomicRegionSequence[0].CodeValue == "72696002"

    def test_an_unpaired_part_gets_no_side(self):
        dataset = read(corrected(radiograph(), "pelvis", "L").data)
        assert "AnatomicRegionModifierSequence" not in dataset.AnatomicRegionSequence[0]


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

    def test_half_an_entry_is_no_correction(self):
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
            radiograph(AnatomicRegionSequence=region("ankle", "24028007")),
            radiograph(AnatomicRegionSequence=region("ankle", "G-A100")),
        ],
        ids=["unpaired", "ImageLaterality", "Laterality", "modifier", "SNOMED RT modifier"],
    )
    def test_a_contradiction_is_refused(self, file):
        correction = corrected(file, "knee", "L")
        assert correction.data is None
        assert correction.refused


class TestRefusals:
    def test_an_earlier_answer_does_not_outlive_a_refused_one(self):
        original = radiograph(BodyPartExamined="HIP", Laterality="L")
        once = corrected(original, "knee", "L").data
        correction = corrected(once, "pelvis")
        assert correction.refused
        assert correction.data == original

    @pytest.mark.parametrize(
        "sop_class",
        [uids.CTImageStorage, uids.DigitalIntraOralXRayImageStorageForPresentation],
    )
    def test_other_objects_are_refused(self, sop_class):
        correction = corrected(radiograph(SOPClassUID=sop_class))
        assert correction.data is None
        assert sop_class in correction.refused

    @pytest.mark.parametrize(
        ("signed", "refused"),
        [(0x00180015, True), (0x00082218, True), (0x04000561, True), (0x00100020, False)],
    )
    def test_signed_attributes_are_never_changed(self, signed, refused):
        parameters = Dataset()
        parameters.MACIDNumber = 1
        parameters.DataElementsSigned = [signed]
        file = radiograph(MACParametersSequence=[parameters])
        assert (corrected(file).refused is not None) == refused

    def test_a_signature_that_hides_what_it_covers_is_refused(self):
        assert "signed" in corrected(radiograph(DigitalSignaturesSequence=[Dataset()])).refused

    def test_a_signature_over_our_correction_forbids_the_undo(self):
        dataset = read(corrected(radiograph()).data)
        parameters = Dataset()
        parameters.DataElementsSigned = [0x00180015, 0x00082218]
        dataset.MACParametersSequence = [parameters]
        assert "BodyPartExamined" in restore(file_of(dataset)).refused

    def test_a_later_change_by_another_system_is_respected(self):
        dataset = read(corrected(radiograph()).data)
        dataset.OriginalAttributesSequence.append(entry_of("PACS", BodyPartExamined="KNEE"))
        dataset.BodyPartExamined = "LEG"
        assert "another system" in corrected(file_of(dataset), "ankle").refused
        assert "another system" in restore(file_of(dataset)).refused

    def test_an_unrecorded_change_by_another_system_is_respected(self):
        """Many systems, Orthanc's own /modify among them, leave no entry in the sequence."""
        dataset = read(corrected(radiograph()).data)
        dataset.BodyPartExamined = "WRIST"
        assert "another system" in corrected(file_of(dataset), "ankle").refused
        assert "another system" in restore(file_of(dataset)).refused

    def test_a_signed_laterality_is_neither_added_nor_removed(self):
        parameters = Dataset()
        parameters.MACIDNumber, parameters.DataElementsSigned = 1, [0x00200060]
        signed = {"MACParametersSequence": [parameters]}
        assert corrected(radiograph(**signed), "knee", "L").refused is None
        for file, part in (
            (radiograph(**signed), "chest"),
            (radiograph(Laterality=None, **signed), "knee"),
        ):
            dataset = read(file)
            dataset.BodyPartExamined = "ELBOW"
            correction = corrected(file_of(dataset), part)
            assert correction.data is None
            assert correction.refused == "a digital signature covers Laterality"

    def test_a_value_of_odd_length_is_refused(self):
        file = radiograph(BodyPartExamined="HAND ")
        odd = file.replace(b"\x18\x00\x15\x00CS\x06\x00HAND  ", b"\x18\x00\x15\x00CS\x05\x00HAND ")
        assert len(odd) < len(file)
        assert "odd length" in corrected(odd, "wrist").refused

    def test_a_broken_sop_class_is_not_quoted(self):
        correction = corrected(radiograph(SOPClassUID="1.2\r\nX: y"))
        assert correction.refused.startswith("no valid SOP Class")

    def test_endless_nesting_of_defined_length_is_refused(self):
        nested = b""
        for _ in range(400):
            item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(nested)) + nested
            nested = b"\x08\x00\x18\x22SQ\0\0" + struct.pack("<I", len(item)) + item
        file = radiograph()
        at = file.index(b"\x09\x00\x01\x10UN")
        with pytest.raises(DicomStructureError, match="nested"):
            corrected(file[:at] + nested + file[at:], "wrist")

    def test_a_body_part_of_unknown_vr_is_refused(self):
        file = radiograph().replace(b"\x18\x00\x15\x00CS\x06\x00", b"\x18\x00\x15\x00LO\x06\x00")
        assert corrected(file).refused == "BodyPartExamined is stored as LO"

    def test_a_side_that_is_none_is_named(self):
        with pytest.raises(ValueError, match="'X'"):
            corrected(radiograph(), side="X")

    def test_nothing_to_undo(self):
        assert restore(radiograph()) == Correction()


@pytest.fixture(scope="module")
def whole():
    return radiograph(SYNTAXES["JPEG lossless SV1"])


class TestHostileBytes:
    def test_mutated_files_raise_or_are_undone_exactly(self, monkeypatch):
        monkeypatch.setattr("bodypart.dicom_out.part10.LARGEST_INFLATED", 2**20)
        files = [
            radiograph(syntax, AnatomicRegionSequence=region("chest"))
            for syntax in (SYNTAXES["explicit little endian"], SYNTAXES["RLE"])
        ]
        corrected_files = [corrected(file).data for file in files]
        written = 0
        for name, data in mutations([*files, *corrected_files], 1500):
            try:
                correction = corrected(data, "ankle")
                restored = restore(correction.data or data)
            except DicomStructureError:
                continue
            if correction.data is not None and restore(data) == Correction():
                assert restored.data == data, name
                written += 1
        assert written > 100

    @pytest.mark.parametrize("left", [0, 131, 132, 200, 500, -1, -9, -500])
    def test_a_truncated_file_raises(self, whole, left):
        with pytest.raises(DicomStructureError):
            corrected(whole[:left])

    def test_a_web_page_raises(self):
        with pytest.raises(DicomStructureError, match="DICM"):
            corrected(b"<!DOCTYPE html><html></html>" * 50)

    def test_endless_nesting_raises(self):
        """Deeper than any stack: a sequence in an item in a sequence, without lengths."""
        opened = b"\x09\x00\x10\x10SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        head, tail = radiograph().split(b"\x10\x00\x10\x00PN", 1)
        with pytest.raises(DicomStructureError, match="nested"):
            corrected(head + opened * 5000 + b"\x10\x00\x10\x00PN" + tail)

    def test_a_deflate_bomb_raises(self, monkeypatch):
        monkeypatch.setattr("bodypart.dicom_out.part10.LARGEST_INFLATED", 100)
        with pytest.raises(DicomStructureError, match="inflates"):
            corrected(radiograph(SYNTAXES["deflated"]))

    def test_elements_out_of_order_raise(self):
        data = radiograph()
        start = data.index(b"\x10\x00\x10\x00PN")
        stop = data.index(b"\x10\x00\x20\x00LO")
        with pytest.raises(DicomStructureError, match="order"):
            corrected(data[:start] + data[stop : stop + 10] + data[start:stop] + data[stop + 10 :])

    def test_a_private_transfer_syntax_raises(self):
        data = radiograph().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0")
        with pytest.raises(DicomStructureError, match="transfer syntax"):
            corrected(data)


def _real_files(folder):
    return [path for path in sorted(folder.iterdir()) if path.suffix != ".csv" and path.is_file()]


@pytest.mark.shared
class TestRealFiles:
    @pytest.mark.parametrize("label", ["foot", "pelvis"])
    def test_everything_else_stays(self, shared, label, tmp_path, subtests):
        for path in _real_files(shared / "dicom"):
            if path.suffix != ".dcm":
                continue
            with subtests.test(path.name):
                original = path.read_bytes()
                correction = corrected(original, label)
                if label == "pelvis" and read(original).get("Laterality"):
                    assert "Laterality" in correction.refused
                    continue
                assert correction.data
                assert_same(original, correction.data, except_for=WRITTEN)
                assert read(correction.data).PixelData == dcmread(path).PixelData
                assert changes_nothing(corrected(correction.data, label))
                assert restore(correction.data).data == original
                assert validation_errors(correction.data, tmp_path) <= validation_errors(
                    original, tmp_path
                )

    def test_hostile_files_are_refused_or_undone_exactly(self, shared, subtests):
        for path in _real_files(shared / "dicom" / "broken"):
            with subtests.test(path.name):
                original = path.read_bytes()
                try:
                    correction = corrected(original, "foot")
                except DicomStructureError:
                    continue
                if correction.data is None:
                    assert correction.refused
                else:
                    assert_same(original, correction.data, except_for=WRITTEN)
                    assert restore(correction.data).data == original


def test_the_standard_library_is_enough():
    """Orthanc's interpreter has no other: the correction must be able to run in it."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import bodypart.dicom_out.correction, bodypart.dicom_out.policy"
    )
    plugin = Path(correction_module.__file__).parents[2]
    subprocess.run([sys.executable, "-I", "-S", "-c", program, plugin], check=True, timeout=60)
