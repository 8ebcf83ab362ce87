"""Marks of side and view that are glued to the part."""

import pytest

from bodypart.headers.matching import read_text


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("LHAND", "hand", "L"),
        ("HANDLT", "hand", "L"),
        ("KNEEBILAT", "knee", "B"),
        ("LTKNEE", "knee", "L"),
        ("KneeLeftAP", "knee", "L"),
        ("HandRightPA", "hand", "R"),
        ("KnieReAP", "knee", "R"),
        ("HandL", "hand", "L"),
        ("OSGre", "ankle", "R"),
        ("RKNEE", "knee", "R"),
        ("LHIP", "hip", "L"),
        ("HIPR", "hip", "R"),
        ("ELBOWR", "elbow", "R"),
        ("ANKLEL", "ankle", "L"),
        ("KNEERT", "knee", "R"),
        ("KNEELEFT", "knee", "L"),
        ("KNEERIGHT", "knee", "R"),
        ("KNEEBIL", "knee", "B"),
        ("KNEEBDS", "knee", "B"),
        ("CRKNEE", "knee", None),
        ("RXKNEE", "knee", None),
        ("XHANR", "hand", "R"),
        ("scapular AP", "scapula", None),
        ("tibial", "lower_leg", None),
    ],
)
def test_the_side_is_cut_off_the_part(text, label, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,), side)


@pytest.mark.parametrize("text", ["Dr. Romero", "Larm", "Rear", "Earl"])
def test_another_word_is_no_part_with_a_mark(text, vocabulary):
    assert not read_text(text, vocabulary).names_part


def test_a_view_is_cut_off_the_part(vocabulary):
    assert read_text("KNEEOBL", vocabulary).view == "oblique"


def test_signs_stay_where_a_word_is_put_right(vocabulary):
    reading = read_text("no sholder, CLAVCILE L4/5", vocabulary)
    assert (reading.labels, reading.side) == (("clavicle",), None)


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("XHANL", "hand", "L"),
        ("XCLAL", "clavicle", "L"),
        ("XWRIB", "wrist", "B"),
        ("XTSPN", "tspine", None),
        ("XOPG", "jaw", None),
    ],
)
def test_a_short_code_of_a_catalogue_has_its_side_at_the_end(text, label, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,), side)


@pytest.mark.parametrize("text", ["XRAYL", "XPORTR", "KNEEB L4", "XARRB"])
def test_other_words_with_an_x_have_no_side_at_the_end(text, vocabulary):
    assert read_text(text, vocabulary).side is None
