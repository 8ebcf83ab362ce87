"""What is left as it is: refused files, hostile bytes; and real files."""

import struct
import zlib

import pydicom.uid as uids
import pytest
from pydicom import Dataset, dcmread

from bodypart.dicom_out.correction import Correction, restore
from bodypart.dicom_out.encoding import DicomStructureError
from bodypart.file_meta import read_file_meta
from mutations import mutations
from unit.dicom_out.corrected import (
    WRITTEN,
    changes_nothing,
    corrected,
    entry_of,
    region,
    structure,
)
from unit.dicom_out.radiographs import (
    SYNTAXES,
    assert_same,
    file_of,
    radiograph,
    read,
    validation_errors,
)

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


def old(entries):
    return entries[0].ModifiedAttributesSequence[0]


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

    @pytest.mark.parametrize("sequence", ["DigitalSignaturesSequence", "MACParametersSequence"])
    def test_a_signature_that_hides_what_it_covers_is_refused(self, sequence):
        assert "signed" in corrected(radiograph(**{sequence: [Dataset()]})).refused

    def test_a_signature_over_our_correction_forbids_the_undo(self):
        dataset = read(corrected(radiograph()).data)
        parameters = Dataset()
        parameters.DataElementsSigned = [0x00180015, 0x00082218]
        dataset.MACParametersSequence = [parameters]
        assert "BodyPartExamined" in restore(file_of(dataset)).refused

    def test_a_signature_over_a_laterality_of_ours_forbids_the_undo(self):
        dataset = read(corrected(radiograph(Laterality=None), "knee").data)
        parameters = Dataset()
        parameters.DataElementsSigned = [0x00200060]
        dataset.MACParametersSequence = [parameters]
        assert "Laterality" in restore(file_of(dataset)).refused

    @pytest.mark.parametrize(
        "forge",
        [
            lambda entries: entries.append(entries[0]),
            lambda entries: setattr(old(entries), "PatientID", "P2"),
            lambda entries: setattr(old(entries), "Laterality", "R"),
        ],
        ids=["two entries", "a patient", "a side"],
    )
    def test_an_entry_that_we_would_not_write_is_not_restored(self, forge):
        dataset = read(corrected(radiograph()).data)
        forge(dataset.OriginalAttributesSequence)
        for act in (restore, corrected):
            with pytest.raises(DicomStructureError):
                act(file_of(dataset))

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

    def test_a_signed_structure_is_not_removed(self):
        parameters = Dataset()
        parameters.MACIDNumber, parameters.DataElementsSigned = 1, [0x00082228]
        signed = {"MACParametersSequence": [parameters]}
        file = radiograph(PrimaryAnatomicStructureSequence=structure("patella"), **signed)
        assert corrected(file, "knee").refused is None
        contradicting = ["PrimaryAnatomicStructureSequence"]
        correction = corrected(file, "hand", contradicting=contradicting)
        assert correction.data is None
        assert correction.refused == "a digital signature covers PrimaryAnatomicStructureSequence"

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
        assert corrected(file).refused == "BodyPartExamined is stored as LO, not as CS"

    def test_an_unknown_side_is_named(self):
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

    def test_a_deflated_data_set_without_its_end_raises(self):
        """All its elements may be there, and what came after them is lost."""
        whole = radiograph(SYNTAXES["deflated"])
        end = read_file_meta(whole).end
        packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        elements = packed.compress(zlib.decompress(whole[end:], -zlib.MAX_WBITS))
        with pytest.raises(DicomStructureError, match="too early"):
            corrected(whole[:end] + elements + packed.flush(zlib.Z_SYNC_FLUSH))

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
