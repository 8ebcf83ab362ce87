"""The way of one instance, without Orthanc and with a model that answers as told."""

import io
import struct
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from bodypart.dicom_out.correction import correct
from bodypart.dicom_out.decision import Decision
from bodypart.evidence import Guess, ImageReading, SideMarker
from bodypart.labels import body_part
from bodypart.model.raw_answer import NO_NUMBERS
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from phantoms import dataset_of, file_bytes, foreign, radiograph


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
    assert annotation["needs_review"]
    assert annotation["visible"] == []


@pytest.mark.parametrize("blind", ["black", "flat", "truncated", "rejected"])
def test_what_was_not_seen_goes_to_a_person_and_to_no_router_group(blind):
    dataset = radiograph("chest", BodyPartExamined="CHEST", PatientAge="054Y")
    model = Model("chest", rejected=blind == "rejected")
    if blind == "truncated":
        dataset.PixelData = dataset.PixelData[:1000]
    elif blind != "rejected":
        dataset.PixelData = bytes([0 if blind == "black" else 120]) * len(dataset.PixelData)
        model.reading = ImageReading({}, rejected=True, reason="blank", blank=True)
    annotation = annotate(file_bytes(dataset), model)
    assert annotation["examined"]["label"] == "chest"
    assert (annotation["group"], annotation["needs_review"]) == (None, True)


def test_a_ct_has_no_group_of_chest_radiographs_and_needs_nobody():
    data = file_bytes(
        radiograph("chest", modality="CT", BodyPartExamined="CHEST", PatientAge="054Y")
    )
    annotation = annotate(data)
    assert annotation["examined"]["label"] == "chest"
    assert (annotation["group"], annotation["needs_review"]) == (None, False)


def test_a_mammogram_is_told_that_its_part_is_none_of_the_labels():
    data = file_bytes(radiograph("chest", modality="MG", BodyPartExamined="BREAST"))
    annotation = annotate(data)
    assert annotation["status"] == "skipped"
    assert "BREAST" in annotation["reason"]
    assert "36" in annotation["reason"]


def test_a_wrong_header_is_put_right_by_the_picture_and_its_side_goes_with_it():
    headers = {"StudyDescription": "Schädel links", "BodyPartExamined": "SKULL", "Laterality": "L"}
    annotation = annotate(file_bytes(radiograph("knee", **headers)), Model("knee", 0.985))
    assert annotation["examined"]["label"] == "knee"
    assert annotation["examined"]["source"] == "image"
    assert annotation["agreement"] == "conflict"
    assert annotation["needs_review"]
    assert annotation["laterality"]["value"] is None
    assert [item["label"] for item in annotation["visible"]] == ["knee"]


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


@pytest.mark.parametrize("modality", ["DX", "OT"])
def test_what_the_network_has_no_numbers_for_fails_unless_the_header_helps(modality):
    """A secondary capture was skipped as if it were no radiograph, and nobody saw it again."""
    model, dataset = Model(), radiograph("knee", modality=modality)
    model.reading = ImageReading({}, rejected=True, reason=NO_NUMBERS, answered=False)
    annotation = annotate(file_bytes(dataset), model)
    assert (annotation["status"], annotation["reason"]) == ("failed", NO_NUMBERS)
    dataset.BodyPartExamined = "KNEE"
    annotation = annotate(file_bytes(dataset), model)
    assert (annotation["status"], annotation["needs_review"]) == ("done", True)
    assert annotation["examined"]["source"] == "header"


def test_a_digest_of_version_0_2_0_stays_if_it_is_that_of_this_picture():
    dataset = radiograph("knee")
    data, old = file_bytes(dataset), sha256(dataset.PixelData).hexdigest()[:32]
    pipeline = Pipeline(Model(), Settings())
    of_this, of_another = (pipeline.annotate(data, "i", one)[0] for one in (old, "a" * 32))
    assert of_this.pixels == old
    assert of_another.pixels == annotate(data)["pixels"]


