"""The structured report: valid, read back by highdicom, and linked to the one it replaces."""

from io import BytesIO

import pydicom.uid as uids
import pytest
from highdicom.sr import srread
from pydicom.sr.codedict import codes

from bodypart.annotation import Laterality
from bodypart.dicom_out.report import NothingToReportError, ReportError, structured_report
from bodypart.evidence import Guess
from unit.dicom_out.annotations import MODEL, annotation, review, side
from unit.dicom_out.radiographs import NOW, radiograph, read, validation_errors

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


def image(number=1, **attributes):
    return read(radiograph(SOPInstanceUID=f"2.25.100{number}", **attributes))


def report_of(*images, **options) -> bytes:
    return structured_report(images, version="0.1.0", now=NOW, **options)


def groups(data: bytes):
    return srread(BytesIO(data)).content.get_image_measurement_groups()


@pytest.fixture
def knee():
    visible = (Guess("knee", 0.99), Guess("patella", 0.8))
    return image(1), annotation("knee", 0.973, laterality=side("R"), visible=visible)


class TestOneImage:
    def test_the_examined_part_is_the_finding_site(self, knee):
        (group,) = groups(report_of(knee))
        (site,) = group.finding_sites
        assert site.value.value == "72696002"
        assert site.laterality.value == "24028007"

    def test_the_side_that_a_marker_tells_is_not_written(self):
        """Only tags left it out: a report cannot say that a program read it."""
        marker = annotation("knee", 0.97, laterality=Laterality("R", "marker"))
        (group,) = groups(report_of((image(), marker)))
        assert group.finding_sites[0].laterality is None

    def test_every_visible_part_is_an_evaluation(self, knee):
        (group,) = groups(report_of(knee))
        evaluations = group.get_qualitative_evaluations(codes.DCM.TargetRegion)
        assert [item.value.value for item in evaluations] == ["72696002", "64234005"]

    def test_the_probability_is_a_measurement(self, knee):
        (group,) = groups(report_of(knee))
        (certainty,) = group.get_measurements(codes.DCM.CertaintyOfFinding)
        assert float(certainty.value) == 97.3
        assert certainty.unit.value == "%"

    def test_the_algorithm_is_named(self, knee):
        content = srread(BytesIO(report_of(knee))).content
        texts = {
            item.ConceptNameCodeSequence[0].CodeValue: item
            for item in _items(content)
            if item.ConceptNameCodeSequence
        }
        assert texts["111001"].TextValue == MODEL.name
        assert texts["111003"].TextValue == MODEL.version
        assert texts["111000"].ConceptCodeSequence[0].CodeValue == "123110"

    def test_the_image_is_referenced(self, knee):
        (group,) = groups(report_of(knee))
        (source,) = group.source_images
        assert source.referenced_sop_instance_uid == "2.25.1001"
        (study,) = read(report_of(knee)).CurrentRequestedProcedureEvidenceSequence
        referenced = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        assert referenced.ReferencedSOPInstanceUID == "2.25.1001"

    def test_the_frame_of_a_multi_frame_image_is_referenced(self):
        note = annotation(image={"top": [], "rejected": False, "reason": None, "frame": 2})
        (group,) = groups(report_of((image(NumberOfFrames=5), note)))
        assert group.source_images[0].referenced_frame_numbers == [3]

    def test_patient_and_study_are_those_of_the_image(self, knee):
        report = read(report_of(knee))
        assert report.PatientName == "Müller^Zoë"
        assert report.PatientID == "P1"
        assert report.StudyInstanceUID == "2.25.1"
        assert report.AccessionNumber == "A1"
        assert "IssuerOfPatientID" not in report
        long = read(report_of((image(AccessionNumber="NORTH-2026-00012345"), annotation())))
        assert long.AccessionNumber == "NORTH-2026-00012345"  # It broke its VR, and was left out.
        issued = read(report_of((image(IssuerOfPatientID="North"), annotation())))
        assert issued.IssuerOfPatientID == "North"

    @pytest.mark.parametrize(
        ("stated", "day", "hour"),
        [("+1300", "20261121", "160405"), ("-0500", "20261120", "220405"), ("+99", None, None)],
    )
    def test_its_times_are_in_the_zone_of_the_times_that_it_inherits(self, stated, day, hour):
        """They were Greenwich's, beside a Study Time of the hospital's and without an offset."""
        report = read(report_of((image(TimezoneOffsetFromUTC=stated), annotation())))
        made = (report.ContentDate, report.ContentTime)
        assert made == (report.InstanceCreationDate, report.InstanceCreationTime)
        assert made == ((day, hour) if day else ("20261121", "030405"))
        assert report.get("TimezoneOffsetFromUTC") == (stated if day else None)

    @pytest.mark.parametrize(
        ("sop_class", "modality", "procedure"),
        [
            (uids.ComputedRadiographyImageStorage, "CR", "168537006"),
            (uids.XRayRadiofluoroscopicImageStorage, "RF", "363679005"),
            (uids.CTImageStorage, "CT", "363679005"),
        ],
    )
    def test_only_radiographs_are_called_plain_radiography(self, sop_class, modality, procedure):
        note = annotation(source="person", review=review())
        report = read(report_of((image(SOPClassUID=sop_class, Modality=modality), note)))
        told = [
            item.ConceptCodeSequence[0].CodeValue
            for item in report.ContentSequence
            if item.ConceptNameCodeSequence[0].CodeValue == "121058"
        ]
        assert told == [procedure]

    @pytest.mark.filterwarnings("error")
    def test_no_warning_quotes_the_patient(self):
        """Unlikely names make highdicom warn, in words that end in a log."""
        assert report_of((image(PatientName="Unbekannt"), annotation()))

    def test_the_tracking_uid_stays_from_report_to_report(self, knee):
        first, second = (groups(report_of(knee))[0] for _ in range(2))
        assert first.tracking_uid == second.tracking_uid

    def test_a_persons_word_is_not_the_algorithms(self):
        note = annotation(source="person", review=review("Käthe\\^"))
        data = report_of((image(), note))
        names = [
            item.ConceptNameCodeSequence[0].CodeValue
            for item in _items(srread(BytesIO(data)).content)
        ]
        assert "111001" not in names
        assert "111012" not in names
        assert "121008" in names


