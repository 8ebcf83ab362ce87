"""Child or adult: whose word counts, and what of it a person must review."""

import pytest

from bodypart.fusion.fuse import fuse
from unit.fusion.readings import header, picture


@pytest.mark.parametrize(
    ("age", "child", "expected"),
    [
        (3, 0.1, True),
        (40, 0.9, False),
        (None, 0.9, True),
        (None, None, None),
        (15.9, None, True),
        (16, None, False),
        (None, 0.1, False),
    ],
)
def test_the_age_decides_who_is_a_child_and_else_the_picture(age, child, expected):
    fused = fuse(picture(chest=0.9, child=child), header("chest", age_years=age), child_age=16)
    assert fused.child is expected
    groups = {True: "pediatric chest", False: "adult chest", None: None}
    assert fused.group == groups[expected]


@pytest.mark.parametrize(
    ("age", "unusable", "child", "reason"),
    [
        (45.0, False, 0.01, None),
        (45.0, False, 0.999, "looks like a child's"),
        (17.0, False, 0.999, None),
        (18.0, False, 0.999, "looks like a child's"),
        (15.0, False, 0.001, None),
        (13.5, False, 0.001, "looks like an adult's"),
        (4.0, False, 0.001, "looks like an adult's"),
        (None, True, 0.01, None),
        (None, True, 0.9, "cannot be believed"),
        (None, False, 0.9, None),
        (None, False, 0.5, "Neither the header nor the picture"),
    ],
)
def test_an_age_that_the_picture_contradicts_is_marked(age, unusable, child, reason):
    reading = header("chest", age_years=age, age_unusable=unusable)
    fused = fuse(picture(chest=0.97, child=child), reading, child_age=16)
    assert fused.needs_review == (reason is not None)
    assert reason is None or reason in fused.review_reason


@pytest.mark.parametrize(
    ("age", "unusable", "child"), [(4.0, False, 0.001), (None, True, 0.9), (None, False, 0.5)]
)
def test_only_of_a_chest_an_adult_s_look_or_an_open_age_is_marked(age, unusable, child):
    """Only its group depends on the age."""
    reading = header("knee", age_years=age, age_unusable=unusable)
    assert not fuse(picture(knee=0.97, child=child), reading).needs_review


@pytest.mark.parametrize("age", [3.0, 45.0])
def test_an_animal_has_no_age_group(age):
    fused = fuse(picture(chest=0.97, child=0.999), header("chest", age_years=age, human=False))
    assert (fused.child, fused.group, fused.needs_review) == (None, None, False)