def by(person, data, side=None, at=None):
    """Write a knee into a file, as a person or the machine decided."""
    pixels = annotate(data)["pixels"]
    decision = Decision(by_person=person, pixels=pixels, at=at)
    now = datetime.now(UTC)
    return correct(data, body_part("knee"), side, version="1", now=now, decision=decision).data


def copied(data, *without, **values):
    """Return a copy as other programs make it: new UIDs, some attributes gone, some replaced."""
    dataset = dcmread(io.BytesIO(data))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword in without:
        if keyword in dataset:
            delattr(dataset, keyword)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return file_bytes(dataset)


PROVENANCE = ("OriginalAttributesSequence", "ContributingEquipmentSequence")


@pytest.mark.parametrize("without", [(), PROVENANCE])
@pytest.mark.parametrize("person", [False, True])
def test_what_we_wrote_is_no_second_source_in_a_copy(without, person):
    """Anonymising removes the entries that tell what stood there before."""
    data = by(person, file_bytes(radiograph("hand", BodyPartExamined="HAND")))
    annotation = annotate(copied(data, *without), Model("hand"))
    assert "knee" not in annotation["header"]["labels"]
    assert annotation["examined"]["label"] == "hand"
    assert annotation["agreement"] == ("image-only" if without else "agree")
    assert (annotation["carried"] is not None) == person


AT, NO_DAY = "2026-11-28T10:00:00Z", "2026-11-31T10:00:00Z"


@pytest.mark.parametrize(
    ("at", "without", "told"),
    [(AT, (), {"at": AT}), (AT, PROVENANCE, {}), (None, (), {}), (NO_DAY, (), {})],
)
def test_a_persons_word_goes_with_the_copy_of_its_picture(at, without, told):
    data = by(True, file_bytes(radiograph("hand", BodyPartExamined="HAND")), side="R", at=at)
    annotation = annotate(copied(data, *without), Model("hand"))
    assert annotation["carried"] == {"examined": "knee", "laterality": "R", **told}


def test_a_persons_word_is_asked_again_where_the_copy_shows_another_picture():
    data = by(True, file_bytes(radiograph("hand", BodyPartExamined="HAND")))
    other = radiograph("chest").PixelData
    annotation = annotate(copied(data, PixelData=other), Model("hand", 0.99))
    assert annotation["carried"] is None
    assert annotation["needs_review"]
    assert annotation["review_reason"].startswith("A person said knee of other pixel data")


def test_what_others_wrote_over_our_word_is_theirs():
    data = by(False, file_bytes(radiograph("hand", BodyPartExamined="HAND")))
    annotation = annotate(copied(data, BodyPartExamined="FOOT"), Model("hand"))
    assert annotation["header"]["label"] == "foot"


def test_tags_that_we_wrote_ourselves_are_no_source():
    data = file_bytes(radiograph("knee", BodyPartExamined="HAND"))
    corrected = correct(data, body_part("knee"), None, version="1", now=datetime.now(UTC)).data
    read = annotate(corrected, Model("knee")), annotate(data, Model("knee"))
    assert read[0] | {"annotated_at": ""} == read[1] | {"annotated_at": ""}


def test_child_and_adult_chests_part_by_age():
    def group(**headers):
        return annotate(file_bytes(radiograph("chest", **headers)), Model("chest"))["group"]

    assert group(PatientAge="004Y") == "pediatric chest"
    assert group(PatientAge="040Y") == "adult chest"


def test_the_sop_class_says_radiograph_whatever_modality_says():
    for modality in ("XC", "DR", "OT", "CT", "SR", "", None):
        dataset = radiograph("hand", modality="DX", Modality=modality)
        annotation = annotate(file_bytes(dataset), Model("hand"))
        assert annotation["status"] == "done", modality
        assert annotation["examined"]["source"] == "image", modality


