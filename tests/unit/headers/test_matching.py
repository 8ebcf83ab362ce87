"""What single header texts mean."""

import pytest

from bodypart.headers import matching
from bodypart.headers.matching import read_text

ONE_LABEL = [
    ("BWS seitl.", "tspine"),
    ("RX TORAX PA", "chest"),
    ("Genou G F/P", "knee"),
    ("OSG re. 2 Eb.", "ankle"),
    ("ABDOMEN&PELVIS", "abdomen"),
    ("Lt Food", "foot"),
    ("Handgelenk bds", "wrist"),
    ("Kinderhandgelenksaufnahme", "wrist"),
    ("Beckenübersicht", "pelvis"),
    ("BECKENUEBERSICHT", "pelvis"),
    ("Huefte li", "hip"),
    ("HUFTE AX", "hip"),
    ("Spine, Cervical", "cspine"),
    ("columna vertebral dorsal", "tspine"),
    ("LWS 2 Eb. im Stehen", "lspine"),
    ("Ganzbeinstandaufnahme", "lower_limb"),
    ("RIB UNILAT W/ AP CHEST", "rib"),
    ("HAND FINGER 3", "finger"),
    ("FOOT_ANKLE", "foot"),
    ("RTG handled", "wrist"),
    ("lungröntgen", "chest"),
    ("enkel links", "ankle"),
    ("staw kolanowy prawy", "knee"),
    ("右手正斜位", "hand"),
    ("膝関節正面", "knee"),
    ("胸部正侧位片", "chest"),
    ("足関節 2R", "ankle"),
    ("коленный сустав", "knee"),
    ("θώρακος", "chest"),
    ("HumerusLeft", "humerus"),
]


@pytest.mark.parametrize(("text", "label"), ONE_LABEL)
def test_a_text_names_one_label(text, label, vocabulary):
    assert read_text(text, vocabulary).labels == (label,)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Thorax de face", "chest"),
        ("Rodilla de pie", "knee"),
        ("Knee LL", "knee"),
        ("femur neck", "hip"),
        ("neck of femur", "hip"),
        ("Schenkelhals re", "hip"),
        ("col du fémur", "hip"),
        ("C-Spine Flex/Ext", "cspine"),
        ("hip frog leg", "hip"),
        ("Seios da Face", "paranasal_sinus"),
        ("collo del piede", "ankle"),
        ("open mouth odontoid", "cspine"),
    ],
)
def test_a_view_or_position_is_not_taken_for_a_part(text, label, vocabulary):
    assert read_text(text, vocabulary).labels == (label,)


@pytest.mark.parametrize(
    "text",
    ["view: AP", "PA RLD", "LL", "de pie", "profil", "Bone survey", "PHARMACS", "ARTSTUDIO", "R"],
)
def test_a_text_without_a_part_names_none(text, vocabulary):
    assert read_text(text, vocabulary).labels == ()


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("LOW_EXM", "lower_limb"),
        ("LOWEXM", "lower_limb"),
        ("UP_EXM", "upper_limb"),
        ("Extremity", "extremity"),
        ("babygram", "whole_body"),
        ("四肢", "extremity"),
    ],
)
def test_a_vague_text_gives_a_region_and_no_label(text, region, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.region) == ((), region)


@pytest.mark.parametrize(
    ("text", "region"),
    [("upper extremity hand", None), ("chest, lower extremity", "lower_limb")],
)
def test_a_region_around_the_part_is_no_other_one(text, region, vocabulary):
    assert read_text(text, vocabulary).region == region


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("TRAUMA #2 (AP CXR AND PELVIS PORT)", ("chest", "pelvis")),
        ("Hand und Ellenbogen re", ("hand", "elbow")),
        ("Thorax + LWS", ("chest", "lspine")),
        ("TL-Spine 2V", ("tspine", "lspine")),
        ("Chest Abdo", ("chest", "abdomen")),
    ],
)
def test_a_text_that_names_two_parts_gives_a_list(text, labels, vocabulary):
    assert read_text(text, vocabulary).labels == labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("RIB, UNILAT (NO CXR)", ("rib",)),
        ("Knie ohne Patella", ("knee",)),
        ("Abdomen without pelvis", ("abdomen",)),
        ("TRAUMA No. 2 chest", ("chest",)),
    ],
)
def test_a_negated_part_is_not_named(text, labels, vocabulary):
    assert read_text(text, vocabulary).labels == labels


