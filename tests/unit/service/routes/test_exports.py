"""Tables that leave: no spreadsheet takes a text for a formula, no table is held whole."""

import csv
import io

import pytest

from bodypart.annotation import Review
from service.queue.tasks import Mode
from service.routes.exports import as_csv, training_rows


def table(*values):
    text = "".join(as_csv(("x",), ({"x": value} for value in values)))
    return [row["x"] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\u00a0=1",
        ";=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_no_text_becomes_a_formula(formula):
    assert table(formula) == ["'" + formula]


def test_other_texts_stay_as_they_are():
    assert table("knee", 'a "quoted" one, with a comma', "3 = 3") == [
        "knee",
        'a "quoted" one, with a comma',
        "3 = 3",
    ]


def test_a_table_comes_in_pieces():
    pieces = as_csv(("x",), ({"x": number} for number in range(10**9)))
    assert next(pieces).startswith('"x"')
    assert next(pieces) == '"1"\r\n'


def test_what_people_said_becomes_training_rows(house):
    house.annotator.annotate("i", Mode.NEW)
    assert list(training_rows(house.index, house.trail, "here")) == []
    said = Review("ann", "2026-11-28T10:00:00Z", "foot", laterality="L", laterality_given=True)
    house.annotator.review("i", said)
    (row,) = training_rows(house.index, house.trail, "here")
    assert (row["file"], row["group"], row["examined"]) == ("i.png", "patient", "foot")
    assert (row["laterality"], row["visible"]) == ("L", "foot")
    assert row["notes"].startswith("corrected from hand")
