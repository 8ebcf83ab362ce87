"""JSON from outside, on Orthanc's threads.

Orthanc runs callbacks on threads with a small C stack (about 100 kB), which the parser's recursion
overflows long before Python's own limit: a body of 600 brackets would end the whole PACS.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 64
"""Nesting of the deepest JSON that is parsed; an annotation has less than ten."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


def parse(text: str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If it is no JSON, or nested too deeply.
    """
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    return json.loads(text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
