"""The vocabulary as a file, and the operator's own terms."""

import csv
from itertools import product

import pytest

from bodypart.headers import Vocabulary, VocabularyError
from bodypart.headers import vocabulary as module
from bodypart.headers.folding import fold, words
from bodypart.headers.matching import read_text
from bodypart.labels import LABELS

LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "zh"]


@pytest.fixture
def rows():
    with module._TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_no_term_means_two_things():
    Vocabulary.load()


@pytest.mark.parametrize("terms", [{}, {"knee": ["Knie spez"]}])
def test_the_vocabulary_is_read_once(terms):
    """Each pipeline had one of its own, which the texts that were read with it kept alive."""
    assert Vocabulary.load(terms) is Vocabulary.load(dict(terms))
    assert Vocabulary.load(terms) is not Vocabulary.load({"hand": ["LWS"]})


def write(tmp_path, monkeypatch, *lines):
    table = tmp_path / "vocabulary.csv"
    table.write_text("\n".join(["meaning,language,when,terms", *lines]), encoding="utf-8")
    monkeypatch.setattr(module, "_TABLE", table)


@pytest.mark.parametrize(
    "lines",
    [
        ["knee,en,,joint", "hip,de,,Joint"],
        ["knee,en,,two words", "hip,en,,two-words"],
        ["hip,de,,Hüfte", "knee,de,,huefte"],
        ["kneee,en,,knee"],
        ["knee,en,someday,knee"],
        ["knee,en,,kn"],
        ["knee,en,,!!!"],
    ],
)
def test_a_wrong_or_contradicting_row_is_refused(lines, tmp_path, monkeypatch):
    write(tmp_path, monkeypatch, *lines)
    with pytest.raises(VocabularyError):
        Vocabulary.load()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_has_a_word_in_the_main_languages(language, rows):
    named = {row["meaning"] for row in rows if row["language"] == language}
    assert {part.label for part in LABELS} <= named


def test_every_free_term_names_its_label(rows, vocabulary):
    labels = {part.label for part in LABELS}
    for row in rows:
        if row["meaning"] in labels and not row["when"]:
            for term in row["terms"].split(";"):
                found = read_text(term.replace("*", "").strip(), vocabulary).labels
                assert found == (row["meaning"],), (term, row["language"], found)


def test_the_operators_terms_are_added():
    vocabulary = Vocabulary.load({"knee": ["Knie spez", "XY"]})
    assert read_text("XY seitl.", vocabulary).labels == ("knee",)
    assert read_text("Knie spez 3", vocabulary).labels == ("knee",)
    assert read_text("Sprunggelenk, XY", vocabulary).labels == ("ankle", "knee")


def test_the_operators_terms_outrank_the_file():
    vocabulary = Vocabulary.load({"hand": ["LWS"]})
    assert read_text("LWS", vocabulary).labels == ("hand",)


def test_one_term_of_the_operator_cannot_mean_two_labels():
    with pytest.raises(VocabularyError, match="Knie"):
        Vocabulary.load({"knee": ["Knie"], "hand": ["knie"]})


def test_no_term_for_a_part_swallows_a_view(rows):
    """It would hide the view: "hand pa" beside "hand" said nothing that the two words do not."""
    free = {}
    for row in rows:
        for term in filter(None, map(str.strip, row["terms"].split(";"))):
            if not row["when"]:
                spelt = " ".join(word.text for word in words(fold(term)))
                free.setdefault(spelt, set()).add(row["meaning"])
    views = {term for term, meanings in free.items() if meanings & module.VIEWS}
    # In a sinus's name they are a bone and a place; a mortise is nothing but an ankle.
    views -= {"frontal", "frontale", "face", "de face", "front", "mortise", "both"}
    parts = {part.label for part in LABELS}
    swallowed = {
        term
        for term, meanings in free.items()
        for view in views
        for rest in (term.removeprefix(f"{view} "), term.removesuffix(f" {view}"))
        if rest != term and meanings & parts & free.get(rest, set())
    }
    assert swallowed == set()


def test_no_terms_beside_each_other_are_an_error(rows, vocabulary):
    """A meaning without the one that it goes with, such as a suspicion beside a side alone."""
    terms = {row["meaning"]: row["terms"].split(";")[0].strip(" *") for row in rows}
    for one, other in product(terms.values(), repeat=2):
        assert read_text(f"{one} {other}", vocabulary).matched is not None
