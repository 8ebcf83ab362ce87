"""The guard before the JSON parser: as strict as the parser is deep, in linear time."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bodypart.shallow_json import DEEPEST, parse, too_deep

JSON = st.recursive(
    st.none() | st.booleans() | st.text(alphabet='"\\[]{}x\n'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet='"\\[]{}'), inner),
)


def test_what_is_deep_enough_to_end_the_process_is_refused():
    assert parse("[" * DEEPEST + "]" * DEEPEST)
    for text in ("[" * 600 + "]" * 600, '{"a":' * 600 + "1" + "}" * 600, "[" * 65):
        with pytest.raises(ValueError, match="levels deep"):
            parse(text)


@given(JSON)
@example(["[" * 100, '\\"' + "[" * 100, "\\\\"])
def test_brackets_in_strings_do_not_count(value):
    for ascii_only in (True, False):
        assert parse(json.dumps([value] * 2, ensure_ascii=ascii_only)) == [value] * 2


def depth_before_the_parser_gives_up(text):
    """Return how deep a parser is when it meets the first character that cannot stand there."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == "\\":
            return deepest
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


@given(st.lists(st.sampled_from(['"', "\\", "[" * 40, "]" * 9, "{" * 30, '["', "x"])).map("".join))
@example("[" * 60 + '"\\\\"' + "[" * 60)
@example("[" * 60 + '"\\\\\\"' + "[" * 60)
def test_no_broken_text_takes_the_parser_deeper_than_the_guard_saw(text):
    if depth_before_the_parser_gives_up(text) > DEEPEST:
        assert too_deep(text)


@pytest.mark.parametrize("unit", ['\\"', "\\", '"', "[]", '["]', '\\\\"', "]["])
def test_twice_the_text_takes_twice_the_time(unit):
    """A string of escapes that never ends took hours: each start of it was tried again."""

    def seconds(count):
        text = "[" * DEEPEST + '"' + unit * count
        started = time.process_time()
        too_deep(text)
        return time.process_time() - started

    once = min(seconds(100_000) for _ in range(3))
    assert min(seconds(200_000) for _ in range(3)) < 3 * once + 0.05
