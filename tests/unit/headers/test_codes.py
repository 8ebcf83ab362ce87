"""Coded anatomy and the defined terms of Body Part Examined."""

import csv

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from bodypart.headers import codes, read_headers
from bodypart.headers.codes import of_code, of_defined_term
from bodypart.labels import LABELS


def table(name):
    with (codes._FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("part", LABELS, ids=lambda part: part.label)
def test_every_label_has_its_current_code_and_term(part):
    assert of_code(part.code.value).labels == (part.label,)
    if part.exact_term:
        assert of_defined_term(part.body_part_examined).labels == (part.label,)


def test_the_table_of_old_codes_holds_no_current_one():
    current = {part.code.value for part in LABELS}
    assert not current & {row["value"] for row in table("codes.csv")}


@pytest.mark.parametrize(("name", "key"), [("codes.csv", "value"), ("defined_terms.csv", "term")])
def test_no_code_or_term_stands_twice(name, key):
    values = [row[key] for row in table(name)]
    assert len(values) == len(set(values))


def test_an_unknown_code_means_nothing():
    assert of_code("0") is None
    assert of_defined_term("") is None


def test_every_defined_term_of_the_standard_is_understood(shared):
    path = shared / "terminology" / "body_part_examined.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 345
    for row in rows:
        assert of_defined_term(row["defined_term"]) is not None, row["defined_term"]
        if row["sct_code"]:
            assert of_code(row["sct_code"]) is not None, row["sct_code"]


def test_every_folding_concept_means_its_label(shared):
    path = shared / "terminology" / "label_set_extra.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["folds_into_label"]:
                assert of_code(row["sct_code"]).labels == (row["folds_into_label"],), row


def test_a_defined_term_is_not_in_doubt_where_its_words_mean_another_part(vocabulary):
    dataset = Dataset()
    dataset.BodyPartExamined = "TONGUE"
    assert read_headers(dataset, vocabulary).labels == ("jaw",)


def item(value, meaning, **more):
    dataset = Dataset()
    dataset.CodeValue, dataset.CodeMeaning = value, meaning
    for keyword, items in more.items():
        setattr(dataset, keyword, Sequence(items))
    return dataset


@pytest.mark.parametrize(
    ("value", "labels", "side"),
    [
        ("XKNER", ("knee",), "R"),
        ("HAND PA", ("hand",), None),
        ("MDQK001", (), None),
        ("RT01", (), None),
    ],
)
def test_a_code_without_a_meaning_is_read_as_a_text(value, labels, side, vocabulary):
    dataset = Dataset()
    dataset.ProcedureCodeSequence = Sequence([item(value, "")])
    reading = read_headers(dataset, vocabulary)
    assert (reading.labels, reading.laterality) == (labels, side)


@pytest.mark.parametrize("anatomy", ["AnatomicRegion", "PrimaryAnatomicStructure"])
@pytest.mark.parametrize(
    ("value", "meaning", "side"),
    [
        ("LT", "Left", "L"),
        ("R", "", "R"),
        ("24028007", "", "R"),
        ("49370004", "Lateral", None),
        ("R-404CC", "", None),
    ],
)
def test_a_modifier_names_a_side_in_words_too(anatomy, value, meaning, side, vocabulary):
    modifiers = {f"{anatomy}ModifierSequence": [item(value, meaning)]}
    dataset = Dataset()
    setattr(dataset, f"{anatomy}Sequence", Sequence([item("72696002", "Knee", **modifiers)]))
    assert read_headers(dataset, vocabulary).laterality == side


def test_the_face_of_a_code_or_defined_term_is_no_frontal_view(vocabulary):
    dataset = Dataset()
    dataset.BodyPartExamined = "FACE"
    dataset.AnatomicRegionSequence = Sequence([item("89545001", "Face")])
    reading = read_headers(dataset, vocabulary)
    assert (reading.label, reading.view) == ("facial_bones", None)
