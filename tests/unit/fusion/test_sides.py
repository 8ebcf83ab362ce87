"""The side: the header's word first, then a marker's, and what is asked where they disagree."""

import pytest

from bodypart.annotation import Laterality
from bodypart.evidence import HeaderReading, ImageReading, SideMarker
from bodypart.fusion.fuse import fuse
from bodypart.fusion.sides import open_side, side_of


def picture(marker="L", label="knee", **more):
    letter = marker and SideMarker(marker, marker, 0.97, (20.0, 20.0))
    return ImageReading({label: 0.97}, marker=letter, **more)


def side(image, header=None):
    found = fuse(image, header or HeaderReading()).laterality
    return found.value, found.source


@pytest.mark.parametrize("label", ["knee", "hand"])
def test_a_marker_fills_a_side_that_is_missing(label):
    assert side(picture("R", label)) == ("R", "marker")
    assert side(picture(None, label)) == (None, None)


@pytest.mark.parametrize("label", ["chest", "lspine", "pelvis", "rib", "hip"])
def test_beside_the_trunk_a_marker_says_which_way_round_and_no_side(label):
    assert side(picture("R", label)) == (None, None)


def test_a_picture_that_is_rejected_has_no_marker():
    header = HeaderReading(label="knee", labels=("knee",))
    assert side(picture("R", rejected=True), header) == (None, None)


def test_a_marker_that_agrees_changes_nothing():
    fused = fuse(picture("L"), HeaderReading(laterality="L"))
    assert (fused.laterality.value, fused.laterality.source) == ("L", "header")
    assert not fused.needs_review


def test_a_marker_that_contradicts_the_header_asks_for_a_person():
    fused = fuse(picture("L"), HeaderReading(laterality="R"))
    assert (fused.laterality.value, fused.laterality.source) == ("R", "header")
    assert fused.review_reason == "The marker says L, the header R."


def test_a_side_in_doubt_is_told_beside_a_part_in_doubt():
    fused = fuse(picture("L"), HeaderReading(laterality="R"), review_threshold=0.999)
    part, side_told = fused.review_reason.split(". ")
    assert "is uncertain" in part
    assert side_told == "The marker says L, the header R."


@pytest.mark.parametrize(
    ("image", "part"),
    [
        (picture(), "The answer knee is uncertain"),
        (picture("L", "hand"), "The picture looks like hand, but the header says knee"),
        (picture(rejected=True), "The picture was not classified"),
    ],
)
def test_a_header_that_says_left_and_right_is_told_beside_a_part_in_doubt(image, part):
    """Who confirmed the part confirmed one of the header's sides with it, and was not told."""
    header = HeaderReading("knee", ("knee",), laterality="L", laterality_conflict=True)
    reason = fuse(image, header, review_threshold=0.999).review_reason
    assert reason.startswith(part)
    assert reason.endswith(". The header says left in one place and right in another.")


@pytest.mark.parametrize(
    ("value", "source", "marker", "both", "contradict"),
    [
        ("R", "header", "L", False, True), ("L", "header", "L", False, False),
        ("R", "person", "L", False, False), ("R", "header", "L", True, False),
        ("B", "header", "L", False, False), (None, None, None, False, False),
    ],
)  # fmt: skip
def test_whether_sides_contradict_stands_in_the_annotation(value, source, marker, both, contradict):
    image = {"marker": marker and {"side": marker, "both": both}}
    annotation = {
        "examined": {"label": "knee"},
        "image": image,
        "header": {"laterality_conflict": False},
        "laterality": {"value": value, "source": source},
        "review": None,
    }
    differ = "marker and header name different sides" if contradict else None
    assert open_side(annotation) == differ
    assert open_side({**annotation, "review": {"by": "ann"}}) is None


@pytest.mark.parametrize("side", [("L", "header"), (None, None)])
def test_that_the_header_says_left_and_right_stands_there_too(side):
    annotation = {
        "examined": {"label": "knee"},
        "image": None,
        "header": {"laterality_conflict": True},
        "laterality": dict(zip(("value", "source"), side, strict=True)),
        "review": None,
    }
    assert open_side(annotation) == "the header says left in one place and right in another"
    for settled in (
        {"review": {"by": "ann"}},
        {"examined": {"label": "chest"}},
        {"examined": None},
    ):
        assert open_side(annotation | settled) is None


def test_one_marker_beside_both_limbs_names_neither():
    marker = SideMarker("L", "L", 0.97, (20.0, 20.0), both=True)
    both = ImageReading({"foot": 0.97}, marker=marker)
    assert side(both) == (None, None)
    assert not fuse(both, HeaderReading(laterality="R")).needs_review


def test_both_contradicts_no_marker():
    assert not fuse(picture("L"), HeaderReading(laterality="B")).needs_review


def test_where_the_header_contradicts_itself_neither_it_nor_a_marker_decides():
    """The console says "Handgelenk links", the order "Hand rechts"."""
    header = HeaderReading(
        labels=("wrist", "hand"),
        laterality="L",
        laterality_of=("wrist",),
        sides={"wrist": "L", "hand": "R"},
        laterality_conflict=True,
    )
    assert side(picture("L", "hand"), header) == (None, None)
    assert "left in one place" in fuse(picture("L", "hand"), header).review_reason


def test_a_side_of_no_part_outranks_those_of_texts_and_belongs_to_the_region_named():
    both = HeaderReading(label="hand", labels=("hand",), laterality="B", sides={"hand": "R"})
    assert side(picture(None, "hand"), both) == ("B", "header")
    arm = HeaderReading(region="upper_limb", laterality="R")
    assert side(picture(None, "hand"), arm) == ("R", "header")
    either = HeaderReading(labels=("foot", "hand"), laterality="R")
    assert side(picture(None, "hand"), either) == ("R", "header")
    assert side(picture(None, "knee"), arm) == (None, None)


@pytest.mark.parametrize("marker", ["L", "R"])
def test_the_side_of_another_part_in_the_header_is_not_replaced_by_a_marker(marker):
    """Not by one that says the same, either: where its part is rejected, no side is told."""
    header = HeaderReading(label="hand", labels=("hand",), laterality="R")
    assert side(picture(marker), header) == (None, None)


def test_the_side_of_another_part_is_not_taken_over():
    """The order says "Hand re", the console "Fuß": the picture is of the foot."""
    header = HeaderReading(labels=("foot", "hand"), laterality="R", laterality_of=("hand",))
    assert side(picture(None, "foot"), header) == (None, None)
    assert side(picture(None, "hand"), header) == ("R", "header")


def test_an_order_for_several_parts_tells_the_side_of_the_one_in_the_picture():
    named = HeaderReading(
        labels=("hand", "foot"),
        laterality="L",
        laterality_of=("hand",),
        sides={"hand": "L", "foot": "R"},
    )
    assert side_of("foot", named, None) == Laterality("R", "header")
    assert side_of("hand", named, None) == Laterality("L", "header")
    assert side_of("knee", named, None) == Laterality()


@pytest.mark.parametrize(("label", "value"), [("hand", "L"), ("wrist", "R"), ("finger", "L")])
def test_the_side_of_a_neighbour_is_not_taken_where_the_part_has_its_own(label, value):
    named = HeaderReading(
        labels=("hand", "wrist"),
        laterality="L",
        laterality_of=("hand",),
        sides={"hand": "L", "wrist": "R"},
    )
    assert side_of(label, named, None) == Laterality(value, "header")
