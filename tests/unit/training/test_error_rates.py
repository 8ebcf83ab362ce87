"""How the errors of picture and header are measured, and kept."""

import json
from functools import reduce

import pytest

from bodypart.error_rates import FILE, ErrorRates, ErrorRatesError, shipped
from bodypart.evidence import ImageReading
from training.error_rates import Case, annotations_in, from_reviews, picture_rates
from unit.dicom_out.annotations import annotation

LABELS = ("knee", "femur", "elbow", "skull", "abdomen", "lspine")


def case(truth, seen, probability=0.985):
    rest = (1 - probability) / (len(LABELS) - 1)
    return Case(truth, ImageReading(dict.fromkeys(LABELS, rest) | {seen: probability}))


def test_a_remainder_that_never_comes_true_is_taken_back():
    """A model trained with smoothed labels gives every label the same remainder."""
    rates = picture_rates([case("knee", "knee")] * 500, shipped().unmeasured())
    band = rates.band(0.985)
    assert band.pictures == 500
    assert band.scale["far"] < band.scale["other limb"] < 1
    assert band.scale["same"] > 1


def test_what_the_model_takes_for_a_part_again_and_again_is_a_habit():
    seen = [case("abdomen", "abdomen")] * 20 + [case("lspine", "abdomen")] * 4
    rates = picture_rates(seen, shipped().unmeasured())
    assert rates.habits["abdomen"]["lspine"] > 0.05
    assert "knee" not in rates.habits


def test_confidence_finds_its_band():
    bands = shipped().bands
    assert shipped().band(0.0) is bands[0]
    assert shipped().band(1.0) is bands[-1]
    assert shipped().band(bands[-1].least) is bands[-1]


def note(label, header, *, agreement, review=None, needs_review=False):
    return annotation(
        label,
        agreement=agreement,
        needs_review=needs_review and review is None,
        review=review,
        header={"label": header, "evidence": []},
        image={"top": [{"label": label, "probability": 0.97}], "rejected": False},
    )


@pytest.fixture
def reviews():
    """Of 400 instances 100 contradict their header; a person has looked at half of these."""
    from unit.dicom_out.annotations import review

    agreeing = [note("knee", "knee", agreement="agree")] * 300
    looked = [note("knee", "pelvis", agreement="conflict", review=review(), needs_review=True)] * 50
    waiting = [note("knee", "pelvis", agreement="conflict", needs_review=True)] * 50
    return agreeing + looked + waiting


def test_reviewed_conflicts_stand_for_those_that_wait(reviews):
    before = shipped()
    after = from_reviews(reviews, before)
    wrong = 1 - after.header.right
    assert wrong == pytest.approx((100 + 100 * (1 - before.header.right)) / 500, abs=0.005)
    assert "reviews" in after.sources


def test_a_device_that_always_says_the_same_becomes_a_default(reviews):
    after = from_reviews(reviews, shipped())
    assert after.header.defaults["pelvis"] > shipped().header.defaults["pelvis"]
    assert sum(after.header.defaults.values()) == pytest.approx(1, abs=0.01)


def test_reviews_of_nothing_are_told():
    with pytest.raises(ValueError, match="no annotation"):
        from_reviews([annotation(None)], shipped())


def test_what_find_answers_can_be_read(tmp_path):
    file = tmp_path / "found.json"
    file.write_text(json.dumps([{"id": "a", "annotation": annotation("knee")}]), encoding="utf-8")
    assert annotations_in(file)[0]["examined"]["label"] == "knee"


def test_the_file_says_where_each_number_comes_from():
    content = json.loads(FILE.read_text(encoding="utf-8"))
    assert ErrorRates.from_json(content).to_json() == content
    assert set(content["sources"]) >= {"picture", "header.wrong", "header.astray", "prior"}


def test_a_file_of_version_0_2_still_serves():
    content = json.loads(FILE.read_text(encoding="utf-8"))
    del content["from_cut_outs"]
    for attribute in (
        "PerformedProtocolCodeSequence",
        "ScheduledProcedureStepDescription",
        "ScheduledProtocolCodeSequence",
    ):
        del content["header"]["astray"][attribute]
    assert ErrorRates.from_json(content).header == shipped().header


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("bands",), [], "first band"),
        (("bands", 0, "least"), 0.1, "first band"),
        (("bands", 0, "scale", "near"), -1, "bands.0.0.scale"),
        (("bands", 0, "unforeseen"), {"near": 0.1}, "bands.0.0.unforeseen"),
        (("prior",), {"tail": 0.4}, "prior"),
        (("from_cut_outs",), ["tail"], "from_cut_outs"),
        (("habits",), {"knee": {"tail": 0.4}}, "habits"),
        (("header",), {}, "HeaderRates"),
        (("header", "defaults"), {"tail": 0.4}, "header.defaults"),
        (("header", "defaults"), {"knee": 12, "hand": 3}, "header.defaults must sum"),
        (("header", "wrong", "any"), 1.0, "header.wrong"),
        (("header", "astray"), {"BodyPartExamined": 0.08}, "header.astray must hold"),
        (("header", "astray", "BodyPart"), 0.08, "header.astray must hold"),
        (("header", "astray", "BodyPartExamined"), 0, "header.astray must lie"),
        (("header", "astray", "BodyPartExamined"), 1, "header.astray must lie"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_entry(place, value, named, tmp_path):
    content = json.loads(FILE.read_text(encoding="utf-8"))
    *around, entry = place
    reduce(lambda inside, step: inside[step], around, content)[entry] = value
    file = tmp_path / "rates.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ErrorRatesError, match=named):
        ErrorRates.read(file)


def test_a_file_that_is_no_json_is_refused_by_name(tmp_path):
    file = tmp_path / "rates.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ErrorRatesError, match=r"rates\.json"):
        ErrorRates.read(file)
