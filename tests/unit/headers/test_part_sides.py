"""Whose side a text names that names several parts."""

import pytest

from bodypart.headers.matching import read_text


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Hand links, Fuß rechts", {"hand": "L", "foot": "R"}),
        ("left hand right foot", {"hand": "L", "foot": "R"}),
        ("Genou G + cheville D", {"knee": "L", "ankle": "R"}),
        ("RX GINOCCHIO DX E CAVIGLIA SN", {"knee": "R", "ankle": "L"}),
        ("左膝、右足", {"knee": "L", "foot": "R"}),
        ("bilateral hands, right foot", {"hand": "B", "foot": "R"}),
        ("Knie re u. li, Hand li", {"knee": "B", "hand": "L"}),
        ("Hand re, Handgelenk li", {"hand": "R", "wrist": "L"}),
        ("Hand re, Fuß", {"hand": "R"}),
        ("Fuß li OSG", {"foot": "L"}),
        ("Knie, OSG und Schulter re", {"knee": "R", "ankle": "R", "shoulder": "R"}),
        ("Pelvis, left hip right knee", {"hip": "L", "knee": "R"}),
        ("Chest, left hand right foot", {"hand": "L", "foot": "R"}),
        ("Thorax, Knie li OSG re", {"knee": "L", "ankle": "R"}),
        ("right knee, ankle and foot", {"knee": "R", "ankle": "R", "foot": "R"}),
    ],
)
def test_each_part_has_its_own_side(text, sides, vocabulary):
    found = read_text(text, vocabulary).sides
    assert {label: named.side for named in found for label in named.of} == sides


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Hand left, right foot", {"hand": "L", "foot": "R"}),
        ("Hand li, re Fuß", {"hand": "L", "foot": "R"}),
        ("Hand links; rechts Fuß", {"hand": "L", "foot": "R"}),
        ("Knee L, R ankle", {"knee": "L", "ankle": "R"}),
        ("Hand R. L Foot", {"hand": "R", "foot": "L"}),
        ("Hand left/right foot", {"hand": "L", "foot": "R"}),
        ("Knee right. Left hip.", {"knee": "R", "hip": "L"}),
        ("Hand left/right, foot", {"hand": "B"}),
        ("Hand left/right foot left", {"hand": "B", "foot": "L"}),
        ("KNEE L/R TIBIA", {"knee": "B"}),
        ("Hüfte li/re Knie", {"hip": "B"}),
        ("Knie re u. li Hand", {"knee": "B"}),
        ("Hand L/R Foot L/R", {"hand": "B", "foot": "B"}),
        ("Hands and feet L/R", {"hand": "B", "foot": "B"}),
        ("Knee left, right", {"knee": "B"}),
        ("Not left, right knee", {"knee": "R"}),
        ("HAND,RIGHT FOOT,LEFT", {"hand": "R", "foot": "L"}),
        ("HAND,RIGHT FOOT,LEFT HAND,LEFT", {"hand": "B", "foot": "L"}),
        ("Chest, left hip, right", {"hip": "B"}),
    ],
)
def test_left_and_right_that_a_sign_parts_are_those_of_their_parts(text, sides, vocabulary):
    found = read_text(text, vocabulary).sides
    assert {label: named.side for named in found for label in named.of} == sides


def test_a_part_with_left_and_right_is_both(vocabulary):
    assert [tuple(it) for it in read_text("left hip, right hip", vocabulary).sides] == [
        ("B", ("hip",))
    ]
