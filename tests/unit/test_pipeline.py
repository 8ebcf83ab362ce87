"""The way of one instance, without Orthanc and with a model that answers as told."""

import struct
from datetime import UTC, datetime

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.uid import ExplicitVRLittleEndian

from bodypart.dicom_out.correction import correct
from bodypart.evidence import Guess, ImageReading
from bodypart.labels import body_part
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from phantoms import file_bytes, foreign, radiograph


class Model:
    """Says what the test tells it to say."""

    name, version, sha256 = "told", "1", "0" * 64
    labels = ("knee", "hand", "chest")

    def __init__(self, label="knee", probability=0.95, rejected=False):
        rest = (1 - probability) / 4
        self.reading = ImageReading(
            {**dict.fromkeys(self.labels, rest), label: probability},
            visible=(Guess(label, probability),),
            rejected=rejected,
            reason="unlike the radiographs that the model knows" if rejected else None,
        )
        self.seen = []

    def read(self, values):
        self.seen.append(values)
        return self.reading


def annotate(data, model=None, **settings):
    pipeline = Pipeline(model or Model(), Settings(**settings))
    return pipeline.annotate(data, "i")[0].to_json()


def test_picture_and_header_agree():
    annotation = annotate(file_bytes(radiograph("knee", BodyPartExamined="KNEE")))
    assert annotation["examined"]["label"] == "knee"
    assert annotation["examined"]["source"] == "image+header"
    assert annotation["agreement"] == "agree"


def test_a_skipped_picture_tells_what_was_seen():
    annotation = annotate(
        file_bytes(radiograph("knee", modality="OT")), Model("knee", rejected=True)
    )
    assert annotation["status"] == "skipped"
    assert annotation["image"]["rejected"]
    assert annotation["image"]["top"][0]["label"] == "knee"
    assert annotation["model"]["name"] == "told"
    assert annotation["examined"] is None
    assert not annotation["needs_review"]


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("OriginalAttributesSequence", b"LO", b"garbage!"),
        ("Modality", b"FD", b"abcd"),
        ("SpecificCharacterSet", b"US", b"ab"),
    ],
)
def test_an_attribute_of_the_wrong_kind_raises_nothing(keyword, vr, value):
    tag = tag_for_keyword(keyword)
    dataset = radiograph("knee", BodyPartExamined="KNEE", syntax=ExplicitVRLittleEndian)
    dataset.pop(tag, None)
    data = file_bytes(dataset)
    element = (
        struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + struct.pack("<H", len(value)) + value
    )
    at = (
        data.index(b"\x08\x00\x16\x00UI") if tag < 0x00080016 else data.index(b"\x10\x00\x10\x00PN")
    )
    annotation = annotate(data[:at] + element + data[at:])
    assert annotation["status"] in ("done", "failed")


def test_a_rejected_picture_leaves_the_word_to_the_header():
    data = file_bytes(radiograph("knee", BodyPartExamined="HAND"))
    annotation = annotate(data, Model("knee", rejected=True))
    assert annotation["examined"]["label"] == "hand"
    assert annotation["examined"]["source"] == "header"
    assert annotation["image"]["rejected"]


def test_neither_can_tell():
    annotation = annotate(file_bytes(radiograph("knee")), Model(rejected=True))
    assert annotation["status"] == "done"
    assert annotation["examined"] is None
    assert annotation["needs_review"]


@pytest.mark.parametrize("modality", ["OT", "SC", "RF"])
def test_a_foreign_picture_of_an_undecided_modality_is_skipped(modality):
    data = file_bytes(radiograph("knee", modality=modality))
    annotation = annotate(data, Model(rejected=True))
    assert annotation["status"] == "skipped"
    assert annotation["reason"]


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG"])
def test_other_modalities_are_never_shown_to_the_model(modality):
    model = Model()
    data = file_bytes(radiograph("hand", modality=modality, BodyPartExamined="HAND"))
    annotation = annotate(data, model)
    assert model.seen == []
    assert annotation["image"] is None
    assert annotation["examined"]["label"] == "hand"


def test_a_header_only_instance_without_a_word_on_the_part_is_skipped():
    annotation = annotate(file_bytes(foreign("MR")))
    assert annotation["status"] == "skipped"
    assert "MR" in annotation["reason"]


def test_a_tiny_picture_is_not_shown_to_the_model():
    model = Model()
    annotation = annotate(
        file_bytes(radiograph("knee", rows=16, columns=16, BodyPartExamined="KNEE")), model
    )
    assert model.seen == []
    assert annotation["image"]["rejected"]
    assert "16 x 16" in annotation["image"]["reason"]


@pytest.mark.parametrize("data", [b"", b"<html>", b"\0" * 200])
def test_what_is_no_dicom_fails_with_a_reason(data):
    annotation = annotate(data)
    assert annotation["status"] == "failed"
    assert annotation["reason"]


def test_pixels_that_cannot_be_read_fail_unless_the_header_helps():
    dataset = radiograph("knee")
    dataset.PixelData = dataset.PixelData[:1000]
    assert annotate(file_bytes(dataset))["status"] == "failed"
    dataset.BodyPartExamined = "KNEE"
    annotation = annotate(file_bytes(dataset))
    assert annotation["status"] == "done"
    assert annotation["examined"]["source"] == "header"
    assert annotation["image"]["rejected"]


def test_tags_that_we_wrote_ourselves_are_no_witness():
    data = file_bytes(radiograph("knee", BodyPartExamined="HAND"))
    corrected = correct(data, body_part("knee"), None, version="1", now=datetime.now(UTC)).data
    assert annotate(corrected, Model("knee")) | {"annotated_at": ""} == annotate(
        data, Model("knee")
    ) | {"annotated_at": ""}


def test_child_and_adult_chests_part_by_age():
    def group(**headers):
        return annotate(file_bytes(radiograph("chest", **headers)), Model("chest"))["group"]

    assert group(PatientAge="004Y") == "pediatric chest"
    assert group(PatientAge="040Y") == "adult chest"
