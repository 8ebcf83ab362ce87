"""Where a page of the sheet goes on, which its reader or an enemy tells; what its lines tell."""

from types import SimpleNamespace

import pytest

from service.routes.requests import HttpError
from service.routes.sheet import _GROUPS, _ORDERS, Sheet, _place, sheet
from service.routes.worklist import Page, worklist
from unit.service.house import PARENTS, note

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


@pytest.mark.parametrize("agreement", ["agree", "conflict", "header-only"])
@pytest.mark.parametrize("probability", [0.3, 0.99])
def test_a_side_in_doubt_is_told_however_sure_the_part_is(house, agreement, probability):
    """Beside a part in doubt it was told only once a confirmation had been refused."""
    machine = note(agreement=agreement, needs_review=True)
    machine["examined"]["probability"] = probability
    sides = {
        "image": {**machine["image"], "marker": {"side": "R", "both": False}},
        "laterality": {"value": "L", "source": "header"},
    }
    with house.database.write() as connection:
        house.index.put(connection, machine, PARENTS)
        house.index.put(connection, {**machine, **sides, "instance": "doubtful"}, PARENTS)
    house.orthanc.study_descriptions = lambda studies: {one: {} for one in studies}
    service = SimpleNamespace(archive=house.orthanc, index=house.index)
    for answer in (sheet(Sheet(show="all"), service), worklist(Page(show="all"), service)):
        told = {item["instance"]: item["side_in_doubt"] for item in answer["items"]}
        assert told == {"i": False, "doubtful": True}
