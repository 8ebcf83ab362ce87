"""What the headers of a whole data set say."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from bodypart.fusion.sides import side_of
from bodypart.headers import read_headers


def headers(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value, scheme="SCT", meaning="", **more):
    return headers(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning, **more)


def test_each_match_carries_its_attribute_and_text(vocabulary):
    dataset = headers(BodyPartExamined="KNEE", StudyDescription="Knie re. 2 Eb.")
    reading = read_headers(dataset, vocabulary)
    assert reading.label == "knee"
    assert [(match.attribute, match.value) for match in reading.evidence] == [
        ("StudyDescription", "Knie re. 2 Eb."),
        ("BodyPartExamined", "KNEE"),
    ]


@pytest.mark.parametrize(
    "attribute",
    [
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "RequestedProcedureDescription",
        "PerformedProcedureStepDescription",
        "AcquisitionDeviceProcessingDescription",
        "BodyPartExamined",
    ],
)
def test_every_descriptive_attribute_is_read(attribute, vocabulary):
    assert read_headers(headers(**{attribute: "WRIST"}), vocabulary).label == "wrist"


@pytest.mark.parametrize(
    "attribute",
    [
        "AnatomicRegionSequence",
        "PrimaryAnatomicStructureSequence",
        "ProcedureCodeSequence",
        "RequestedProcedureCodeSequence",
        "PerformedProtocolCodeSequence",
    ],
)
@pytest.mark.parametrize(
    "item",
    [
        code("816094009"),
        code("51185008"),
        code("43799004"),
        code("T-D3000", "SRT"),
        code("T-D3000", "SNM3"),
        code("X1", "99LOCAL", "Thorax p.a."),
    ],
)
def test_current_legacy_and_local_codes_mean_the_same(attribute, item, vocabulary):
    dataset = headers(**{attribute: Sequence([item])})
    assert read_headers(dataset, vocabulary).label == "chest"


@pytest.mark.parametrize(
    ("term", "label", "region"),
    [
        ("FACE", "facial_bones", None),
        ("HEAD", "skull", None),
        ("LEG", "lower_leg", None),
        ("UPPERLIMB", None, "upper_limb"),
        ("LOWERLIMB", "lower_limb", None),
        ("UPPER LIMB", None, "upper_limb"),
        ("EXTREMITY", None, "extremity"),
        ("LOW_EXM", None, "lower_limb"),
        ("CTSPINE", None, None),
        ("PHANTOM", None, None),
    ],
)
def test_body_part_examined_knows_the_defined_terms(term, label, region, vocabulary):
    reading = read_headers(headers(BodyPartExamined=term), vocabulary)
    assert (reading.label, reading.region) == (label, region)


def test_the_narrower_name_of_agreeing_headers_wins(vocabulary):
    dataset = headers(BodyPartExamined="HAND", SeriesDescription="Finger 3 re")
    assert read_headers(dataset, vocabulary).label == "finger"


def test_contradicting_headers_name_both_parts(vocabulary):
    dataset = headers(BodyPartExamined="ELBOW", SeriesDescription="Knie")
    reading = read_headers(dataset, vocabulary)
    assert reading.labels == ("knee", "elbow")
    assert reading.label is None


def test_the_devices_default_does_not_hide_what_the_technologist_picked(vocabulary):
    dataset = headers(BodyPartExamined="CHEST", SeriesDescription="Knie")
    reading = read_headers(dataset, vocabulary)
    assert reading.labels == ("knee", "chest")
    assert reading.label == "knee"


def test_a_label_and_a_distant_region_are_two_parts(vocabulary):
    reading = read_headers(headers(BodyPartExamined="CHEST_LOW EXT"), vocabulary)
    assert reading.label is None


@pytest.mark.parametrize(
    ("values", "side", "conflict"),
    [
        ({"Laterality": "L"}, "L", False),
        ({"ImageLaterality": "R", "SeriesDescription": "Knee"}, "R", False),
        ({"ImageLaterality": "U"}, None, False),
        ({"ImageLaterality": "b"}, "B", False),
        ({"SeriesDescription": "Knie li"}, "L", False),
        ({"ImageLaterality": "R", "SeriesDescription": "Knie li"}, "R", True),
        ({"Laterality": "L", "ImageLaterality": "R"}, "R", True),
        ({"StudyDescription": "Knie bds", "ImageLaterality": "R"}, "R", False),
        ({"StudyDescription": "Hand re", "SeriesDescription": "Fuß li"}, "L", False),
        ({"SeriesDescription": "CHEST LEFT LATERAL"}, None, False),
        ({"SeriesDescription": "ABDOMEN (LAT DECUB) LEFT"}, None, False),
    ],
)
def test_the_side_comes_from_the_headers_and_contradictions_are_flagged(
    values, side, conflict, vocabulary
):
    reading = read_headers(headers(**values), vocabulary)
    assert (reading.laterality, reading.laterality_conflict) == (side, conflict)


@pytest.mark.parametrize(
    ("study", "series", "side", "of"),
    [
        ("Hand re", "Fuß", "R", ("hand",)),
        ("Hand re", "Fuß li", "L", ("foot",)),
        ("Hand re, Fuß re", "Fuß", "R", ("hand", "foot")),
        ("rechts", "Fuß", "R", ()),
        ("Hand li, Fuß re", "Fuß", "R", ("foot",)),
        ("Hand re, Handgelenk li", "Handgelenk", "L", ("wrist",)),
        ("Knie", "Knie", None, ()),
    ],
)
def test_a_text_tells_the_side_of_the_parts_that_it_names(study, series, side, of, vocabulary):
    reading = read_headers(headers(StudyDescription=study, SeriesDescription=series), vocabulary)
    assert (reading.laterality, reading.laterality_of) == (side, of)


@pytest.mark.parametrize(
    ("value", "side"),
    [
        ("LEFT", "L"),
        ("rechts", "R"),
        ("gauche", "L"),
        ("BOTH", "B"),
        ("L+R", "B"),
        ("L/R", None),
        ("LAT", None),
        ("LATERAL", None),
        ("LL", None),
        ("RL", None),
        ("LR", None),
        ("Rodilla", None),
    ],
)
@pytest.mark.parametrize("attribute", ["ImageLaterality", "Laterality"])
def test_a_side_is_no_first_letter(attribute, value, side, vocabulary):
    reading = read_headers(headers(**{attribute: value, "BodyPartExamined": "KNEE"}), vocabulary)
    assert reading.laterality == side


@pytest.mark.parametrize(
    ("values", "side"),
    [
        ({"StudyDescription": "Knie bds."}, None),
        ({"StudyDescription": "Knie bds.", "SeriesDescription": "Knie ap"}, None),
        ({"StudyDescription": "Knie bds.", "SeriesDescription": "Knie re"}, "R"),
        ({"SeriesDescription": "Knie bds. ap"}, "B"),
        ({"StudyDescription": ["Knie re", "Knie li"]}, None),
        ({"StudyDescription": ["Knie re", "Knie re 2E"]}, "R"),
        ({"SeriesDescription": ["Knie re", "Knie li"]}, "B"),
    ],
)
def test_an_order_for_both_sides_has_a_picture_of_each(values, side, vocabulary):
    reading = read_headers(headers(**values), vocabulary)
    assert (reading.laterality, reading.laterality_conflict) == (side, False)


def test_an_order_is_read_where_the_standard_puts_it(vocabulary):
    order = headers(RequestedProcedureDescription="Hand li 2E")
    reading = read_headers(headers(RequestAttributesSequence=Sequence([order])), vocabulary)
    assert (reading.label, reading.laterality) == ("hand", "L")
    step = headers(ScheduledProcedureStepDescription="Knie re")
    reading = read_headers(headers(RequestAttributesSequence=Sequence([step])), vocabulary)
    assert (reading.label, reading.laterality) == ("knee", "R")


def test_of_endless_orders_only_the_first_are_read(vocabulary):
    orders = [headers(RequestedProcedureDescription=f"Study {number}") for number in range(8)]
    orders[0].RequestedProcedureDescription = [f"Room {number}" for number in range(8)]
    orders[7].RequestedProcedureDescription = "Knee"
    reading = read_headers(headers(RequestAttributesSequence=Sequence(orders)), vocabulary)
    assert reading.labels == ()


def test_the_anatomy_of_an_enhanced_object_is_read(vocabulary):
    anatomy = headers(FrameLaterality="R", AnatomicRegionSequence=Sequence([code("72696002")]))
    shared = headers(FrameAnatomySequence=Sequence([anatomy]))
    reading = read_headers(headers(SharedFunctionalGroupsSequence=Sequence([shared])), vocabulary)
    assert (reading.label, reading.laterality) == ("knee", "R")


@pytest.mark.parametrize(
    ("codes", "side"),
    [(["7771000"], "L"), (["24028007", "255554000"], "R"), (["7771000", "24028007"], "B")],
)
def test_the_side_may_stand_in_the_modifier_of_the_region(codes, side, vocabulary):
    modifiers = Sequence([code(value) for value in codes])
    region = code("72696002", meaning="Knee", AnatomicRegionModifierSequence=modifiers)
    reading = read_headers(headers(AnatomicRegionSequence=Sequence([region])), vocabulary)
    assert (reading.label, reading.laterality) == ("knee", side)


@pytest.mark.parametrize(
    ("values", "view"),
    [
        ({"ViewPosition": "PA"}, "frontal"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"PatientOrientation": ["L", "F"]}, "frontal"),
        ({"PatientOrientation": ["R", "H"]}, "frontal"),
        ({"PatientOrientation": ["A", "F"]}, "lateral"),
        ({"PatientOrientation": ["P", "F"]}, "lateral"),
        ({"PatientOrientation": ["LA", "F"]}, "oblique"),
        ({"PatientOrientation": ["LF", "F"]}, None),
        ({"PatientOrientation": ["L", "P"]}, None),
        ({"ViewPosition": "RAO"}, "oblique"),
        ({"ViewPosition": "LLD"}, None),
        ({"StudyDescription": "BWS", "SeriesDescription": "BWS seitl."}, "lateral"),
        ({"ViewPosition": "SEITLICH"}, "lateral"),
        ({"ViewPosition": "LLAT"}, "lateral"),
        ({"ViewPosition": "AP/LAT"}, None),
        ({"ViewCodeSequence": Sequence([code("x", meaning="postero-anterior")])}, "frontal"),
        ({}, None),
    ],
)
def test_the_view_comes_from_position_orientation_or_text(values, view, vocabulary):
    assert read_headers(headers(**values), vocabulary).view == view


@pytest.mark.parametrize(
    ("values", "years"),
    [
        ({"PatientAge": "045Y"}, 45),
        ({"PatientAge": "45y", "StudyDate": "20240601"}, 45),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "026W"}, 0.5),
        ({"PatientBirthDate": "19600505"}, None),
        ({"PatientBirthDate": "20100601", "StudyDate": "20200601"}, 10),
        ({"PatientBirthDate": "20100601", "StudyDate": "20280601"}, 18),
        ({"PatientAge": "nonsense"}, None),
        ({"PatientAge": "999Y"}, None),
        ({"PatientAge": "000Y"}, None),
        ({"PatientAge": "000D"}, 0.0001),
        ({"PatientAge": "000Y", "PatientBirthDate": "19700501", "StudyDate": "20200501"}, 50),
        ({"PatientAge": "0", "PatientBirthDate": "20240101", "StudyDate": "20240102"}, None),
        ({"PatientBirthDate": "20230101", "StudyDate": "20240601"}, None),
        ({"PatientBirthDate": "20180101", "StudyDate": "20240101"}, 6),
        ({"PatientBirthDate": "19000101", "StudyDate": "20240101"}, None),
        ({"PatientBirthDate": "20200601", "StudyDate": "20100601"}, None),
        ({"PatientAge": "001Y", "PatientBirthDate": "19600505", "StudyDate": "20240601"}, None),
        ({"PatientAge": "045Y", "PatientBirthDate": "19600505", "StudyDate": "20240601"}, 45),
        ({"PatientAge": "020Y", "PatientBirthDate": "20000505", "StudyDate": "20240601"}, 20),
        ({"PatientAge": "010Y", "PatientBirthDate": "20110505", "StudyDate": "20240601"}, 10),
        ({"PatientAge": "017Y", "PatientBirthDate": "20051105", "StudyDate": "20240601"}, 17),
        ({"PatientAge": "045Y", "PatientBirthDate": "20200101", "StudyDate": "20240601"}, 45),
        ({"PatientAge": "000D", "PatientBirthDate": "19500101", "StudyDate": "20240601"}, None),
        ({"PatientAge": "045Y", "PatientBirthDate": "19000101", "StudyDate": "20240601"}, 45),
        ({"PatientBirthDate": "20100601", "StudyDate": "00000000", "SeriesDate": "20200601"}, 10),
    ],
)
def test_the_age_is_read_in_years(values, years, vocabulary):
    reading = read_headers(headers(**values), vocabulary)
    assert reading.age_years == (pytest.approx(years, abs=0.01) if years else None)


@pytest.mark.parametrize("years", range(1, 30))
def test_a_birthday_completes_its_year(years, vocabulary):
    birthday = {"PatientBirthDate": "20050301", "StudyDate": f"{2005 + years}0301"}
    day_before = {"PatientBirthDate": "20050302", "StudyDate": f"{2005 + years}0301"}
    assert read_headers(headers(**birthday), vocabulary).age_years >= years
    assert read_headers(headers(**day_before), vocabulary).age_years < years


@pytest.mark.parametrize(
    ("values", "unusable"),
    [
        ({}, False),
        ({"PatientAge": "045Y"}, False),
        ({"PatientAge": "000Y"}, True),
        ({"PatientAge": "0"}, True),
        ({"PatientBirthDate": "20240101", "StudyDate": "20240102"}, True),
        ({"PatientAge": "0", "PatientBirthDate": "19700501", "StudyDate": "20200501"}, False),
        ({"PatientAge": "001Y", "PatientBirthDate": "19600505", "StudyDate": "20240601"}, True),
    ],
)
def test_what_stands_for_an_age_without_being_one_is_told(values, unusable, vocabulary):
    assert read_headers(headers(**values), vocabulary).age_unusable == unusable


@pytest.mark.parametrize(
    ("values", "human"),
    [
        ({}, True),
        ({"PatientSpeciesDescription": "Canine"}, False),
        ({"PatientSpeciesDescription": "Homo sapiens"}, True),
        ({"PatientSpeciesCodeSequence": Sequence([code("448771007", meaning="Canis")])}, False),
        ({"PatientSpeciesCodeSequence": Sequence([code("337915000")])}, True),
        ({"PatientSpeciesCodeSequence": Sequence([code("X1", "99LOCAL", "Human")])}, True),
        ({"PatientBreedDescription": "Dachshund"}, False),
        ({"PatientSexNeutered": "ALTERED"}, False),
    ],
)
def test_a_species_that_is_not_human_is_told(values, human, vocabulary):
    assert read_headers(headers(**values), vocabulary).human == human


def test_a_known_part_outside_the_labels_is_told(vocabulary):
    """And whether no label has it, as of a phantom, or many have, as of a joint."""
    for term, elsewhere in (("BREAST", "BREAST"), ("PHANTOM", "PHANTOM"), ("JOINT", None)):
        reading = read_headers(headers(BodyPartExamined=term), vocabulary)
        assert (reading.outside, reading.elsewhere) == (term, elsewhere)
        assert not reading.evidence
    breast = headers(AnatomicRegionSequence=Sequence([code("76752008", meaning="Breast")]))
    assert read_headers(breast, vocabulary).elsewhere == "code 76752008"
    assert read_headers(headers(BodyPartExamined="Mustermann"), vocabulary).outside is None


def test_wrong_types_and_missing_items_do_not_raise(vocabulary):
    dataset = headers(
        BodyPartExamined="KNEE\\HAND",
        AnatomicRegionSequence=Sequence([Dataset(), code("", meaning="")]),
        ProcedureCodeSequence=Sequence([]),
        PatientAge="",
    )
    dataset.add_new("StudyDescription", "OB", b"\xff\xfe\x00ankle")
    dataset.add_new("SeriesDescription", "LO", None)
    dataset.add_new("RequestedProcedureCodeSequence", "LO", "no sequence")
    assert read_headers(dataset, vocabulary).labels == ("ankle", "knee", "hand")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(max_size=300), raw=st.binary(max_size=60))
def test_no_text_whatever_raises(vocabulary, text, raw):
    dataset = Dataset()
    dataset.add_new("SeriesDescription", "LT", text)
    dataset.add_new("BodyPartExamined", "OB", raw)
    read_headers(dataset, vocabulary)


@pytest.mark.parametrize(
    ("values", "conflict"),
    [
        ({"StudyDescription": "L hand & R wrist"}, False),
        ({"StudyDescription": "L hand, R wrist", "SeriesDescription": "R hand"}, True),
        ({"StudyDescription": "Right hand", "ProtocolName": "left wrist, left hand"}, True),
    ],
)
def test_parts_of_one_text_that_have_their_own_sides_do_not_contradict(
    values, conflict, vocabulary
):
    assert read_headers(headers(**values), vocabulary).laterality_conflict is conflict


@pytest.mark.parametrize("picture", ["hand", "wrist"])
def test_an_order_for_two_neighbours_tells_the_side_of_each(picture, vocabulary):
    reading = read_headers(headers(StudyDescription="L hand & R wrist"), vocabulary)
    assert side_of(picture, reading, None).value == {"hand": "L", "wrist": "R"}[picture]


def test_under_load_is_no_second_part(vocabulary):
    dataset = headers(SeriesDescription="Bel. ap", BodyPartExamined="KNEE")
    assert read_headers(dataset, vocabulary).label == "knee"


def test_a_comparison_over_two_parts_names_no_side_of_the_examined_one(vocabulary):
    order = "Right hand and wrist, comparison left"
    dataset = headers(BodyPartExamined="WRIST", StudyDescription=order)
    reading = read_headers(dataset, vocabulary)
    assert (reading.label, reading.laterality) == ("wrist", None)
