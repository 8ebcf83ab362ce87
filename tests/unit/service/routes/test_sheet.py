"""Where a page of the sheet goes on is told by the one before, or by an enemy."""

import pytest

from service.routes.requests import HttpError
from service.routes.sheet import _GROUPS, _ORDERS, _place, look_closer

SURE = _ORDERS["sure"]
KNEES = (*_GROUPS["answer"], *SURE)


def test_the_next_of_a_page_is_taken():
    assert _place('["knee", 0.25, "id"]', KNEES) == ["knee", 0.25, "id"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '["a text", "id"]',
        "[0.5, 7]",
        '["only one"]',
        "[0.5, null]",
        "[0.5, [1]]",
        "[" * 1000,
        '[99999999999999999999999, "x"]',
        '[1e400, "x"]',
        '[NaN, "x"]',
        '[0.5, "\\ud800"]',
        '[0.5, "\\u0000"]',
    ],
)
def test_anything_else_is_refused(text):
    """These were errors of the server: too deep, too large for SQLite, half a character."""
    with pytest.raises(HttpError, match="after") as refused:
        _place(text, SURE)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("change", "closer"),
    [
        ({}, True),
        ({"agreement": "image-only"}, True),
        ({"needs_review": False}, False),
        ({"probability": 0.6}, False),
        ({"laterality": None}, False),
        ({"laterality": "B"}, False),
        ({"agreement": "conflict"}, False),
        ({"agreement": "header-only"}, False),
    ],
)
def test_a_sure_answer_that_waits_with_its_side_is_not_for_a_small_picture(change, closer):
    """The marker says right, the header left: nobody sees that on a thumbnail."""
    item = {"needs_review": True, "agreement": "agree", "laterality": "L", "probability": 0.99}
    assert look_closer({**item, **change}, 0.8) is closer