@pytest.mark.parametrize("sop_class", ["CT", "MR", "US", "MG"])
def test_another_sop_class_is_no_radiograph_whatever_modality_says(sop_class):
    model = Model()
    dataset = radiograph("hand", modality=sop_class, Modality="DX")
    annotation = annotate(file_bytes(dataset), model)
    assert model.seen == []
    assert annotation["status"] == "skipped"
    assert dataset.SOPClassUID.name in annotation["reason"]


@pytest.mark.parametrize("sop_class", [None, "1.2.3.4", "Secret^Person"])
def test_without_a_known_sop_class_modality_decides(sop_class):
    for modality, source in (("CR", "image"), ("CT", None)):
        data = file_bytes(radiograph("hand", modality=modality))
        uid = radiograph("hand", modality=modality).SOPClassUID
        at = data.index(b"\x08\x00\x16\x00UI")
        element = data[at : at + 8 + len(uid) + len(uid) % 2]
        value = (sop_class or "").encode()
        value += b"\0" * (len(value) % 2)
        other = element[:6] + struct.pack("<H", len(value)) + value
        annotation = annotate(data.replace(element, other), Model("hand"))
        assert (annotation["examined"] or {}).get("source") == source
        assert "Secret" not in str(annotation["reason"])


def blank_plates():
    noise = np.random.default_rng(0).standard_normal((400, 350))
    down, across = np.mgrid[-1:1:400j, -1:1:350j]
    yield "black", np.zeros((400, 350))
    yield "noise on black", np.abs(noise)
    yield "flat field", 3000 + 15 * noise
    yield "heel effect", 2000 + 400 * down - 150 * across**2 + 20 * noise
    yield "white", np.full((400, 350), 4095)


@pytest.mark.parametrize(
    "pixels", [pytest.param(pixels, id=name) for name, pixels in blank_plates()]
)
def test_a_plate_with_nothing_on_it_is_blank(pixels):
    model = Model("chest")
    dataset = dataset_of(pixels.astype(np.uint16), BodyPartExamined="CHEST")
    annotation = annotate(file_bytes(dataset), model)
    assert model.seen == []
    assert annotation["image"]["rejected"]
    assert annotation["image"]["reason"] == "the picture is blank"
    dataset.BodyPartExamined = None
    annotation = annotate(file_bytes(dataset), model)
    assert annotation["status"] == "done"
    assert annotation["needs_review"]
    assert "blank" in annotation["review_reason"]


class Markers:
    """Says of every picture that a marker on it says L."""

    def __init__(self):
        self.seen = 0

    def read(self, values):
        self.seen += 1
        assert values.ndim == 2
        return SideMarker("L", "L", 0.995, (10.0, 12.0))


def marked(label, model=None, **headers):
    """The annotation of a film with a marker, and how many pictures the marker was sought in."""
    markers = Markers()
    pipeline = Pipeline(model or Model(label), Settings(), markers)
    annotation, _ = pipeline.annotate(file_bytes(radiograph(label, **headers)))
    return annotation.to_json(), markers.seen


def test_a_marker_beside_a_limb_tells_its_side():
    annotation, _ = marked("knee")
    assert annotation["laterality"] == {"value": "L", "source": "marker"}
    said = {"side": "L", "letter": "L", "probability": 0.995, "both": False}
    assert annotation["image"]["marker"] == said
    assert not annotation["needs_review"]


def test_a_marker_against_the_header_asks_for_a_person():
    annotation, _ = marked("knee", BodyPartExamined="KNEE", Laterality="R")
    assert annotation["laterality"] == {"value": "R", "source": "header"}
    assert annotation["review_reason"] == "The marker says L, the header R."


def test_no_marker_is_sought_beside_the_trunk_or_on_a_foreign_picture():
    assert marked("chest")[1] == 0
    assert marked("knee", Model(rejected=True))[1] == 0
    assert annotate(file_bytes(radiograph("knee")), Model())["image"]["marker"] is None
