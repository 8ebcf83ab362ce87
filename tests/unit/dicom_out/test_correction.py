"""Corrected tags: what is written, what is refused, and that all else stays as it was."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pydicom.uid as uids
import pytest
from pydicom.sequence import Sequence

import bodypart.dicom_out.correction as correction_module
from bodypart.dicom_out.correction import restore
from bodypart.labels import BY_LABEL
from unit.dicom_out.corrected import WRITTEN, changes_nothing, code, corrected, region
from unit.dicom_out.radiographs import (
    NOW,
    SYNTAXES,
    assert_same,
    file_of,
    radiograph,
    read,
    validation_errors,
)

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


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

    @pytest.mark.parametrize("before", [None, "chest"])
    def test_our_own_words_do_not_agree_with_us(self, before):
        """A header reading after a correction must not freeze that correction."""
        stated = {"AnatomicRegionSequence": region(before)} if before else {}
        once = corrected(radiograph(**stated), "knee").data
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


def test_the_standard_library_is_enough():
    """Orthanc's interpreter has no other: the correction must be able to run in it."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import bodypart.dicom_out.correction, bodypart.dicom_out.policy"
    )
    plugin = Path(correction_module.__file__).parents[2]
    subprocess.run([sys.executable, "-I", "-S", "-c", program, plugin], check=True, timeout=60)
