"""Tables that leave: no spreadsheet takes a text for a formula, no table is held whole."""

import asyncio
import csv
import io
import json
import threading
from types import SimpleNamespace

import pytest

from bodypart.annotation import Review
from service.main import Service
from service.queue.tasks import Mode
from service.routes import exports
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


@pytest.mark.parametrize("waits", [True, False], ids=["began before", "begins just now"])
def test_a_file_that_is_just_being_rewritten_has_its_annotation(house, waits):
    """Its metadata are away meanwhile: it was given out as one without an annotation."""
    service = SimpleNamespace(
        rewriter=house.in_place,
        archive=house.orthanc,
        decoders=house.decoders,
        index=house.index,
        settings=house.settings,
        annotation=house.in_place.annotation_of,
    )
    service.wait_while_away = lambda ids: waits and Service.wait_while_away(service, ids)
    given = []
    asking = threading.Thread(target=lambda: given.append(exports.corrected("i", service)))

    def ask():
        asking.start()
        asking.join(0.1)

    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.after_store = ask
    house.follow()
    asking.join(5)
    assert "BodyPart-Refused" not in given[0].headers
    assert given[0].body.endswith(b"corrected to hand")


def test_what_people_said_becomes_training_rows(house):
    house.annotator.annotate("i", Mode.NEW)
    assert list(training_rows(house.index, house.trail, "here")) == []
    said = Review("ann", "2026-11-28T10:00:00Z", "foot", laterality="L", laterality_given=True)
    house.reviewer.review("i", said)
    (row,) = training_rows(house.index, house.trail, "here")
    assert (row["file"], row["group"], row["examined"]) == ("i.png", "patient", "foot")
    assert (row["laterality"], row["visible"]) == ("L", "foot")
    assert row["notes"].startswith("corrected from hand")


def test_the_audit_trail_comes_in_pages_that_miss_and_repeat_nothing(house, monkeypatch):
    """Orthanc holds an answer whole; all of 300,000 events were 131 MB of its memory."""
    for number in range(7):
        house.trail.withdrawn("i", by="ann", at=f"2026-11-28T10:00:0{number}Z")
    monkeypatch.setattr(exports, "dicom_identities", lambda _, ids: {one: {} for one in ids})
    service = SimpleNamespace(trail=house.trail, archive=SimpleNamespace(client=None))
    sizes, numbers, since = [], [], 0
    while since is not None:
        answer = exports.audit(exports.Events(since=since, limit=3), service)
        page = json.loads(text_of(answer))
        sizes.append(len(page))
        numbers += [event["number"] for event in page]
        since = answer.headers.get("bodypart-next")
        since = since and int(since)
    assert sizes == [3, 3, 1]
    assert numbers == list(range(1, 8))


def test_the_manifest_comes_in_pages(house):
    house.orthanc.arrive("j", b"file")
    for name in "ij":
        house.annotator.annotate(name, Mode.NEW)
        house.reviewer.review(name, Review("ann", "2026-11-28T10:00:00Z", "foot"))
    service = SimpleNamespace(index=house.index, trail=house.trail, archive_name="here")
    answer = exports.manifest(exports.TrainingRows(format="csv", limit=1), service)
    first = text_of(answer)
    assert first.count("\n") == 2 and "i.png" in first
    next_page = exports.TrainingRows(format="csv", after=answer.headers["bodypart-next"], limit=1)
    rest = exports.manifest(next_page, service)
    second = text_of(rest)
    assert second.count("\n") == 2 and "j.png" in second
    assert "bodypart-next" not in rest.headers


def text_of(answer):
    """Return what a streaming answer gives."""

    async def read():
        return [piece async for piece in answer.body_iterator]

    return "".join(asyncio.run(read()))
