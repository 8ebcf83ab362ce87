"""How picture and header become one answer."""

import pytest

from bodypart.evidence import Guess, HeaderMatch, HeaderReading, ImageReading
from bodypart.fusion import fuse
from bodypart.headers.regions import compatible
from bodypart.headers.reliability import RELIABILITY, likelihood, posterior


def picture(*, rejected=False, visible=(), child=None, **probabilities):
    reason = "it is not like a radiograph" if rejected else None
    return ImageReading(probabilities, visible, child, None, rejected, reason)


def header(*labels, attribute="SeriesDescription", region=None, **more):
    match = HeaderMatch(attribute, "text", "text", labels, region)
    return HeaderReading(
        label=labels[0] if len(labels) == 1 else None,
        labels=labels,
        region=region,
        evidence=(match,) if labels or region else (),
        **more,
    )


NOTHING = HeaderReading()


def test_both_agree():
    fused = fuse(picture(knee=0.9, femur=0.05), header("knee"))
    assert (fused.label, fused.source, fused.agreement) == ("knee", "image+header", "agree")
    assert fused.probability > 0.9
    assert not fused.needs_review
    assert fused.review_reason is None


def test_the_header_decides_between_what_the_picture_leaves_open():
    fused = fuse(picture(foot=0.5, ankle=0.45), header("ankle"))
    assert (fused.label, fused.agreement) == ("ankle", "agree")


def test_the_picture_alone_answers_with_its_own_probability():
    fused = fuse(picture(hand=0.8, wrist=0.1), NOTHING)
    assert (fused.label, fused.source, fused.agreement) == ("hand", "image", "image-only")
    assert fused.probability == pytest.approx(0.8, abs=0.03)


def test_a_confident_picture_is_not_overruled_by_the_table_of_the_device_but_reported():
    fused = fuse(picture(chest=0.99), header("knee", attribute="BodyPartExamined"))
    assert (fused.label, fused.source, fused.agreement) == ("chest", "image", "conflict")
    assert fused.needs_review
    assert "chest" in fused.review_reason
    assert "knee" in fused.review_reason


def test_a_header_that_wins_against_the_picture_is_reported():
    fused = fuse(picture(chest=0.4, abdomen=0.3, knee=0.05), header("knee"))
    assert (fused.source, fused.agreement, fused.needs_review) == ("header", "conflict", True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hand", "wrist"),
        ("foot", "ankle"),
        ("knee", "patella"),
        ("hip", "pelvis"),
        ("spine", "lspine"),
        ("rib", "chest"),
        ("finger", "hand"),
        ("femur", "hip"),
    ],
)
def test_neighbours_do_not_contradict_each_other(first, second):
    assert compatible(first, second)
    assert compatible(second, first)
    assert fuse(picture(**{first: 0.9}), header(second)).agreement == "agree"


@pytest.mark.parametrize(
    ("first", "second"),
    [("chest", "abdomen"), ("chest", "tspine"), ("abdomen", "lspine"), ("hand", "foot")],
)
def test_distant_parts_and_parts_of_other_groups_contradict(first, second):
    assert not compatible(first, second)
    assert fuse(picture(**{first: 0.9}), header(second)).agreement == "conflict"


def test_one_text_alone_leaves_a_part_that_the_model_never_learned_uncertain():
    fused = fuse(picture(chest=0.95, shoulder=0.03), header("sternum"))
    assert fused.agreement == "agree"
    assert fused.needs_review
    assert "uncertain" in fused.review_reason


def test_a_part_that_the_model_never_learned_comes_from_console_and_order_together():
    both = tuple(
        HeaderMatch(attribute, "text", "text", ("sternum",), None)
        for attribute in ("SeriesDescription", "StudyDescription")
    )
    reading = HeaderReading(label="sternum", labels=("sternum",), region=None, evidence=both)
    fused = fuse(picture(chest=0.95, shoulder=0.03), reading)
    assert (fused.label, fused.source, fused.agreement) == ("sternum", "image+header", "agree")
    assert not fused.needs_review


def test_one_text_does_not_outvote_a_confident_picture():
    fused = fuse(picture(chest=0.985, thumb=0.001), header("thumb"))
    assert (fused.label, fused.agreement, fused.needs_review) == ("chest", "conflict", True)