def _items(content):
    for item in content:
        yield item
        yield from _items(item.get("ContentSequence", []))


class TestValidity:
    @pytest.mark.parametrize(
        "attributes",
        [
            {},
            {"PatientName": "", "PatientID": "", "StudyID": "", "AccessionNumber": ""},
            {"PatientSex": "male", "StudyID": "more than sixteen signs", "StudyTime": "10:15"},
            {"PatientBirthDate": "01.01.1980", "StudyDate": "2026.11.01", "PatientAge": "old"},
            {"StudyDate": None, "StudyTime": None, "PatientSex": None, "StudyID": None},
            {"StudyDate": "20260101-20260131", "StudyTime": "0800-1200"},
            {"StudyDate": "20260101-", "StudyTime": "-12", "PatientBirthDate": "-19801231"},
            {"StudyDate": "00000000", "PatientBirthDate": "19801332", "StudyTime": "9:15 am"},
            {"PatientName": ["A^B", "C"], "StudyTime": ["10", "11"], "StudyDescription": "x" * 80},
        ],
        ids=[
            "whole",
            "anonymous",
            "wrong",
            "wrong dates",
            "missing",
            "ranges",
            "open ranges",
            "no dates",
            "several values",
        ],
    )
    def test_the_validator_finds_no_error(self, attributes, tmp_path):
        notes = [
            annotation("knee", laterality=side("L")),
            annotation("chest", source="person", review=review()),
            annotation(None, visible=(Guess("wrist", 0.7),)),
            annotation("ankle", model=None, image=None, source="header"),
        ]
        images = [(image(at, **attributes), note) for at, note in enumerate(notes)]
        data = report_of(*images)
        assert len(groups(data)) == 4
        assert validation_errors(data, tmp_path) == set()

    def test_a_further_report_names_the_one_it_replaces(self, knee, tmp_path):
        first = read(report_of(knee))
        second = read(report_of(knee, previous=first))
        (study,) = second.PredecessorDocumentsSequence
        referenced = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        assert referenced.ReferencedSOPInstanceUID == first.SOPInstanceUID
        assert second.SeriesInstanceUID == first.SeriesInstanceUID
        assert second.SOPInstanceUID != first.SOPInstanceUID
        assert second.InstanceNumber == 2
        assert validation_errors(report_of(knee, previous=first), tmp_path) == set()

    @pytest.mark.shared
    def test_real_images_give_valid_reports(self, shared, tmp_path, subtests):
        for path in sorted((shared / "dicom").glob("*.dcm")):
            with subtests.test(path.name):
                dataset = read(path.read_bytes())
                if not dataset.SOPInstanceUID.is_valid:
                    continue
                data = report_of((dataset, annotation()))
                assert len(groups(data)) == 1
                assert validation_errors(data, tmp_path) == set()


class TestNoReport:
    def test_images_without_an_answer_are_left_out(self, knee):
        failed = (image(2), annotation(None, status="failed", reason="truncated"))
        assert len(groups(report_of(knee, failed))) == 1

    def test_a_headers_word_alone_is_no_observation(self, knee):
        """The report says what picture or person say is there."""
        unseen = annotation("hand", source="header", visible=())
        assert len(groups(report_of(knee, (image(2), unseen)))) == 1

    @pytest.mark.parametrize(
        ("images", "why"),
        [
            ([], "a header alone is not reported"),
            ([(image(), annotation(None))], "a header alone is not reported"),
            (
                [(image(), annotation("hand", source="header", visible=()))],
                "a header alone is not reported",
            ),
            ([(image(SeriesInstanceUID="1.02.3"), annotation())], "has valid UIDs"),
        ],
    )
    def test_a_study_without_answers_gets_no_report(self, images, why):
        with pytest.raises(NothingToReportError, match=why):
            report_of(*images)

    def test_images_of_two_studies_get_no_report(self, knee):
        with pytest.raises(ReportError, match="several studies") as error:
            report_of(knee, (image(2, StudyInstanceUID="2.25.77"), annotation()))
        assert not isinstance(error.value, NothingToReportError)

    @pytest.mark.parametrize("uid", [None, "", "1.02.3"])
    def test_images_with_wrong_uids_are_left_out(self, knee, uid):
        wrong = (image(2, SeriesInstanceUID=uid), annotation())
        assert len(groups(report_of(knee, wrong))) == 1
