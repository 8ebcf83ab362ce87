"""How picture and header become one answer."""

from dataclasses import replace

import pytest

from bodypart.error_rates import shipped
from bodypart.evidence import FILLED_BY, Guess, HeaderMatch, HeaderReading, ImageReading
from bodypart.fusion.fuse import fuse
from bodypart.fusion.misnaming import header_evidence
from bodypart.headers.reliability import posterior
from bodypart.labels import BY_LABEL
from bodypart.regions import compatible, labels_in
from unit.fusion.readings import NOTHING, header, picture


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
    fused = fuse(picture(hand=0.8, wrist=0.15, skull=0.05), NOTHING)
    assert (fused.label, fused.source, fused.agreement) == ("hand", "image", "image-only")
    assert fused.probability == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    "attributes", [("BodyPartExamined",), ("StudyDescription", "BodyPartExamined")]
)
def test_a_confident_picture_puts_a_far_off_header_right_and_reports_it(attributes):
    """One wrong click fills both attributes: the second is no second vote."""
    fused = fuse(picture(chest=0.99), header("knee", attributes=attributes))
    assert (fused.label, fused.source, fused.agreement) == ("chest", "image", "conflict")
    assert fused.probability > 0.95
    assert fused.needs_review
    assert fused.review_reason == (
        "The picture looks like chest, but the header says knee; the answer follows the picture."
    )


def test_every_attribute_together_is_still_one_click():
    fused = fuse(picture(knee=0.985, femur=0.005), header("skull", attributes=tuple(FILLED_BY)))
    assert fused.label == "knee"


def test_the_less_sure_the_picture_the_less_sure_the_answer_under_a_conflict():
    said = [
        fuse(picture(knee=p, femur=0.97 - p, skull=0.01), header("skull")).probability
        for p in (0.62, 0.85, 0.95)
    ]
    assert said == sorted(said)


def test_a_neighbour_in_the_header_is_believed_where_a_far_off_part_is_not():
    near = fuse(picture(forearm=0.7, wrist=0.25), header("wrist"))
    far = fuse(picture(forearm=0.7, skull=0.001), header("skull"))
    assert near.label == "wrist"
    assert far.label == "forearm"


def test_a_device_that_says_chest_everywhere_weighs_less_than_one_that_says_knee():
    def doubt(part):
        image = picture(hand=0.8, chest=0.01, abdomen=0.01)
        return fuse(image, header(part, attribute="BodyPartExamined")).probability

    assert doubt("chest") > doubt("abdomen")


def test_a_header_that_wins_against_an_unsure_picture_is_reported():
    fused = fuse(picture(chest=0.4, abdomen=0.3, knee=0.19), header("knee"))
    assert (fused.label, fused.source) == ("knee", "header")
    assert (fused.agreement, fused.needs_review) == ("conflict", True)
    assert fused.review_reason.endswith("the answer follows the header.")


@pytest.mark.parametrize(
    ("image", "reading", "label", "source"),
    [
        (picture(foot=0.6, wrist=0.19), header(region="upper_limb"), "wrist", "header"),
        (picture(chest=0.45, abdomen=0.42), header("lspine"), "abdomen", "image"),
    ],
)
def test_whose_answer_it_is_is_told_as_the_reason_does(image, reading, label, source):
    """What a vague header turned was the picture's answer, to be written before any review."""
    fused = fuse(image, reading)
    assert (fused.label, fused.source, fused.agreement) == (label, source, "conflict")
    assert fused.review_reason.endswith(
        f"; the answer follows the {source.replace('image', 'picture')}."
    )


def test_a_header_that_names_what_no_label_has_asks_for_a_review():
    fused = fuse(picture(knee=0.97), HeaderReading(outside="PHANTOM", elsewhere="PHANTOM"))
    assert (fused.label, fused.agreement, fused.needs_review) == ("knee", "image-only", True)
    assert fused.review_reason == "The picture looks like knee, but the header says phantom."
    # A joint is a part of the knee, and what another attribute names counts.
    assert not fuse(picture(knee=0.97), HeaderReading(outside="JOINT")).needs_review
    named = header("knee", outside="BREAST", elsewhere="BREAST")
    assert not fuse(picture(knee=0.97), named).needs_review


def test_an_order_for_another_part_of_the_study_does_not_contradict_a_series_that_agrees():
    order = HeaderMatch("StudyDescription", "Thorax", "thorax", ("chest",))
    series = HeaderMatch("SeriesDescription", "Knie", "knie", ("knee",))
    reading = HeaderReading(labels=("knee", "chest"), evidence=(series, order))
    fused = fuse(picture(knee=0.9), reading)
    assert (fused.label, fused.agreement, fused.needs_review) == ("knee", "agree", False)
    assert fused.probability > 0.9


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


@pytest.mark.parametrize(
    "attributes", [("SeriesDescription",), ("SeriesDescription", "StudyDescription")]
)
def test_a_part_that_the_model_never_learned_is_the_headers_word_alone(attributes):
    fused = fuse(picture(chest=0.95, shoulder=0.03), header("rib", attributes=attributes))
    assert (fused.label, fused.agreement, fused.needs_review) == ("rib", "agree", True)
    assert fused.review_reason == "Only the header says rib: the model has not learned to see it."
    assert [guess.label for guess in fused.visible] == ["chest"]


