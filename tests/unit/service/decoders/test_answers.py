"""What a decoder in a stranger's hands may try to say, and that none of it gets through."""

import io
import json
import math
import zlib
from pathlib import Path

import pytest
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian

from bodypart.annotation import Annotation, Examined, Laterality
from bodypart.dicom_out.correction import correct
from bodypart.dicom_out.decision import Decision
from bodypart.file_meta import read_file_meta
from bodypart.labels import BY_LABEL
from decoder.__main__ import perform
from decoder.tasks import TASKS
from decoder.wire import Frame
from service.decoders import answers
from service.decoders.answers import SurpriseError, bounds, check
from service.decoders.picture_size import size_of
from service.dicom_tags import structured_reports
from unit.dicom_out.radiographs import NOW, file_of, radiograph, read

ANNOTATION = Annotation(
    "a",
    "done",
    examined=Examined("knee", 0.9, "image+header"),
    laterality=Laterality("L", "header"),
).to_json()
ANSWER = {"annotation": ANNOTATION, "seconds": {"decode": 0.1, "total": 1}}
REQUEST = {"instance": "a"}


def refused(task, request, payload, answer, attachment=b"", number=7):
    with pytest.raises(SurpriseError) as error:
        check(task, request, payload, Frame(answer, attachment, number), 7)
    return str(error.value)


def annotated(**changes):
    return {**ANSWER, "annotation": {**ANNOTATION, **changes}}


def test_every_task_has_its_own_look():
    assert set(TASKS) <= set(answers._EXPECTED)


def test_a_good_answer_passes():
    check("annotate", REQUEST, b"", Frame(ANSWER, number=7), 7)
    check("annotate", REQUEST, b"", Frame({"error": "TaskError", "details": "no"}, number=7), 7)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"annotation": None, "seconds": {}},
        {"annotation": [], "seconds": {}},
        {**ANSWER, "seconds": None},
        {**ANSWER, "seconds": {"total": "1"}},
        {**ANSWER, "seconds": {"total": -1}},
        {**ANSWER, "seconds": {"total": 1e308}},
        {**ANSWER, "seconds": {"a metric of its own": 1}},
        annotated(instance="b"),
        annotated(instance=None),
        annotated(status="pending"),
        annotated(status=["done"]),
        annotated(reason={"x": 1}),
        annotated(review={"by": "doctor", "examined": "hand"}),
        annotated(examined={**ANNOTATION["examined"], "source": "person"}),
        annotated(examined="knee"),
        annotated(laterality={"value": "R", "source": "person"}),
        {**ANSWER, "seen": []},
        {**ANSWER, "seen": {"embedding": "", "probabilities": ""}},
        {**ANSWER, "seen": {"embedding": "", "probabilities": 1, "rejected": False}},
        {**ANSWER, "seen": {"embedding": "A" * 20_000, "probabilities": "", "rejected": False}},
        {"error": "TaskError"},
        {"error": "TaskError", "details": "x" * 1001},
        {"error": "TaskError", "details": None},
        {"error": ["TaskError"], "details": ""},
        {"error": "SystemExit", "details": ""},
        {**ANSWER, "error": "TaskError", "details": ""},
    ],
)
def test_an_annotation_of_another_shape_instance_or_person_is_refused(answer):
    assert refused("annotate", REQUEST, b"", answer)


class OnDisk:
    """A picture that is not read yet."""

    def __init__(self, data):
        self.data = data


@pytest.mark.parametrize("payload", [lambda data: data, OnDisk])
def test_a_persons_word_that_the_file_does_not_hold_is_refused(payload):
    said = annotated(carried={"examined": "hand", "laterality": "R"})
    assert "does not hold" in refused("annotate", REQUEST, payload(radiograph()), said)
    decision = Decision(by_person=True, at="2026-11-28T10:00:00Z")
    file = correct(
        radiograph(), BY_LABEL["hand"], "R", version="1", now=NOW, decision=decision
    ).data
    check("annotate", REQUEST, payload(file), Frame(said, number=7), 7)
    said["annotation"]["carried"]["at"] = decision.at
    check("annotate", REQUEST, payload(file), Frame(said, number=7), 7)
    said["annotation"]["carried"]["at"] = "2026-11-28T11:00:00Z"
    assert "does not hold" in refused("annotate", REQUEST, payload(file), said)
    said["annotation"]["carried"]["at"] = "2026-11-31T10:00:00Z"
    assert "annotation.carried.at" in refused("annotate", REQUEST, payload(file), said)


LESSON = {"memory": {"revision": "new"}}


