"""Which meaning a short word has beside its neighbours."""

import pytest

from bodypart.headers.matching import read_text


@pytest.mark.parametrize(
    ("text", "side", "view"),
    [
        ("TIBIA L", "L", None),
        ("Femur L AP", "L", "frontal"),
        ("Patella L", "L", None),
        ("Femur P", None, None),
        ("Femur AP y L", None, None),
        ("Knee AP/L", None, None),
        ("rodilla L", None, "lateral"),
        ("kolano P", "R", None),
        ("FINGER 2 LAT L", "L", "lateral"),
        ("GENU DX", "R", None),
        ("MANUS SIN AP", "L", "frontal"),
        ("MANUS SIN., AP", "L", "frontal"),
        ("Ankle PE E", None, None),
    ],
)
def test_a_letter_of_several_languages_means_what_the_text_s_own_has(text, side, view, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.side, reading.view) == (side, view)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Knie L2E", "L"),
        ("genou D2P", "R"),
        ("genou G2P", "L"),
        ("genou G2inc", "L"),
        ("Rodilla D2pr", "R"),
        ("main D2P", None),
        ("main D3", None),
        ("Hüfte, Z.n. Spondylodese L4/5", None),
        ("Voet li 3R", "L"),
        ("CWK 2R", None),
        ("XR KNEE3VLT", "L"),
        ("Knee R2V", "R"),
        ("Knie Raum R2", None),
    ],
)
def test_a_side_glued_to_a_number_of_projections(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Epaule G RI RE RN", "L"),
        ("Epaule RE", None),
        ("Hombro RE", None),
        ("Spalla RE", None),
        ("Ombro RE", None),
        ("Enkel re", "R"),
        ("f/u R radius", "R"),
        ("Re-check L knee", "L"),
        ("RE: KNEE", None),
        ("DHS li", "L"),
        ("Rtg armbåge, föll på jobb", None),
        ("Manus bds", "B"),
        ("bds", "B"),
        ("põlv vasak", "L"),
    ],
)
def test_a_short_word_is_the_side_of_its_own_language_only(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("HG re 2E", "wrist", "R"),
        ("UA li", "forearm", "L"),
        ("OA rechts", "humerus", "R"),
        ("OS li", "femur", "L"),
        ("US re 2E", "lower_leg", "R"),
        ("GBA li", "lower_limb", "L"),
        ("Sağ el", "hand", "R"),
    ],
)
def test_an_abbreviation_beside_a_side_of_its_language_is_a_part(text, label, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,), side)


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("Knie OA rechts", ("knee",), "R"),
        ("US Schulter rechts", ("shoulder",), "R"),
        ("Schulter OA Müller", ("shoulder",), None),
        ("Os lunatum Handgelenk links", ("wrist",), "L"),
        ("Os trigonum OSG re", ("ankle",), "R"),
        ("Os metatarsale V Fuß", ("foot",), None),
        ("Os zygomaticum Schädel", ("facial_bones", "skull"), None),
        ("Os acromiale Schulter rechts", ("shoulder",), "R"),
    ],
)
def test_two_letters_beside_a_part_are_no_second_one(text, labels, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "side"),
    [("Bone Age L Hand", "L"), ("RTG obu rąk", "B"), ("pelvis ambas caderas", "B")],
)
def test_a_side_inside_a_term_is_a_side(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    "text",
    ["US left", "US", "OS", "Röntgen OS", "US guided biopsy re", "rechts 2 Eb.", "Pat bilat"],
)
def test_an_abbreviation_alone_or_in_another_language_names_no_part(text, vocabulary):
    assert not read_text(text, vocabulary).names_part


@pytest.mark.parametrize(
    "text", ["USG abdomen", "ALL VIEWS ABDOMEN", "HART ABDOMEN", "Abdomen bel."]
)
def test_a_word_of_another_language_is_no_second_part(text, vocabulary):
    assert read_text(text, vocabulary).labels == ("abdomen",)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("stehend bel", None),
        ("Bel. ap", None),
        ("bel. re", "R"),
        ("ap bel re", "R"),
        ("Knie 2 Ebenen bel. re", "R"),
    ],
)
def test_under_load_is_no_lumbar_spine(text, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert "lspine" not in reading.labels
    assert reading.sides == (((side, reading.labels),) if side else ())


@pytest.mark.parametrize("text", ["bel grafisi", "Bel AP/Yan", "bel direkt grafisi", "lomber bel"])
def test_the_lumbar_spine_has_a_turkish_word_beside_it(text, vocabulary):
    assert read_text(text, vocabulary).labels == ("lspine",)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Knee 1st MT visit", "knee"),
        ("Knie MT I", "knee"),
        ("1st MT fracture L", "foot"),
        ("MT V Fraktur li", "foot"),
        ("Foot 5th MT", "foot"),
    ],
)
def test_a_metatarsal_s_abbreviation_is_no_second_part(text, label, vocabulary):
    assert read_text(text, vocabulary).labels == (label,)


@pytest.mark.parametrize(
    ("text", "side", "view"),
    [
        ("Knee VRT", None, None),
        ("KNEE 3VRT", "R", None),
        ("ひざりょうそくめん", None, "lateral"),
        ("膝両側面", None, "lateral"),
        ("ひざりょうそく", "B", None),
    ],
)
def test_what_is_no_side(text, side, view, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.side, reading.view) == (side, view)


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("Coxa D", "femur", "R"),
        ("Coxa E", "femur", "L"),
        ("COXA SIN", "hip", "L"),
        ("Coxa vara", None, None),
        ("Cubitus gauche", "forearm", "L"),
        ("Cot dr", "elbow", "R"),
    ],
)
def test_part_and_side_tell_each_other_s_language(text, label, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,) if label else (), side)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("Genou 3/4", "oblique"),
        ("Foot 3 kwart", "oblique"),
        ("Hip 3-4 views", None),
        ("Thorax vom 3.4.", None),
    ],
)
def test_three_quarters_are_a_view_and_three_to_four_views_are_not(text, view, vocabulary):
    assert read_text(text, vocabulary).view == view


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Prior CT abdomen, chest", ("chest",)),
        ("excl. hip: pelvis", ("pelvis",)),
        ("Unidad de columna, torax", ("chest",)),
    ],
)
def test_no_term_reaches_beyond_what_is_left_out(text, labels, vocabulary):
    assert read_text(text, vocabulary).labels == labels