def test_a_part_known_from_cut_outs_alone_is_believed_of_the_header_where_the_picture_misses_it():
    """Its films may not look like what was cut out of those of other parts."""
    seen = picture(chest=0.96, clavicle=1e-5, shoulder=0.03, sternum=1e-5)
    assert "sternum" in shipped().from_cut_outs
    assert fuse(seen, header("sternum")).label == "sternum"
    assert fuse(seen, header("clavicle")).label == "chest"
    assert fuse(picture(foot=0.97, sternum=1e-5), header("sternum")).label == "foot"


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


def test_a_rejected_picture_leaves_the_answer_to_the_header_and_to_a_person():
    fused = fuse(picture(rejected=True, chest=0.99), header("knee"))
    assert (fused.label, fused.source, fused.agreement) == ("knee", "header", "header-only")
    assert (fused.visible, fused.group, fused.needs_review) == ((), None, True)
    assert fused.probability < 0.9
    why, says = fused.review_reason.split("), and ")
    assert why == "The picture was not classified (it is not like a radiograph"
    assert says == "only the header says knee."


def test_a_rejected_picture_without_a_header_has_no_answer_and_needs_a_person():
    fused = fuse(picture(rejected=True, chest=0.99), NOTHING)
    assert (fused.label, fused.probability, fused.source) == (None, 0.0, None)
    assert (fused.agreement, fused.visible, fused.needs_review) == ("none", (), True)
    assert fused.group is None
    assert fused.review_reason.endswith(", and the header names no part.")


BOTH = ("StudyDescription", "BodyPartExamined")


@pytest.mark.parametrize(
    ("image", "reading", "group"),
    [
        (picture(rejected=True), header("chest", attributes=BOTH, age_years=45.0), "adult chest"),
        (
            picture(rejected=True),
            header("chest", attributes=BOTH, age_years=4.0),
            "pediatric chest",
        ),
        (picture(rejected=True), header("chest", attributes=BOTH), None),
        (picture(rejected=True), header("chest", age_years=45.0), None),
        (picture(rejected=True), header("knee", attributes=BOTH, age_years=45.0), None),
        (
            picture(rejected=True),
            header("chest", attributes=BOTH, age_years=4.0, human=False),
            None,
        ),
        (
            ImageReading({}, rejected=True, reason="the picture is blank", blank=True),
            header("chest", attributes=BOTH, age_years=45.0),
            None,
        ),
        (None, header("chest", attributes=BOTH, age_years=45.0), None),
    ],
)
def test_what_was_not_seen_has_a_group_only_if_it_is_a_chest_beyond_doubt(image, reading, group):
    fused = fuse(image, reading)
    assert fused.group == group
    assert fused.needs_review == (image is not None)


@pytest.mark.parametrize(
    ("labels", "region"), [(("knee",), None), ((), "upper_limb"), (("chest",), "lower_limb")]
)
def test_what_another_attribute_names_leaves_a_chest_in_doubt(labels, region):
    said = header("chest", attributes=BOTH, age_years=45.0)
    protocol = HeaderMatch("ProtocolName", "text", "text", labels, region)
    series = HeaderMatch("SeriesDescription", "text", "text", ("chest",))
    for more in ((protocol,), (series, protocol)):
        named = tuple(dict.fromkeys(("chest", *labels)))
        reading = replace(said, labels=named, evidence=(*more, *said.evidence))
        assert fuse(picture(rejected=True), reading).group is None


LEG = labels_in("lower_limb")
ANYTHING_BUT_A_LEG = picture(
    child=0.5, **{label: 1 / len(BY_LABEL) for label in BY_LABEL if label not in LEG}
)


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (NOTHING, "Neither the picture nor the header tells the body part."),
        (
            header(region="lower_limb"),
            "The picture looks like abdomen, but the header says lower limb.",
        ),
    ],
)
def test_of_a_picture_that_may_be_anything_nothing_is_guessed(reading, reason):
    fused = fuse(ANYTHING_BUT_A_LEG, reading)
    assert (fused.label, fused.probability, fused.source) == (None, 0.0, None)
    assert fused.review_reason == reason


@pytest.mark.parametrize(
    ("image", "agreement"),
    [
        (picture(chest=0.67, knee=0.3), "agree"),
        (picture(chest=0.87, knee=0.1), "conflict"),
        (picture(knee=0.15, **dict.fromkeys(("chest", "skull", "hand", "elbow"), 0.1)), "agree"),
    ],
)
def test_a_header_agrees_with_a_part_that_the_picture_thinks_possible(image, agreement):
    """The most probable part is possible, however little that is."""
    assert fuse(image, header("knee")).agreement == agreement


def test_two_parts_in_the_header_and_no_picture_give_no_label():
    fused = fuse(None, header("chest", "lspine"))
    assert fused.label is None
    assert fused.review_reason == "The header names chest and lumbar spine, and no picture decides."