@pytest.mark.parametrize("short", ["CS", "TS", "LS", "PV"])
def test_a_short_code_counts_only_alone(short, vocabulary):
    assert read_text(f"{short} AP", vocabulary).labels
    assert not read_text(f"{short} department", vocabulary).labels


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("BØICHO", "abdomen"),
        ("HÃ¼fte", "hip"),
        ("Sch?del", "skull"),
        ("Kn\ufffdchel", "ankle"),
        ("膝関節".encode("shift_jis").decode("latin-1"), "knee"),
        ("左膝".encode("shift_jis").decode("latin-1"), "knee"),
    ],
)
def test_a_text_in_the_wrong_character_set_is_repaired(text, label, vocabulary):
    assert read_text(text, vocabulary).labels == (label,)


def test_a_part_in_the_wrong_character_set_is_read_beside_another(vocabulary):
    assert read_text("Ca?da sobre mano, mu?eca izq", vocabulary).labels == ("hand", "wrist")
    assert read_text("Rx mano, mu?eca", vocabulary).labels == ("hand", "wrist")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("sholder ap", "shoulder"),
        ("soulder ap", "shoulder"),
        ("CLAVCILE", "clavicle"),
        ("claviclee", "clavicle"),
        ("clavecle", "clavicle"),
        ("shouldder", "shoulder"),
        ("Oberschenekl", "femur"),
        ("Sprungelenk li", "ankle"),
    ],
)
def test_one_slip_of_the_pen_is_forgiven(text, label, vocabulary):
    assert read_text(text, vocabulary).labels == (label,)


@pytest.mark.parametrize("text", ["thorx", "feemur", "choulder", "clavaule", "meatzarsal"])
def test_two_slips_and_one_in_a_short_word_or_the_first_letter_are_none(text, vocabulary):
    assert not read_text(text, vocabulary).names_part


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("OSG re. 2 Eb.", "R"),
        ("Knie li", "L"),
        ("Genou G", "L"),
        ("Genou D", "R"),
        ("rodilla izquierda", "L"),
        ("ginocchio dx", "R"),
        ("DX KNEE", None),
        ("joelho direito", "R"),
        ("staw kolanowy lewy", "L"),
        ("höft hö", "R"),
        ("左膝", "L"),
        ("両膝", "B"),
        ("Knee both", "B"),
        ("Hüfte re und li", "B"),
        ("Knee LL", None),
        ("rodilla AP y L", None),
        ("Röntgen der Hüfte", None),
        ("KNEE DX", None),
        ("DX TIBIA", None),
        ("Joelho E", "L"),
        ("Mão E AP", "L"),
        ("tórax PA e perfil", None),
        ("mão e punho", None),
        ("mano sin", "L"),
        ("LKNEE", "L"),
        ("XHANDLT3", "L"),
        ("手関節4R", None),
        ("Hüfte, Z.n. Spondylodese L4/5", None),
        ("Hüfte li, Z.n. Spondylodese L4/5", "L"),
        ("main D3", None),
        ("L 3rd finger", "L"),
        ("H?ftschmerzen bds", "B"),
    ],
)
def test_the_side_is_read_in_the_language_of_the_part(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Knie re beide Ebenen", "R"),
        ("Handgelenk links in beiden Ebenen", "L"),
        ("Knie in beiden Ebenen", None),
        ("L knee both planes", "L"),
        ("Hand both obliques", None),
        ("Forearm both bones", None),
        ("genou G deux incidences", "L"),
        ("rodilla izq ambas proyecciones", "L"),
        ("ginocchio sx entrambe le proiezioni", "L"),
        ("joelho E ambas incidências", "L"),
        ("kolano lewe obie projekcje", "L"),
        ("Sağ diz iki yön grafisi", "R"),
        ("обе проекции левое колено", "L"),
        ("knä vä båda projektionerna", "L"),
    ],
)
def test_both_views_are_not_both_sides(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Hand links, Fuß rechts", None),
        ("left knee, right ankle", None),
        ("bilateral hands, right foot", None),
        ("Hand re, Fuß re", "R"),
        ("Hände und Füße bds", "B"),
        ("left knee and right knee", "B"),
    ],
)
def test_sides_of_several_parts_are_not_joined(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Knie links, nicht rechts", "L"),
        ("left knee not right", "L"),
        ("knee not left", None),
        ("mano sin", "L"),
        ("knee no 2 left", "L"),
    ],
)
def test_a_side_that_is_denied_is_not_said(text, side, vocabulary):
    assert read_text(text, vocabulary).side == side