@pytest.mark.parametrize(
    "answer", [{"applied": True, "revision": "new"}, {"applied": False, "revision": None}]
)
def test_a_lesson_that_was_learned_or_declined_passes(answer):
    check("learn", LESSON, b"numbers", Frame(answer, number=7), 7)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"applied": True, "revision": "old"},
        {"applied": "yes", "revision": "new"},
        {"applied": True, "revision": "new", "more": 1},
    ],
)
def test_another_lesson_is_refused(answer):
    assert refused("learn", LESSON, b"numbers", answer)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 2**64, "\ud800", {"\udfff": 1}, [["\ud800"]]]
)
def test_values_that_break_later_are_refused(value):
    assert refused("annotate", REQUEST, b"", annotated(group=value))


def test_an_answer_to_another_question_is_refused():
    assert "another question" in refused("annotate", REQUEST, b"", ANSWER, number=8)


def test_an_annotation_brings_no_file():
    assert refused("annotate", REQUEST, b"", ANSWER, b"x")


def test_a_classification_names_no_instance():
    for request in ({}, {"instance": ""}):
        assert refused("classify", request, b"", ANSWER)
        check("classify", request, b"", Frame(annotated(instance=None), number=7), 7)


def drawn(kind, columns=30, rows=20, **options):
    buffer = io.BytesIO()
    Image.new("L", (columns, rows)).save(buffer, kind, **options)
    return buffer.getvalue()


def graymap(columns=30, rows=20):
    return b"P5\n%d %d\n65535\n" % (columns, rows) + bytes(2 * columns * rows)


def test_a_picture_is_a_picture():
    for task, kind in (("heatmap", "PNG"), ("thumbnail", "JPEG")):
        good = drawn(kind)
        check(task, {}, b"", Frame({}, good, 7), 7)
        assert refused(task, {}, b"", {"more": 1}, good)
        for other in (b"<script>", b"", good[:4], good[:12], drawn("GIF"), graymap()):
            assert refused(task, {}, b"", {}, other)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": bytes(60_000)}])
def test_the_size_of_a_jpeg_is_found_behind_whatever_stands_before_it(options):
    assert size_of(drawn("JPEG", 41, 17, **options)) == (41, 17)


def test_a_picture_that_would_fill_a_browsers_memory_is_refused():
    large = {kind: drawn(kind, 5_000, 5_000) for kind in ("PNG", "JPEG")}
    for task, kind in (("heatmap", "PNG"), ("thumbnail", "JPEG")):
        assert "size" in refused(task, {}, b"", {}, large[kind])
        check(task, {}, b"", Frame({}, drawn(kind, 30_000, 1), 7), 7)
    assert refused("annotate", REQUEST, b"", ANSWER, large["JPEG"])
    told = {"values": [0.0, 1.0], "window": None}
    assert "size" in refused("picture", {}, b"", told, b"P5\n9999 9999\n65535\n" + bytes(9))


def test_a_graymap_comes_with_numbers():
    told = {"values": [0.0, 4095.0], "window": [40.0, 400.0]}
    check("picture", {}, b"", Frame(told, graymap(), 7), 7)
    check("picture", {}, b"", Frame({**told, "window": None}, graymap(), 7), 7)
    assert refused("picture", {}, b"", told, b"<script>")
    assert refused("picture", {}, b"", {}, graymap())
    for wrong in ([1.0], ["a", "b"], [1.0, 2.0, 3.0], {"a": 1}):
        assert refused("picture", {}, b"", {**told, "values": wrong}, graymap())
        assert refused("picture", {}, b"", {**told, "window": wrong}, graymap())


def test_an_annotation_may_bring_a_thumbnail():
    check("annotate", REQUEST, b"", Frame(ANSWER, drawn("JPEG"), 7), 7)


def correction(data):
    return correct(data, BY_LABEL["knee"], "L", version="1", now=NOW).data


