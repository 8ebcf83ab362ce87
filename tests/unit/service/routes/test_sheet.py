"""Where a page of the sheet goes on is told by the one before, or by an enemy."""

import pytest

from service.routes.requests import HttpError
from service.routes.sheet import _place


def test_the_next_of_a_page_is_taken():
    assert _place('["knee", 0.25, null]'.replace("null", '"id"'), 3) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '["only one"]',
        '["x", null]',
        '["x", [1]]',
        "[" * 1000,
        '["x", 99999999999999999999999]',
        '["x", 1e400]',
        '["x", NaN]',
        '["\\ud800", "x"]',
        '["\\u0000", "x"]',
    ],
)
def test_anything_else_is_refused(text):
    """These were errors of the server: too deep, too large for SQLite, half a character."""
    with pytest.raises(HttpError, match="after") as refused:
        _place(text, 2)
    assert refused.value.status == 400
