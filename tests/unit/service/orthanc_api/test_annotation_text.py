"""What stands in Orthanc's metadata is ours, or is none."""

import json

import pytest

from bodypart.annotation import Review, failed
from bodypart.pipeline import Pipeline
from bodypart.reviews import apply_review
from bodypart.rollup import Summary, roll_up
from bodypart.settings import Settings
from decoder.tasks import classify
from decoder.wire import Frame
from phantoms import file_bytes, foreign, radiograph
from service.decoders.answers import check
from service.orthanc_api.annotation_text import annotation_in, roll_up_in
from service.queue.tasks import Kind
from unit.service.house import note
from unit.test_pipeline import Model

_MISSING = object()
STORAGE = "1.2.840.10008.5.1.4.1.1."


def reviewed(times=1):
    annotation = note()
    for number in range(times):
        word = Review("ann", f"2026-11-28T10:00:0{number}Z", "foot", comment="ä", laterality="L")
        annotation = apply_review(annotation, word)
    return annotation


def of_0_1():
    """Return one without what later versions added."""
    annotation = reviewed()
    for name in ("memory", "pixels", "carried", "machine"):
        del annotation[name]
    for name in ("pixels", "carried", "restored", "history"):
        del annotation["review"][name]
    return annotation


@pytest.mark.parametrize(
    "annotation", [note(), reviewed(), reviewed(3), failed("i", "no pixel data"), of_0_1()]
)
def test_what_we_wrote_is_read_back(annotation):
    text = json.dumps(annotation, ensure_ascii=False)
    assert annotation_in(text, "i") == json.loads(text)


@pytest.mark.parametrize(
    ("changed", "refused", "state"),
    [
        (["BodyPartExamined"], None, "written"),
        ([], "the file is signed", "refused"),
        ([], None, "none"),
    ],
)
def test_what_0_1_noted_of_a_file_in_place_is_read_with_its_state(changed, refused, state):
    """It was none of ours: what people had said before an update was 404 after it."""
    tags = {"changed": changed, "refused": refused, "mixed_series": False}
    annotation = {**of_0_1(), "tags": tags}
    told = {**annotation, "tags": {**tags, "state": state}}
    assert annotation_in(json.dumps(annotation), "i") == told


def test_what_the_pipeline_says_of_a_header_with_a_nul_is_read_back():
    """It was unreadable for ever: the file was annotated again and again, and nobody could."""
    pipeline = Pipeline(Model(), Settings(learn="off"))
    odd = {"StudyDescription": "CHEST\0PA", "Modality": "C\0R", "BodyPartExamined": "\0CH\0EST\0"}
    files = [
        radiograph("knee", 64, 80, **odd),
        foreign("CT", **odd),
        foreign("CT", Modality="A\0B"),
    ]
    files[2].SOPClassUID = "1.2.\x003"
    for dataset in files:
        told = pipeline.annotate(file_bytes(dataset), "i")[0].to_json()
        text = json.dumps(told, ensure_ascii=False)
        assert annotation_in(text, "i") == told
        check("annotate", {"instance": "i"}, b"", Frame({"annotation": told, "seconds": {}}), 0)


@pytest.mark.parametrize("odd", [{"Modality": "X" * 5_000}, {"SOPClassUID": STORAGE + "9" * 5_000}])
def test_what_the_pipeline_says_of_a_very_long_header_is_short(odd):
    """Its reason was taken for that of a decoder in a stranger's hands."""
    dataset = foreign("CT", **odd)
    if "Modality" in odd:
        dataset.SOPClassUID = "1.2.3"
    pipeline = Pipeline(Model(), Settings(learn="off"))
    answer, _ = classify(pipeline, {}, file_bytes(dataset))
    check("classify", {}, b"", Frame(answer), 0)


def test_a_comment_may_hold_a_backslash_and_what_stands_behind_it():
    word = Review("ann", "2026-11-28T10:00:00Z", "foot", comment="path C:\\u0000")
    annotation = apply_review(note(), word)
    for ascii_only in (False, True):
        text = json.dumps(annotation, ensure_ascii=ascii_only)
        assert annotation_in(text, "i") == json.loads(text)


def test_a_roll_up_is_read_back_and_is_not_an_instance_s_annotation():
    above = roll_up("series", "s", [Summary.of(note()), Summary.of(reviewed())])
    assert roll_up_in(json.dumps(above), "s") == above
    assert annotation_in(json.dumps(above), "s") is None


def test_an_annotation_that_was_copied_from_another_instance_is_not_this_one_s():
    """The index took it in as the other's, with the parents of this one."""
    assert annotation_in(json.dumps(note("other")), "i") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "fine"),
        ("examined", "knee"),
        ("examined", {"label": "paw", "probability": 1.0}),
        ("visible", None),
        ("visible", [{"label": "knee"}]),
        ("laterality", "L"),
        ("image", {"rejected": False}),
        ("image", []),
        ("header", {}),
        ("header", {"label": "paw", "evidence": []}),
        ("header", {"label": None, "evidence": [], "labels": ["paw"], "laterality": "L"}),
        ("header", {"label": "knee", "evidence": 5}),
        ("laterality", {"value": "X", "source": "header"}),
        ("examined", {**note()["examined"], "source": None}),
        ("model", {"sha256": "00"}),
        ("review", "ann said so"),
        ("review", {"by": "ann", "at": "now", "examined": "knee"}),
        ("machine", {"status": "done"}),
        ("model", "mine"),
        ("tags", {}),
        ("needs_review", "no"),
        ("group", "\0"),
        ("group", "\ud800"),
        ("annotated_at", 20261128),
        ("model", _MISSING),
    ],
)
def test_what_another_script_wrote_is_none_of_ours(house, field, value):
    """It was tried, and given up, without end."""
    annotation = note(**{field: value})
    if value is _MISSING:
        del annotation[field]
    text = json.dumps(annotation)
    assert annotation_in(text, "i") is None
    house.orthanc.set_metadata("instances", "i", "BodyPart", text)
    house.ask(Kind.ANNOTATE, "i")
    task = house.claim(Kind.ANNOTATE)
    house.annotator.give_up(task, "given up")
    assert house.orthanc.annotation("i")["status"] == "failed"
    assert not house.tasks.stands(Kind.ANNOTATE, "i")


@pytest.mark.parametrize("name", reviewed()["machine"])
def test_a_reviewed_annotation_without_all_of_the_machine_s_answer_is_not_read(name):
    annotation = reviewed()
    del annotation["machine"][name]
    assert annotation_in(json.dumps(annotation), "i") is None


@pytest.mark.parametrize("text", [None, "", "null", "3", "[]", "{}", "{", "[" * 100_000])
def test_what_is_no_annotation_is_not_read_as_one(text):
    assert annotation_in(text, "i") is None
