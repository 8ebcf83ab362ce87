"""What a text says of this picture: negations, background and comparisons are not of it."""

import pytest

from bodypart.headers.matching import read_text


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("keine Fraktur, Knie re", ("knee",), "R"),
        ("ohne Belastung Fuß re", ("foot",), "R"),
        ("ohne Fraktur Knie li", ("knee",), "L"),
        ("sans charge genou D", ("knee",), "R"),
        ("w/o contrast chest", ("chest",), None),
        ("no AP pelvis, chest", ("chest",), None),
        ("Knie re ohne Patella li", ("knee",), "R"),
    ],
)
def test_a_negation_takes_away_only_what_it_stands_before(text, labels, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("nicht Knie links, Hand rechts", ("hand",), "R"),
        ("no right foot, left ankle", ("ankle",), "L"),
        ("no hand foot left", ("foot",), "L"),
        ("Knee excluding patella Rt", ("knee",), "R"),
    ],
)
def test_the_side_goes_with_the_part_that_is_denied(text, labels, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("Z.n. Hüft-TEP, Knie rechts", ("knee",), "R"),
        ("Z.n. Hüft-TEP li, Knie rechts", ("knee",), "R"),
        ("Z.n. Hüft-TEP li, Knie", ("knee",), None),
        ("Knie rechts, Z.n. Hüft-TEP li", ("knee",), "R"),
        ("Zustand nach Radiusfraktur, Handgelenk links", ("wrist",), "L"),
        ("s/p right THR, left knee", ("knee",), "L"),
        ("h/o left hip fracture, right ankle", ("ankle",), "R"),
        ("status post left wrist ORIF, CXR", ("chest",), None),
        ("ATCD PTH G, genou D", ("knee",), "R"),
        ("Esiti frattura femore dx, ginocchio sx", ("knee",), "L"),
        ("stan po endoprotezie biodra L, kolano P", ("knee",), "R"),
        ("st.p. TEP kyčle L, koleno P", ("knee",), "R"),
        ("Thorax, V.a. Rippenfraktur li", ("chest",), None),
        ("Ausschluss Patellafraktur, Knie li", ("knee",), "L"),
        ("Right hand, r/o finger fracture", ("hand",), "R"),
    ],
)
def test_what_the_patient_had_or_may_have_is_not_in_the_picture(text, labels, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("Wrist r/o fx LT", "wrist", "L"),
        ("KNEE R/O EFFUSION RT", "knee", "R"),
        ("Knee 3V R/O FX L", "knee", "L"),
        ("XR FOOT HX OF GOUT RIGHT", "foot", "R"),
        ("Hand query fracture left", "hand", "L"),
        ("Sprunggelenk Z.n. Distorsion links", "ankle", "L"),
        ("Handgelenk Ausschluss Fraktur re", "wrist", "R"),
        ("Poignet recherche fracture droit", "wrist", "R"),
        ("Rodilla descartar fractura derecha", "knee", "R"),
        ("Knie re z.n. OP li", "knee", "R"),
        ("Hip left, s/p THA right", "hip", "L"),
        ("Knee hx of OP left, s/p fracture right", "knee", None),
    ],
)
def test_a_side_behind_a_background_without_a_part_is_the_examined_part_s(
    text, label, side, vocabulary
):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,), side)


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("Z.n. Hüft-TEP re", ("hip",), "R"),
        ("r/o fracture left ankle", ("ankle",), "L"),
        ("Esiti frattura polso sx", ("wrist",), "L"),
    ],
)
def test_a_background_without_another_part_is_what_is_looked_at_again(
    text, labels, side, vocabulary
):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Hand re (Vergleich li)", None),
        ("Right elbow with left comparison", None),
        ("left knee (comparison right)", None),
        ("comparison view right elbow", "R"),
        ("Hände bds. im Vergleich", "B"),
    ],
)
def test_a_comparison_is_no_picture_of_both_sides(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    "text",
    [
        "Right hand and wrist, comparison left",
        "Hand Wrist R comparison L",
        "RIGHT FOOT AND ANKLE COMPARISON LEFT FOOT AND ANKLE",
    ],
)
def test_which_side_of_several_parts_a_comparison_shows_is_not_told(text, vocabulary):
    reading = read_text(text, vocabulary)
    assert len(reading.labels) == 2
    assert reading.sides == ()


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("Left hip pain, lumbar spine", ("lspine",), None),
        ("Left hip pain, knee right", ("knee",), "R"),
        ("Left hip pain, knee", ("knee",), None),
        ("Knee right hip pain", ("knee",), "R"),
        ("Left hand pain, wrist", ("wrist",), "L"),
        ("Left knee pain", ("knee",), "L"),
        ("Left knee pain, knee AP", ("knee",), "L"),
        ("Wrist pain after fall on hand, left", ("wrist",), "L"),
        ("Shoulder MRI, elbow L", ("elbow",), "L"),
        ("Shoulder MRI, elbow MRI", ("shoulder", "elbow"), None),
        ("Foot and ankle pain", ("foot", "ankle"), None),
        ("Left hand and wrist injury", ("hand", "wrist"), "L"),
        ("Hüft- und Knieschmerz", ("hip", "knee"), None),
        ("Foot & ankle pain, knee R", ("knee",), "R"),
        ("Elbow, right hand and wrist pain", ("elbow",), None),
    ],
)
def test_where_it_hurts_is_examined_only_where_no_other_part_is_named(
    text, labels, side, vocabulary
):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("r/o rib fx CXR", ("chest",), None),
        ("Hx ankle fx L knee", ("knee",), "L"),
        ("Knee hx of hip fx right", ("knee",), None),
        ("Z.n. Sprunggelenksfraktur Knie li", ("knee",), "L"),
        ("hx hip fx knee fx, ankle", ("ankle",), None),
    ],
)
def test_what_follows_an_old_fracture_is_no_piece_of_it(text, labels, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize("text", ["no hand excl.", "no hand cancelled", "without hand excl"])
def test_a_part_is_denied_twice(text, vocabulary):
    assert not read_text(text, vocabulary).names_part


@pytest.mark.parametrize("text", ["QC phantom chest left", "Knee, detector calibration"])
def test_a_phantom_has_no_part(text, vocabulary):
    reading = read_text(text, vocabulary)
    assert not reading.names_part
    assert reading.sides == ()