def test_the_picture_chooses_between_two_parts_of_the_header():
    fused = fuse(picture(pelvis=0.7, hip=0.2), header("chest", "pelvis"))
    assert (fused.label, fused.agreement) == ("pelvis", "agree")


def test_a_header_that_contradicts_itself_needs_a_person_where_no_picture_decides():
    """A CT of the skull from a device that says CHEST."""
    order = HeaderMatch("StudyDescription", "CT Schädel", "schadel", ("skull",))
    device = HeaderMatch("BodyPartExamined", "CHEST", "CHEST", ("chest",))
    fused = fuse(None, HeaderReading("skull", ("skull", "chest"), None, (order, device)))
    assert fused.review_reason == (
        "The header says skull in one place and chest in another, and no picture decides."
    )


def test_an_order_for_several_parts_does_not_contradict_its_series():
    order = HeaderMatch("StudyDescription", "CT Abdomen/Thorax", "", ("abdomen", "chest"))
    series = HeaderMatch("SeriesDescription", "Thorax", "thorax", ("chest",))
    assert not fuse(
        None, HeaderReading("chest", ("chest", "abdomen"), None, (series, order))
    ).needs_review


def test_a_conflict_tells_what_the_header_says_elsewhere():
    console = HeaderMatch("SeriesDescription", "Hand", "hand", ("hand",))
    device = HeaderMatch("BodyPartExamined", "KNEE", "KNEE", ("knee",))
    fused = fuse(
        picture(knee=0.99), HeaderReading("hand", ("hand", "knee"), None, (console, device))
    )
    assert fused.review_reason == (
        "The picture looks like knee, but the header says hand in one place and knee in another; "
        "the answer follows the picture."
    )


def test_how_often_parts_are_examined_may_be_told_of_each():
    rates = replace(shipped(), prior=dict.fromkeys(BY_LABEL, 1 / len(BY_LABEL)))
    fused = fuse(None, header("knee"), rates=rates)
    assert fused.label == "knee"
    told = posterior(header_evidence(header("knee").evidence))
    assert fused.probability == pytest.approx(told["knee"])


def test_a_region_alone_gives_no_label():
    fused = fuse(None, header(region="lower_limb"))
    assert fused.label is None
    assert fused.review_reason == "The header names lower limb, and no picture decides."


def test_an_uncertain_answer_needs_review():
    fused = fuse(picture(hand=0.4, foot=0.35, knee=0.25), NOTHING, review_threshold=0.6)
    assert fused.needs_review
    assert not fuse(picture(hand=0.9), NOTHING, review_threshold=0.6).needs_review


def test_contradicting_sides_need_review():
    fused = fuse(picture(knee=0.95), header("knee", laterality="R", laterality_conflict=True))
    assert fused.needs_review
    assert "left" in fused.review_reason


@pytest.mark.parametrize("reading", [NOTHING, header("knee"), header("patella"), header("skull")])
def test_visible_is_what_the_picture_shows_whatever_the_header_says(reading):
    image = picture(knee=0.9, visible=(Guess("femur", 0.8), Guess("patella", 0.7)))
    visible = fuse(image, reading).visible
    assert visible == (Guess("knee", 0.9), Guess("femur", 0.8), Guess("patella", 0.7))
    surer = Guess("knee", 0.95)
    assert fuse(picture(knee=0.9, visible=(surer,)), reading).visible == (surer,)


@pytest.mark.parametrize(
    ("image", "named", "side"),
    [
        (picture(knee=0.97), "knee", "L"),
        (picture(patella=0.97), "knee", "L"),
        (picture(hand=0.99), "knee", None),
        (picture(skull=0.99), "skull", None),
        (picture(rejected=True), "knee", "L"),
    ],
)
def test_the_side_belongs_to_the_part(image, named, side):
    """Skull, left cannot be; and the side of a rejected header goes with it."""
    assert fuse(image, header(named, laterality="L")).laterality.value == side


def test_a_side_without_a_part_in_the_header_is_that_of_the_picture():
    assert fuse(picture(knee=0.97), HeaderReading(laterality="R")).laterality.value == "R"
    assert fuse(picture(chest=0.97), HeaderReading(laterality="R")).laterality.value is None


def test_attributes_that_agree_make_surer_what_the_header_is_about_not_that_it_is_right():
    one, both = (
        posterior(header_evidence(header("knee", attributes=names).evidence))["knee"]
        for names in (("BodyPartExamined",), ("SeriesDescription", "BodyPartExamined"))
    )
    assert one < both <= shipped().header.right + 0.01


def test_the_posterior_sums_to_one():
    assert sum(posterior(header_evidence(header("hand").evidence)).values()) == pytest.approx(1)


def test_without_a_picture_a_part_counts_as_often_as_it_is_examined():
    said = header("knee")
    weights = header_evidence(said.evidence) * [shipped().share(label) for label in BY_LABEL]
    assert fuse(None, said).probability == pytest.approx(weights.max() / weights.sum())
