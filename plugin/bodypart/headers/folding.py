"""One spelling for all: case, width, kana, accents and umlauts folded, and text cut into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_TEXT = 256
"""Characters of a value that are read; the standard allows LO 64, faulty writers more."""

_LETTERS = str.maketrans(
    {
        **{"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"},
        **{"ı": "i", "ς": "σ"},
        **{
            "أ": "ا",
            "إ": "ا",
            "آ": "ا",
            "ٱ": "ا",
            "ى": "ي",
            "ی": "ي",
            "ک": "ك",
            "ة": "ه",
            "ـ": None,
        },
    }
)
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_INNER_CAPITAL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])")
_BORDER = re.compile(
    r"(?<=[a-zß-öø-ÿ])(?=[A-Z]{2,3}(?![A-Za-z]))"
    r"|(?<=[a-zß-öø-ÿ]{3})(?=[LR](?![A-Za-z]))"
    r"|(?<=[A-ZÄÖÜ]{3})(?=(?:re|li|bds|ap|pa|seitl|lat)(?![a-z]))"
    r"|(?<=[a-zß-öø-ÿ])(?=(?:AP|PA)[A-Z][a-z])|(?<=[a-zß-öø-ÿ](?:AP|PA))(?=[A-Z][a-z])"
)
"""Between a part and a mark after it in the other case: ``LeftAP``, ``HandR``, ``OSGre``,
``KneeAPStanding``."""

_DIGITAL = re.compile(r"^(\W*)DR\.(?= *[A-Z-]{2})(?! *(?:MED|DENT|UNIV|HAB)\b)")
"""A modality, before a part in capitals: "DR. CHEST"; a physician is "Dr. Hand"."""

_LAM = "ل"
_ARABIC_PREFIXES = ((re.compile(r"\bلل(?=\w\w)"), "ال"), (re.compile(r"\b([وب])(?=ال\w)"), r"\1 "))
"""Prefixes written together with the next word: "for the knee", "and the knee", "at the knee"."""

_KATAKANA = {sign: sign - 0x60 for sign in range(0x30A1, 0x30F7)}
_MARKS = re.compile("[\u0300-\u036f]")
_IDEOGRAPHS = "\u0900-\u097f\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3々"
"""With Thai, which has no spaces between words either, and Hindi, whose vowel signs do not count as
letters."""
_IDEOGRAPH = re.compile("[\u0900-\u097f\u0e00-\u0e7f\u3040-\ud7a3]")
_WORD = re.compile(rf"[{_IDEOGRAPHS}]+|\d+|[^\W\d_{_IDEOGRAPHS}]+")


def is_ideographic(text: str) -> bool:
    """Tell whether a text begins with a Chinese, Japanese, Korean, Thai or Hindi sign."""
    return text[:1] >= "\u0900" and _IDEOGRAPH.match(text) is not None


class Word(NamedTuple):
    """A word of a folded text: its letters and where they stand."""

    text: str
    start: int
    end: int

    @property
    def ideographic(self) -> bool:
        """Whether it is a run of Chinese, Japanese or Korean, which has no word boundaries."""
        return is_ideographic(self.text)


def fold(text: str) -> str:
    """Return a text in lower case, half width and without accents: ``Hüfte`` is ``hufte``.

    ``HumerusLeft`` becomes two words, ``LeftAP`` and ``OSGre`` as well. Only European accents are
    removed: a Japanese voicing mark makes another syllable and stays. Katakana become hiragana:
    consoles without ideographs write ``ﾋｻﾞ`` for ``ひざ``.
    """
    text = _DIGITAL.sub(r"\1DR ", text[:LONGEST_TEXT])
    text = _INNER_CAPITAL.sub(" ", text)
    text = _BORDER.sub(" ", text)
    if text.isascii():
        return text.lower()
    narrow = unicodedata.normalize("NFKC", text).lower().translate(_LETTERS)
    bare = _MARKS.sub("", unicodedata.normalize("NFD", narrow))
    if _LAM in bare:
        for prefix, other in _ARABIC_PREFIXES:
            bare = prefix.sub(other, bare)
    return unicodedata.normalize("NFC", bare).translate(_KATAKANA)


def spellings(term: str) -> set[str]:
    """Return the folded ways to write a term: ``Hüfte`` is written ``hufte`` or ``huefte``."""
    narrow = unicodedata.normalize("NFKC", term).lower()
    return {fold(term), fold(narrow.translate(_GERMAN))}


def words(folded: str) -> Iterator[Word]:
    """Cut a folded text into runs of letters, of digits and of ideographs."""
    for match in _WORD.finditer(folded):
        yield Word(match.group(), match.start(), match.end())
