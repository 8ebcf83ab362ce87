"""Headers of several fields, drawn by a seed: they agree, fill each other in, or contradict.

What they say together was laid down before: of each kind of header the part, the side, and whether
a person should look.
"""

import random

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from bodypart.fusion.fuse import fuse
from bodypart.headers import read_headers
from bodypart.labels import BY_LABEL
from bodypart.laterality import SIDE_OF_CODE
from bodypart.regions import compatible

DRAWS = 20
LANGUAGES = ("en", "de", "fr", "es", "it", "pl")
WORDS = {
    "knee": ("Knee", "Kniegelenk", "genou", "rodilla", "ginocchio", "kolano"),
    "hand": ("Hand", "Hand", "main", "mano", "mano", "ręka"),
    "wrist": ("Wrist", "Handgelenk", "poignet", "muñeca", "polso", "nadgarstek"),
    "ankle": ("Ankle", "OSG", "cheville", "tobillo", "caviglia", "staw skokowy"),
    "foot": ("Foot", "Fuß", "pied", "pie", "piede", "stopa"),
    "shoulder": ("Shoulder", "Schulter", "épaule", "hombro", "spalla", "bark"),
    "elbow": ("Elbow", "Ellenbogen", "coude", "codo", "gomito", "łokieć"),
    "hip": ("Hip", "Hüfte", "hanche", "cadera", "anca", "biodro"),
    "femur": ("Femur", "Oberschenkel", "fémur", "fémur", "femore", "udo"),
    "chest": ("Chest", "Thorax", "thorax", "tórax", "torace", "klatka piersiowa"),
    "abdomen": ("Abdomen", "Abdomen", "ASP", "abdomen", "addome", "brzuch"),
    "pelvis": ("Pelvis", "Becken", "bassin", "pelvis", "bacino", "miednica"),
}
SIDES = {
    "L": ("left", "li.", "gauche", "izquierda", "sx", "lewy"),
    "R": ("right", "re.", "droite", "derecha", "dx", "prawy"),
    "B": ("bilateral", "bds.", "bilat.", "bilateral", "bilat.", "obustronnie"),
}
PAIRED = [label for label in WORDS if BY_LABEL[label].paired]


class Draw:
    """One part with its side, another part far from it, and words for both."""

    def __init__(self, seed, labels):
        chance = random.Random(seed)
        self.part = chance.choice(labels)
        self.far = chance.choice([o for o in PAIRED if not compatible(self.part, o)])
        self.side, self.other_side = chance.sample("LR", 2)
        self.languages = chance.choices(range(len(LANGUAGES)), k=2)
        self.dataset = Dataset()
        self.dataset.SpecificCharacterSet = "ISO_IR 192"

    def said(self, part, side="", of=0):
        """Return a part and a side in one of the two languages."""
        language = self.languages[of]
        return f"{WORDS[part][language]} {SIDES[side][language] if side else ''}".strip()

    def has(self, **values):
        """Write attributes."""
        for keyword, value in values.items():
            setattr(self.dataset, keyword, value)

    def fused(self, vocabulary):
        return fuse(None, read_headers(self.dataset, vocabulary))


def term(label):
    return BY_LABEL[label].body_part_examined


def item(label, side):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = BY_LABEL[label].code.value, "SCT"
    code.CodeMeaning = BY_LABEL[label].code.meaning
    modifier = Dataset()
    modifier.CodeValue = next(c for c, letter in SIDE_OF_CODE.items() if letter == side)
    code.AnatomicRegionModifierSequence = Sequence([modifier])
    return code


def all_agree(it):
    said = it.said(it.part, it.side)
    it.has(SeriesDescription=f"{said} AP", StudyDescription=it.said(it.part, it.side, of=1))
    it.has(BodyPartExamined=term(it.part))


def the_side_stands_elsewhere(it):
    it.has(SeriesDescription="AP", BodyPartExamined=term(it.part), ImageLaterality=it.side)


def only_the_order_names_it(it):
    it.has(SeriesDescription="AP", RequestedProcedureDescription=it.said(it.part, it.side))


def the_order_names_another_as_well(it):
    both = f"{it.said(it.part, it.side)}, {it.said(it.far, it.other_side)}"
    it.has(StudyDescription=both, SeriesDescription=it.said(it.part))


def the_order_is_for_both_sides(it):
    it.has(StudyDescription=it.said(it.part, "B"), SeriesDescription=it.said(it.part, it.side, 1))


def a_code_has_the_side(it):
    it.has(AnatomicRegionSequence=Sequence([item(it.part, it.side)]))
    it.has(SeriesDescription=it.said(it.part))


def the_console_names_a_region(it):
    arm = it.part in {"hand", "wrist", "shoulder", "elbow"}
    it.has(SeriesDescription=f"{'Upper' if arm else 'Lower'} extremity AP")
    it.has(StudyDescription=it.said(it.part, it.side))


def the_order_tells_the_history(it):
    broken = f"hx of {WORDS[it.far][0]} fx {SIDES[it.other_side][0]}"
    it.has(StudyDescription=f"XR {WORDS[it.part][0]} {broken}")
    it.has(SeriesDescription=it.said(it.part, it.side))


def the_order_tells_the_complaint(it):
    it.has(StudyDescription=f"{WORDS[it.far][0]} pain, {WORDS[it.part][0]} {SIDES[it.side][0]}")
    it.has(SeriesDescription="AP")


