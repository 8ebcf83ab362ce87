"""Texts are read whatever Specific Character Set says of them."""

import struct

import pytest

from bodypart.headers import read_headers
from bodypart.headers.character_sets import undoubled
from bodypart.headers.matching import read_text
from bodypart.pixels import read_dataset
from phantoms import file_bytes, radiograph

DECLARED = (
    *(None, "ISO_IR 6", "ISO_IR 100", "ISO_IR 101", "ISO_IR 144", "ISO_IR 148", "ISO_IR 192"),
    *("ISO_IR 13", "GB18030", "\\ISO 2022 IR 144", "ISO 2022 IR 144", "\\ISO 2022 IR 87"),
    *("ISO 2022 IR 6\\ISO 2022 IR 144", "LATIN1", "ISO-8859-1", "UTF8", "Secret^Person"),
)
CYRILLIC = ("iso8859_5", "cp1251", "koi8_r", "cp866", "utf-8")
TEXTS = (
    ("Коленный сустав", "knee", CYRILLIC),
    ("Рентгенография грудной клетки", "chest", CYRILLIC),
    ("Θώρακας", "chest", ("iso8859_7", "cp1253", "utf-8")),
    ("Břicho", "abdomen", ("iso8859_2", "cp1250", "utf-8")),
    ("Łokieć", "elbow", ("iso8859_2", "cp1250", "utf-8")),
    ("Könyök", "elbow", ("iso8859_1", "iso8859_2", "utf-8")),
    ("Göğüs", "chest", ("iso8859_9", "utf-8")),
    ("胸部", "chest", ("gb18030", "big5", "cp932", "euc_jp", "iso2022_jp", "utf-8")),
    ("Schädel", "skull", ("iso8859_1", "cp850", "utf-8")),
    ("Épaule", "shoulder", ("iso8859_1", "utf-8")),
    ("Tórax", "chest", ("iso8859_1", "utf-8")),
    ("Muñeca", "wrist", ("iso8859_1", "utf-8")),
)
NO_PART = (
    ("Städtisches Klinikum Süd", ("iso8859_1", "utf-8", "cp850")),
    ("Городская больница", CYRILLIC),
    ("Γενικό Νοσοκομείο", ("iso8859_7", "utf-8")),
    ("Nemocnice Ostrava příjem", ("iso8859_2", "utf-8")),
    ("北京医院", ("gb18030", "utf-8")),
    ("一般撮影", ("cp932", "euc_jp", "utf-8")),
    ("Hôpital Général", ("iso8859_1", "utf-8")),
)


def study(description, declared):
    """Return headers with the bytes of a Study Description, and the character set they state."""
    data = file_bytes(radiograph("knee", 8, 8))
    for place, tag, vr, value in (
        (b"\x10\x00\x10\x00PN", (0x0008, 0x1030), b"LO", description),
        (b"\x08\x00\x16\x00UI", (0x0008, 0x0005), b"CS", declared and declared.encode()),
    ):
        if value is not None:
            padded = value + b" " * (len(value) % 2)
            element = struct.pack("<HH2sH", *tag, vr, len(padded)) + padded
            at = data.index(place)
            data = data[:at] + element + data[at:]
    return read_dataset(data)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("declared", DECLARED)
def test_texts_are_read_in_any_encoding_whatever_is_declared(declared, vocabulary):
    for text, label, encodings in TEXTS:
        for encoding in encodings:
            reading = read_headers(study(text.encode(encoding), declared), vocabulary)
            assert reading.label == label, (text, encoding)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("declared", DECLARED)
def test_a_guessed_code_page_finds_no_part_where_there_is_none(declared, vocabulary):
    for text, encodings in NO_PART:
        for encoding in encodings:
            reading = read_headers(study(text.encode(encoding), declared), vocabulary)
            assert not reading.labels, (text, encoding)


@pytest.mark.parametrize(
    ("declared", "text", "encoding", "label"),
    [
        ("ISO_IR 13", "ﾖｳﾂｲ AP", "cp932", "lspine"),
        ("GB18030", "头颅", "gb18030", "skull"),
        ("GBK", "膝", "gbk", "knee"),
        ("\\ISO 2022 IR 58", "头颅", "gb2312", "skull"),
    ],
)
def test_what_is_valid_utf_8_by_chance_is_read_as_declared(
    declared, text, encoding, label, vocabulary
):
    """It was read as UTF-8: no part was found, or a page showed other letters than the file's."""
    escape = b"\x1b$)A" if "2022" in declared else b""
    reading = read_headers(study(escape + text.encode(encoding), declared), vocabulary)
    assert reading.label == label
    assert [match.value for match in reading.evidence] == [text]


def test_a_text_that_was_converted_twice():
    twice = "Göğüs".encode().decode("latin-1").encode().decode("latin-1")
    assert undoubled(twice) == undoubled("GÃ¶Ä\x9fÃ¼s") == "Göğüs"
    for text in ("Tórax", "Knie", "胸部", "Ã"):
        assert undoubled(text) == text


def test_code_meanings_are_repaired_too(vocabulary):
    data = "Łokieć".encode()
    item = struct.pack("<HH2sH", 8, 0x104, b"LO", len(data)) + data
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item
    sequence = struct.pack("<HH2sHI", 8, 0x1032, b"SQ", 0, len(item)) + item
    whole = file_bytes(radiograph("knee", 8, 8))
    at = whole.index(b"\x10\x00\x10\x00PN")
    dataset = read_dataset(whole[:at] + sequence + whole[at:])
    assert read_headers(dataset, vocabulary).label == "elbow"


@pytest.mark.parametrize(("text", "written"), [("拍片", "euc_kr"), ("骨折", "gb18030")])
def test_a_heap_of_accents_is_no_word(text, written, vocabulary):
    """Bytes of an ideograph spell "udo" or "cou" in some code page, with nothing but accents."""
    assert not read_text(text.encode(written).decode("latin-1"), vocabulary).names_part
