"""JSON from outside: its depth is counted before it is parsed.

The parser recurses once a level, and so does code that checks, writes and compares the result: a
deep text would end in a `RecursionError` somewhere. Standard library only; every step takes time
proportional to the text.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 64
"""Nesting of the deepest JSON that is parsed; an annotation has less than ten."""

_BRACKETS = re.compile(r"[\[\]{}]")


def parse(text: str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If it is no JSON, or nested too deeply.
    """
    if text.count("[") + text.count("{") > DEEPEST and too_deep(text):
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    return json.loads(text)


def too_deep(text: str) -> bool:
    """Tell whether the parser would go deeper than ``DEEPEST`` before it ends or gives up.

    In valid JSON backslashes occur only in strings. So, once escaped backslashes and escaped quotes
    are removed, every other piece of the text, split at quotes, is outside the strings; the parser
    gives up before any place where this does not hold.
    """
    outside = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    depth = 0
    for piece in outside:
        for bracket in _BRACKETS.finditer(piece):
            depth += 1 if bracket[0] in "[{" else -1
            if depth > DEEPEST:
                return True
    return False
