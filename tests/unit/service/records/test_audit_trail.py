"""The audit trail, one byte of which is damaged: what it tells, and what stands all the same."""

import json

import pytest
import sqlalchemy as sa

from bodypart.annotation import Review
from service.errors import DamagedEventError
from service.queue.tasks import Mode
from service.records.audit_trail import AuditTrail
from service.routes.exports import training_rows
from unit.service.databases.test_schema import REVIEW

NO_JSON = b'{"by" "ann"}'
NO_TEXT = json.dumps(REVIEW).encode().replace(b"ann", b"a\xffn")
NO_KEY = json.dumps(REVIEW).encode().replace(b'"examined"', b'"exbmined"')
NO_LABEL = json.dumps(REVIEW).encode().replace(b'"foot"', b'"fopt"')
NO_VISIBLE = json.dumps({**REVIEW, "visible": ["hand", "fopt"]}).encode()
NO_OBJECT = b"[]"
DAMAGES = (NO_JSON, NO_TEXT, NO_KEY, NO_LABEL, NO_VISIBLE, NO_OBJECT)


def damage(house, number, said=NO_JSON):
    """Have SQLite hold other bytes in the place of a word, as a text."""
    with house.durable.write() as connection:
        as_text = sa.text("UPDATE events SET review = CAST(:said AS TEXT) WHERE number = :number")
        connection.execute(as_text, {"said": said, "number": number})


def test_a_word_is_read_as_it_was_said(house):
    assert house.trail.last("i") is None
    house.trail.reviewed("i", {**REVIEW, "comment": "naïve, 手"})
    assert house.trail.last("i").review.comment == "naïve, 手"
    assert house.trail.events(0, 10)[0]["comment"] == "naïve, 手"
    house.trail.withdrawn("i", by="bob", at="2026-11-20T11:00:00Z")
    assert house.trail.last("i").review is None


@pytest.mark.parametrize(
    ("said", "action", "sides"),
    [
        ({}, "confirmed", ("R", "R")),
        ({"laterality": "R", "laterality_given": True}, "confirmed", ("R", "R")),
        ({"laterality": "L", "laterality_given": True}, "corrected", ("R", "L")),
        ({"laterality_given": True}, "corrected", ("R", None)),
        ({"visible": ["foot", "toe"]}, "corrected", ("R", "R")),
    ],
)
def test_the_trail_tells_what_a_word_changed(house, said, action, sides):
    announced = []
    trail = AuditTrail(house.durable, announced.append)
    before = {"examined": "foot", "laterality": "R"}
    trail.reviewed("i", {**REVIEW, "previous": before, "comment": "Doe", **said})
    (told,) = trail.events(0, 10)
    assert told["action"] == action
    assert (told["old"], told["new"]) == ("foot", "foot")
    assert (told["old_laterality"], told["new_laterality"]) == sides
    trail.withdrawn("i", by="bob", at="2026-11-20T11:00:00Z")
    assert announced == [
        ["bodypart", "ann", 3, "i", f"{action} foot"],
        ["bodypart", "bob", 3, "i", "withdrawn"],
    ]


@pytest.mark.parametrize("said", DAMAGES)
def test_the_trail_tells_which_of_its_events_is_damaged(house, said):
    """It failed as a whole, by an error of Python's reader of JSON."""
    for number in range(3):
        house.trail.reviewed("i", {**REVIEW, "at": f"2026-11-20T10:00:0{number}Z"})
    damage(house, 2, said)
    told = house.trail.events(0, 10)
    assert [event["action"] for event in told] == ["corrected", "damaged", "corrected"]
    assert (told[1]["number"], told[1]["by"], told[1]["instance"]) == (2, "ann", "i")
    assert (told[1]["old"], told[1]["new"], told[1]["comment"]) == (None, None, "")
    damage(house, 3, said)
    word = house.trail.last("i")
    with pytest.raises(DamagedEventError, match="event 3 of the audit trail is damaged"):
        _ = word.review


def test_what_metadata_keep_of_a_damaged_word_still_outranks_the_machine(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    damage(house, 1, NO_TEXT)
    house.annotator.annotate("i", Mode.AGAIN)
    found = house.orthanc.annotation("i")
    assert (found["examined"]["label"], found["examined"]["source"]) == ("foot", "person")
    assert [row["examined"] for row in training_rows(house.index, house.trail, "here")] == ["foot"]


def test_a_damaged_word_that_nothing_else_keeps_is_not_passed_over(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    damage(house, 1)
    house.orthanc.arrive("i", b"as a modality sends it again")
    with pytest.raises(DamagedEventError):
        house.annotator.annotate("i", Mode.NEW)
    assert house.orthanc.annotation("i") is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_damaged_word_holds_up_no_copy_of_its_picture(house, kept):
    """The copy failed, though its own picture could be read; nobody had spoken of that."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    damage(house, 1)
    if not kept:
        house.orthanc.delete_metadata("instances", "i", "BodyPart")
    house.orthanc.arrive("j", b"file")
    house.orthanc.set_metadata("instances", "j", "ModifiedFrom", "i")
    house.annotator.annotate("j", Mode.NEW)
    assert house.orthanc.annotation("j")["examined"]["label"] == "hand"
