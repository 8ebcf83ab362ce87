"""One spelling for all scripts."""

import pytest

from bodypart.headers.folding import fold
from bodypart.headers.matching import read_text


@pytest.mark.parametrize(
    ("text", "folded"),
    [("ﾋｻﾞ", "ひざ"), ("ヒザ", "ひざ"), ("チェスト", "ちぇすと"), ("KneeLeftAP", "knee left ap")],
)
def test_one_spelling(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("ﾋｻﾞ ﾋﾀﾞﾘ", "knee", "L"),
        ("ﾐｷﾞﾋｻﾞ ｼｮｳﾒﾝ", "knee", "R"),
        ("ヒザ 左", "knee", "L"),
        ("ｷｮｳﾌﾞ", "chest", None),
        ("ﾖｳﾂｲ", "lspine", None),
        ("ｶﾀｶﾝｾﾂ ﾐｷﾞ", "shoulder", "R"),
        ("ｱｼｶﾝｾﾂ", "ankle", None),
    ],
)
def test_consoles_without_ideographs_write_kana(text, label, side, vocabulary):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == ((label,), side)


@pytest.mark.parametrize("text", ["アシスト", "カタログ", "ﾊﾗﾀﾞ", "コントロール"])
def test_two_kana_inside_a_word_are_no_part(text, vocabulary):
    assert not read_text(text, vocabulary).names_part


@pytest.mark.parametrize(
    ("text", "labels", "side"),
    [
        ("للركبة اليسرى", ("knee",), "L"),
        ("الكتف والمرفق الأيمن", ("shoulder", "elbow"), "R"),
        ("الركبه اليمني", ("knee",), "R"),
        ("दायां घुटना", ("knee",), "R"),
    ],
)
def test_arabic_prefixes_and_letters_and_hindi_vowel_signs_hide_no_word(
    text, labels, side, vocabulary
):
    reading = read_text(text, vocabulary)
    assert (reading.labels, reading.side) == (labels, side)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("DR. CHEST", "chest"),
        ("DR.HAND.PA", "hand"),
        ("Dr. Hand", None),
        ("DR. MED. HAND", None),
        ("DR. Hand, KNEE", "knee"),
    ],
)
def test_capitals_tell_a_modality_from_a_physician(text, label, vocabulary):
    assert read_text(text, vocabulary).labels == ((label,) if label else ())
