"""Texts whose Specific Character Set (0008,0005) is missing or wrong (PS3.3 C.12.1.1.2).

Modalities leave it out, worklists paste texts of another code page, and gateways convert twice.
Only the vocabulary can tell which of the possible readings is meant: all are tried, and the one in
which most of the text names a body part is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from bodypart.element_values import each_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CODE_PAGES = (
    *("utf-8", "cp1250", "cp1251", "cp1253", "cp932", "gb18030", "euc_kr", "iso8859_2"),
    *("iso8859_5", "koi8_r", "cp866", "cp1254", "cp850", "euc_jp", "big5", "iso8859_1"),
    *("cp1256", "iso8859_6", "cp1255", "cp874"),
)
"""Encodings that texts may really be in, the likely ones first."""

_STATED = ("latin-1", "cp1252", "cp1251", "iso8859_5", "iso8859_2", "iso8859_9", "iso8859_7")
"""Encodings in which they may have been read by mistake."""

_MULTI_BYTE = ("gb18030", "cp932")
_ESCAPED = ("iso2022_jp_2", "iso2022_jp_ext", "iso2022_kr")
_ESCAPE = re.compile(r"\x1b[$(),\-./]*[0-9A-Z@]")
_GB_2312 = "\x1b$)A"
"""What announces Chinese letters (ISO 2022 IR 58), and what pydicom leaves in a text."""

_LATIN_END = "\u0250"
_LOST_LETTER = re.compile(r"(?<=[^\W\d_])(?:[?\ufffd](?=[^\W\d_])|\ufffd)")
_LOSABLE = ("a", "o", "u", "e", "i", "ss", "n", "c", "s", "z", "l", "r")


def text_of(dataset: Dataset, keyword: str) -> object:
    """Return a value as pydicom decodes it, unless its bytes say that the character set is wrong.

    Bytes that are valid UTF-8 beyond ASCII are UTF-8, unless the stated character set is one of the
    few whose texts look like that by chance.
    What the stated character set cannot decode is returned as Latin-1, so that no byte is lost.

    Raises
    ------
    Exception
        Of any kind, if pydicom cannot convert the value.
    """
    # The service loads this package for the vocabulary, and must not load pydicom.
    from pydicom.dataelem import RawDataElement

    raw = dataset.get_item(keyword) if keyword in dataset else None
    value = dataset.get(keyword)
    data = raw.value if isinstance(raw, RawDataElement) else None
    if not isinstance(data, bytes) or data.isascii() or not _is_text(value):
        return value
    lost = "\ufffd" in str(value)
    if lost or not _is_like_utf_8(dataset):
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8").split("\\")
    if lost:
        return data.decode("latin-1").split("\\")
    return value.replace(_GB_2312, "") if isinstance(value, str) else value


def undoubled(text: str) -> str:
    """Return the original of a text that was written as UTF-8 and read as Latin-1.

    This may have happened twice, as programs convert what is converted already. ``TÃ³rax`` is
    ``Tórax``.
    """
    for _ in range(2):
        for wrong in ("latin-1", "cp1252"):
            if text.isascii():
                return text
            with suppress(UnicodeError):
                text = text.encode(wrong).decode("utf-8")
                break
    return text


def is_plausible(text: str) -> bool:
    """Tell whether a text is more than accented letters: ``ÖłÂ˛`` is no word, but Japanese kana."""
    latin = [sign.isascii() for sign in text if sign.isalpha() and sign < _LATIN_END]
    return any(latin) or not latin


def has_lost_letter(text: str) -> bool:
    """Tell whether another sign stands in the place of a letter: ``mu?eca``."""
    return _LOST_LETTER.search(text) is not None


def repaired(text: str) -> Iterator[str]:
    """Yield what a text may have been before a wrong character set spoiled it.

    ``BØICHO`` is the Czech ``BŘICHO`` of code page 1250, read as Latin-1. In other texts the letter
    is lost for good: ``Sch?del``.
    """
    if has_lost_letter(text):
        yield from (_LOST_LETTER.sub(letter, text) for letter in _LOSABLE)
    if "\x1b" in text:
        yield from _unescaped(text)
        text = _ESCAPE.sub("", text)
    if text.isascii():
        return
    for wrong in (*_STATED, *_MULTI_BYTE):
        try:
            data = text.encode(wrong)
        except UnicodeEncodeError:
            continue
        for right in _CODE_PAGES:
            with suppress(UnicodeDecodeError):
                if is_plausible(other := data.decode(right)):
                    yield other


def _unescaped(text: str) -> Iterator[str]:
    """Yield a text whose escape sequences were read as if they were letters (PS3.5 6.1.2.5)."""
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        return
    for right in _ESCAPED:
        with suppress(UnicodeDecodeError):
            yield data.decode(right)


def _is_text(value: object) -> bool:
    return all(isinstance(item, str) for item in each_of(value))


def _is_like_utf_8(dataset: Dataset) -> bool:
    """Tell whether texts of the stated character set may be valid UTF-8 by chance.

    Its letters are two bytes, or half-width katakana in the upper half of one.
    """
    stated = str(getattr(dataset, "original_character_set", "")).lower()
    return any(name in stated for name in ("gb", "euc_kr", "shift_jis", "iso_ir_58"))