def a_department_orders(it):
    it.has(StudyDescription=f"{WORDS[it.far][0]} clinic")
    it.has(SeriesDescription=it.said(it.part, it.side))


def the_modality_stands_before(it):
    said = f"DR. {WORDS[it.part][0]} {SIDES[it.side][0]}".upper()
    it.has(StudyDescription=said, SeriesDescription="AP")


@pytest.mark.parametrize("seed", range(DRAWS))
@pytest.mark.parametrize(
    "headers",
    [
        all_agree,
        the_side_stands_elsewhere,
        only_the_order_names_it,
        the_order_names_another_as_well,
        the_order_is_for_both_sides,
        a_code_has_the_side,
        the_console_names_a_region,
        the_order_tells_the_history,
        the_order_tells_the_complaint,
        a_department_orders,
        the_modality_stands_before,
    ],
)
def test_part_and_side_are_told_without_a_review(headers, seed, vocabulary):
    it = Draw(seed, PAIRED)
    headers(it)
    fused = it.fused(vocabulary)
    assert (fused.label, fused.laterality.value) == (it.part, it.side)
    assert not fused.needs_review


@pytest.mark.parametrize("seed", range(DRAWS))
def test_a_device_s_default_does_not_outweigh_console_and_order(seed, vocabulary):
    it = Draw(seed, PAIRED)
    all_agree(it)
    it.has(BodyPartExamined=term(it.far))
    fused = it.fused(vocabulary)
    assert (fused.label, fused.laterality.value) == (it.part, it.side)
    assert fused.needs_review


@pytest.mark.parametrize("seed", range(DRAWS))
@pytest.mark.parametrize("attribute", ["ImageLaterality", "StudyDescription"])
def test_contradicting_sides_are_looked_at(attribute, seed, vocabulary):
    it = Draw(seed, PAIRED)
    it.has(SeriesDescription=it.said(it.part, it.side))
    coded = attribute == "ImageLaterality"
    it.has(**{attribute: it.other_side if coded else it.said(it.part, it.other_side, of=1)})
    fused = it.fused(vocabulary)
    assert fused.label == it.part
    assert fused.needs_review


@pytest.mark.parametrize("seed", range(DRAWS))
def test_contradicting_parts_never_name_the_less_trusted_one(seed, vocabulary):
    it = Draw(seed, [*WORDS])
    it.has(SeriesDescription=it.said(it.part, it.side))
    it.has(StudyDescription=it.said(it.far, it.other_side, of=1))
    fused = it.fused(vocabulary)
    assert fused.label in {it.part, None}
    assert fused.needs_review


@pytest.mark.parametrize("seed", range(DRAWS))
def test_a_part_without_sides_has_none(seed, vocabulary):
    it = Draw(seed, [label for label in WORDS if label not in PAIRED])
    it.has(SeriesDescription=it.said(it.part, it.side), ImageLaterality=it.side)
    fused = it.fused(vocabulary)
    assert (fused.label, fused.laterality.value) == (it.part, None)


@pytest.mark.parametrize(
    ("order", "side"), [("Hand links", None), ("Fuß links", "L"), ("Fuß links, Hand links", "L")]
)
def test_what_is_said_of_another_part_neither_tells_a_side_nor_contradicts_it(
    order, side, vocabulary
):
    dataset = Dataset()
    dataset.SeriesDescription, dataset.BodyPartExamined = "Fuß", "FOOT"
    dataset.RequestedProcedureDescription, dataset.StudyDescription = "Hand rechts", order
    reading = read_headers(dataset, vocabulary)
    assert reading.label == "foot"
    assert not reading.laterality_conflict
    assert fuse(None, reading).laterality.value == side
    assert side is None or "foot" in reading.laterality_of


@pytest.mark.parametrize("where", ["ImageLaterality", "Laterality", "frame", "modifier"])
def test_a_coded_side_outranks_a_text(where, vocabulary):
    dataset = Dataset()
    dataset.SeriesDescription, dataset.BodyPartExamined = "Knie re", "KNEE"
    if where == "modifier":
        dataset.AnatomicRegionSequence = Sequence([item("knee", "L")])
    elif where == "frame":
        frame, shared = Dataset(), Dataset()
        frame.FrameLaterality, shared.FrameAnatomySequence = "L", Sequence([frame])
        dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    else:
        setattr(dataset, where, "L")
    reading = read_headers(dataset, vocabulary)
    assert (reading.laterality, reading.laterality_conflict) == ("L", True)


@pytest.mark.parametrize(
    ("order", "series", "conflict", "sides"),
    [
        ("Hand re, Handgelenk li", "Hand", False, {"hand": "R", "wrist": "L"}),
        ("Hand re", "Handgelenk li", True, {"hand": "R", "wrist": "L"}),
        ("Hand re", "Hand li", True, {}),
        ("Hand re", "Fuß li", False, {"hand": "R", "foot": "L"}),
        ("Hand und Fuß li", "Fuß re", True, {"hand": "L"}),
    ],
)
def test_sides_of_two_parts_contradict_each_other_in_two_texts_only(
    order, series, conflict, sides, vocabulary
):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.StudyDescription, dataset.SeriesDescription = order, series
    reading = read_headers(dataset, vocabulary)
    assert (reading.laterality_conflict, dict(reading.sides)) == (conflict, sides)
