"""Header strings as hospitals write them, each with its right reading.

``readings*.csv`` have one a row: the language or what the row is about, the text, the labels, the
side (with several parts, each part's own) and the view. ``?`` where the text leaves it open.
"""

import csv
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from bodypart.headers import read_headers

_TABLES = sorted(Path(__file__).parent.glob("readings*.csv"))


def rows():
    found = []
    for table in _TABLES:
        with table.open(encoding="utf-8", newline="") as file:
            found += csv.DictReader(file)
    return found


def read(vocabulary, **values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return read_headers(dataset, vocabulary)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["text"])
def test_a_text_is_read_as_it_is_meant(row, vocabulary):
    reading = read(vocabulary, SpecificCharacterSet="ISO_IR 192", SeriesDescription=row["text"])
    assert sorted(reading.labels) == row["labels"].split()
    if row["sides"] != "?":
        if len(reading.labels) > 1:
            assert dict(pair.split(":") for pair in row["sides"].split()) == dict(reading.sides)
        else:
            assert (reading.laterality or "") == row["sides"]
    if row["view"] != "?":
        assert (reading.view or "") == row["view"]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Left xyzzy, right knee", None),
        ("Left, right knee", "B"),
        ("Knee right AP, left AP", "B"),
        ("Knie re stehend, li im Liegen", "B"),
    ],
)
def test_an_unknown_word_between_two_sides_may_be_another_part(text, side, vocabulary):
    assert read(vocabulary, SeriesDescription=text).laterality == side


@pytest.mark.parametrize(
    ("text", "side", "view"),
    [
        ("AP L Knee", "L", "frontal"),
        ("AP R Knee", "R", "frontal"),
        ("AP/L Knee", None, None),
        ("rodilla AP L", None, None),
        ("Knee AP R", None, "frontal"),
        ("Knee_AP_R", None, "frontal"),
        ("Knee LAT R", "R", "lateral"),
    ],
)
def test_a_letter_between_a_projection_and_an_english_part_is_the_part_s_side(
    text, side, view, vocabulary
):
    reading = read(vocabulary, SeriesDescription=text)
    assert (reading.label, reading.laterality, reading.view) == ("knee", side, view)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("r/o fx lt wrist, hand", {"wrist", "hand"}),
        ("r/o rib fx, chest", {"chest"}),
        ("Hx fx lt wrist, hand", {"hand"}),
        ("Hand, r/o fx lt wrist", {"hand"}),
    ],
)
def test_what_is_suspected_first_is_examined_with_what_is_listed(text, labels, vocabulary):
    assert set(read(vocabulary, SeriesDescription=text).labels) == labels


@pytest.mark.parametrize(
    ("value", "meaning", "label"),
    [
        ("816094009", "Hand", None),
        ("816094009", "Ribs", "chest"),
        ("816094009", "", "chest"),
        ("816094009", "Xyzzy", "chest"),
        ("30021000", "Thorax pa", None),
    ],
)
def test_a_code_whose_meaning_is_another_part_is_in_doubt(value, meaning, label, vocabulary):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "99RIS", meaning
    reading = read(vocabulary, ProcedureCodeSequence=Sequence([item]))
    assert reading.label == label
    assert "chest" in reading.labels


@pytest.mark.parametrize(
    ("birth", "age"), [("19000101", None), ("19010101", None), ("19200101", 100)]
)
def test_a_birth_date_of_1900_is_a_default(birth, age, vocabulary):
    reading = read(vocabulary, PatientBirthDate=birth, StudyDate="20200601")
    assert (reading.age_years and int(reading.age_years)) == age
    assert reading.age_unusable == (age is None)


@pytest.mark.parametrize(
    ("text", "page", "label"),
    [
        ("الركبة اليمنى", "cp1256", "knee"),
        ("الركبة اليمنى", "iso8859_6", "knee"),
        ("קרסול ימין", "cp1255", "ankle"),
        ("เข่าขวา", "cp874", "knee"),
    ],
)
def test_texts_of_further_code_pages_are_read_without_their_character_set(
    text, page, label, vocabulary
):
    reading = read(vocabulary, SeriesDescription=text.encode(page).decode("latin-1"))
    assert (reading.label, reading.laterality) == (label, "R")