@pytest.mark.parametrize(
    "text",
    [
        "Thorax, Lage Magensonde",
        "chest gastric tube",
        "chest neck line",
        "thorax sonde nasogastrique",
        "torax sonda nasogastrica",
        "torace sondino naso-gastrico",
    ],
)
def test_a_tube_names_no_part(text, vocabulary):
    assert read_text(text, vocabulary).labels == ("chest",)


def test_a_plaster_cast_is_no_hand(vocabulary):
    assert read_text("wrist in plaster", vocabulary).labels == ("wrist",)
    assert read_text("RTG plaštaka", vocabulary).labels == ("hand",)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("Thorax de face", "frontal"),
        ("BWS seitl.", "lateral"),
        ("Foot oblique", "oblique"),
        ("Knee AP and lateral", None),
    ],
)
def test_the_view_is_read_if_only_one_is_named(text, view, vocabulary):
    assert read_text(text, vocabulary).view == view


@pytest.mark.parametrize(
    "text",
    [
        "Não informado",
        "Maintenance",
        "Distance",
        "Larger FOV",
        "STOP",
        "Extern",
        "Delete",
        "Stereo",
    ],
)
def test_an_ordinary_word_is_no_part(text, vocabulary):
    assert not read_text(text, vocabulary).names_part


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Dist. Radius li", ("forearm",)),
        ("Oberschenkel_DIST", ("femur",)),
        ("Dislocation shoulder", ("shoulder",)),
        ("MAIN HOSPITAL CHEST XR", ("chest",)),
        ("Knie Bauchlage", ("knee",)),
        ("Telemetría columna", ("spine",)),
        ("Radio pelvis", ("pelvis",)),
        ("Radio cavum", ("neck",)),
        ("Crus, Sprunggelenk", ("lower_leg", "ankle")),
        ("SPINE_LUMBAR_AP", ("lspine",)),
        ("C-Spine + T-Spine", ("cspine", "tspine")),
        ("Dig. V Fuß li", ("toe",)),
        ("ΑΜΣΣ", ("cspine",)),
        ("XRCHEST", ("chest",)),
        ("Thorax/Herz-Lunge", ("chest",)),
        ("Sol ayak baş parmak", ("toe",)),
        ("AKCİĞER GRAFİSİ PA", ("chest",)),
        ("Rachide lombo-sacrale", ("lspine",)),
        ("XR BONE AGE", ("hand",)),
        ("CHESTLAT", ("chest",)),
        ("RX gomito lunedì", ("elbow",)),
        ("RX mano dx, anche polso", ("hand", "wrist")),
    ],
)
def test_words_that_stand_beside_a_part_do_not_name_another(text, labels, vocabulary):
    assert read_text(text, vocabulary).labels == labels


def test_an_endless_text_is_cut(vocabulary):
    assert read_text("x" * 100_000 + " knee", vocabulary).labels == ()


def test_a_text_without_words_may_fill_its_field(vocabulary):
    assert read_text("-" * 16, vocabulary).labels == ()


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("Röntgen Handgele", "wrist", None),
        ("TOBILLO IZQUIERD", "ankle", "L"),
        ("XR Röntgen Handgele", "hand", None),
        (f"{'Röntgen':56}Handgele", "wrist", None),
        (f"{'Röntgen':57}Handgele", "hand", None),
    ],
)
def test_a_text_that_fills_its_field_may_end_within_a_word(text, label, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,), side)


@pytest.mark.parametrize(("text", "times"), [("Knee lateral, read once", 1), ("LKNEE twice", 2)])
def test_only_a_text_with_a_mark_glued_to_its_part_is_read_again(
    text, times, vocabulary, monkeypatch
):
    """It took twice as long to read any header."""
    reads, read = [], matching._read
    monkeypatch.setattr(matching, "_read", lambda *said: reads.append(said) or read(*said))
    assert read_text(text, vocabulary).labels == ("knee",)
    assert len(reads) == times