def test_a_corrected_file_is_the_same_picture_of_the_same_patient():
    original = radiograph()
    answer = {"changed": ["BodyPartExamined"], "refused": None, "standing": ["BodyPartExamined"]}
    good = correction(original)
    check("correct", {}, original, Frame(answer, good, 7), 7)
    check("restore", {}, good, Frame(answer, original, 7), 7)
    check(
        "correct", {}, original, Frame({"changed": [], "refused": "why", "standing": []}, b"", 7), 7
    )
    forged = read(good)
    forged.PatientID = "EVIL"
    assert "(0010,0020)" in refused("correct", {}, original, answer, file_of(forged))
    forged = read(good)
    forged.PixelData = bytes(len(forged.PixelData))
    assert "(7FE0,0010)" in refused("correct", {}, original, answer, file_of(forged))
    # A small answer that would unfold to a lot is not unfolded.
    packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = radiograph(DeflatedExplicitVRLittleEndian)
    head = deflated[: read_file_meta(deflated).end]
    bomb = head + packed.compress(bytes(2**20)) + packed.flush()
    assert "meta information" in refused("correct", {}, original, answer, bomb)
    assert refused("correct", {}, original, {**answer, "more": 1}, good)
    for name in (1, "PatientID", "X\r\nSet-Cookie: x"):
        assert refused("correct", {}, original, {**answer, "changed": [name]}, good)
        assert refused("correct", {}, original, {**answer, "standing": [name]}, good)


def test_copied_headers_are_those_of_the_instance():
    original, other = radiograph(), radiograph(PatientID="P2")
    check("headers", {}, original, Frame({}, original, 7), 7)
    check("headers", {}, b"too odd for us", Frame({}, other, 7), 7)
    assert refused("headers", {}, original, {}, other)
    assert refused("headers", {}, original, {}, b"")


def report_request(*files, **more):
    asked = {"lengths": [len(file) for file in files], "annotations": [{}], "previous": False}
    names = {"study_uid": "2.25.1", "patient_id": "P1", "uid": "2.25.99"}
    return {**asked, **names, **more}


def test_a_report_joins_its_study_and_no_other_and_overwrites_no_image():
    image = radiograph()
    request = report_request(image)
    named = {"SeriesInstanceUID": "2.25.9", "SOPInstanceUID": "2.25.99"}
    report = radiograph(**named)
    check("report", request, image, Frame({}, report, 7), 7)
    for name, forged in {
        "another study": radiograph(**{**named, "StudyInstanceUID": "2.25.8"}),
        "over an image": radiograph(SOPInstanceUID="2.25.99"),
        "another name": radiograph(**{**named, "SOPInstanceUID": "2.25.98"}),
        "another patient": radiograph(**{**named, "PatientID": "P2"}),
        "no DICOM": b"%PDF",
    }.items():
        assert name in refused("report", request, image, {}, forged)
        if name != "over an image":
            # A file that is too odd to be compared opens no way into another study.
            odd = b"too odd"
            assert name in refused("report", report_request(odd), odd, {}, forged)
    request = report_request(image, report, previous=True)
    check("report", request, image + report, Frame({}, report, 7), 7)
    stray = radiograph(**{**named, "SeriesInstanceUID": "2.25.10"})
    assert "strange series" in refused("report", request, image + report, {}, stray)


@pytest.mark.parametrize(
    ("of_orthanc", "written"), [(" 123", " 123"), ("123 ", "123"), ("12", "12\x003"), (" ", "")]
)
def test_blanks_and_nuls_around_a_patient_s_id_make_no_other_patient(of_orthanc, written):
    """Each try at a report killed a decoder."""
    image = radiograph()
    report = radiograph(SeriesInstanceUID="2.25.9", SOPInstanceUID="2.25.99", PatientID=written)
    check("report", report_request(image, patient_id=of_orthanc), image, Frame({}, report, 7), 7)


def test_a_resource_is_that_of_the_study():
    good = {"resource": {"resourceType": "ImagingStudy", "id": "s"}}
    check("fhir", {"study": "s"}, b"", Frame(good, number=7), 7)
    assert refused("fhir", {"study": "t"}, b"", good)
    assert refused("fhir", {"study": "s"}, b"", {"resource": []})


@pytest.mark.parametrize("task", sorted(TASKS))
def test_answers_are_bounded_by_what_was_asked(task):
    small = bounds(task, {"annotations": [{}]}, b"")
    assert small.header <= 2**21
    assert small.payload <= 2**24
    large = bounds(task, {}, bytes(10 * 2**20))
    assert large.payload <= 14 * 2**20 or task == "picture"


def test_the_module_needs_the_standard_library_only():
    assert "import pydicom" not in Path(answers.__file__).read_text()
    assert json.dumps(ANSWER)


def test_the_decoder_and_the_service_call_it_the_same_that_nothing_can_be_reported():
    pytest.importorskip("highdicom")
    request = {"lengths": [], "annotations": []}
    answer, attachment = perform(TASKS["report"], None, request, b"")
    check("report", request, b"", Frame(answer, attachment, 7), 7)
    assert answer["error"] == structured_reports._NOTHING_TO_REPORT