def test_a_part_that_the_model_never_learned_does_not_win_against_a_distant_picture():
    fused = fuse(picture(foot=0.97), header("sternum", attribute="BodyPartExamined"))
    assert (fused.label, fused.agreement) == ("foot", "conflict")


def test_a_vague_region_narrows():
    image = picture(hand=0.45, foot=0.5)
    assert fuse(image, header(region="upper_limb")).label == "hand"


def test_a_region_far_from_the_picture_is_a_conflict():
    fused = fuse(picture(chest=0.98), header(region="upper_limb", attribute="BodyPartExamined"))
    assert (fused.label, fused.agreement, fused.needs_review) == ("chest", "conflict", True)
    assert "upper limb" in fused.review_reason


def test_a_region_around_the_picture_agrees():
    assert fuse(picture(hand=0.98), header(region="upper_limb")).agreement == "agree"


def test_a_rejected_picture_leaves_the_answer_to_the_header():
    fused = fuse(picture(rejected=True, chest=0.99), header("knee"))
    assert (fused.label, fused.source, fused.agreement) == ("knee", "header", "header-only")
    assert [guess.label for guess in fused.visible] == ["knee"]


def test_a_rejected_picture_without_a_header_has_no_answer_and_needs_a_person():
    fused = fuse(picture(rejected=True, chest=0.99), NOTHING)
    assert (fused.label, fused.probability, fused.source) == (None, 0.0, None)
    assert (fused.agreement, fused.visible, fused.needs_review) == ("none", (), True)


def test_two_parts_in_the_header_and_no_picture_give_no_label():
    fused = fuse(None, header("chest", "pelvis"))
    assert fused.label is None
    assert fused.needs_review
    assert "chest" in fused.review_reason


def test_the_picture_chooses_between_two_parts_of_the_header():
    fused = fuse(picture(pelvis=0.7, hip=0.2), header("chest", "pelvis"))
    assert (fused.label, fused.agreement) == ("pelvis", "agree")


def test_a_region_alone_gives_no_label():
    fused = fuse(None, header(region="lower_limb"))
    assert fused.label is None
    assert fused.needs_review


def test_an_uncertain_answer_needs_review():
    fused = fuse(picture(hand=0.4, foot=0.35), NOTHING, review_threshold=0.6)
    assert fused.needs_review
    assert not fuse(picture(hand=0.9), NOTHING, review_threshold=0.6).needs_review


def test_contradicting_sides_need_review():
    fused = fuse(picture(knee=0.95), header("knee", laterality="R", laterality_conflict=True))
    assert fused.needs_review
    assert "left" in fused.review_reason


def test_what_the_picture_shows_is_kept_and_the_examined_part_is_among_it():
    image = picture(knee=0.9, visible=(Guess("femur", 0.8), Guess("patella", 0.7)))
    visible = fuse(image, NOTHING).visible
    assert [guess.label for guess in visible] == ["knee", "femur", "patella"]


@pytest.mark.parametrize(
    ("age", "child", "expected"),
    [(3, 0.1, True), (40, 0.9, False), (None, 0.9, True), (None, None, False), (15.9, None, True)],
)
def test_the_age_decides_who_is_a_child_and_else_the_picture(age, child, expected):
    fused = fuse(picture(chest=0.9, child=child), header("chest", age_years=age), child_age=16)
    assert fused.child is expected


def test_each_hand_counts_once():
    """Protocol Name repeats Series Description and adds no weight of its own."""
    one = HeaderMatch("SeriesDescription", "knee", "knee", ("knee",))
    echo = HeaderMatch("ProtocolName", "knee", "knee", ("knee",))
    other = HeaderMatch("BodyPartExamined", "KNEE", "KNEE", ("knee",))
    alone = posterior(likelihood([one]))["knee"]
    assert posterior(likelihood([one, echo]))["knee"] == pytest.approx(alone)
    assert posterior(likelihood([one, other]))["knee"] > alone


def test_the_posterior_sums_to_one():
    belief = posterior(likelihood(header("hand").evidence))
    assert sum(belief.values()) == pytest.approx(1)


def test_the_most_trusted_attribute_comes_first():
    trust = {}
    for hand, reliability in RELIABILITY.values():
        assert reliability <= trust.get(hand, 1)
        trust[hand] = reliability
