"""One word on several instances, each on what was seen of it."""

import threading
from types import SimpleNamespace

import pytest

from bodypart.annotation import Review
from service.queue.tasks import Mode
from service.routes.models import Reviews, Undo
from service.routes.reviews import review_many, undo


@pytest.fixture
def service(house):
    """Give what the routes ask, around an annotated instance."""
    house.annotator.annotate("i", Mode.NEW)
    return SimpleNamespace(
        annotation=house.in_place.annotation_of,
        archive=house.orthanc,
        reviewer=house.reviewer,
        settle=lambda _: None,
    )


@pytest.fixture
def say(service):
    """Give a function that says something of `i`, as seen at a revision."""

    def said(seen, **word):
        body = Reviews.model_construct(instances=["i"], revisions={"i": seen}, **word)
        return review_many(body, service, "ann", None)

    return said


def test_a_confirmation_is_of_what_was_seen(house, say):
    """What stood there by then was the same user's word, and was taken for this one."""
    seen = house.orthanc.annotation("i")["revision"]
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot"))
    assert say(seen)["failed"] == {"i": "the annotation was changed since"}
    now = house.orthanc.annotation("i")["revision"]
    assert say(now)["reviewed"] == 1
    assert [event["new"] for event in house.trail.events(0, 9)] == ["foot", "foot"]


@pytest.mark.parametrize("what", ["confirmed", "taken back"])
def test_what_is_said_amid_a_rewrite_is_not_refused(house, service, say, what):
    """A rewrite that began just then had its metadata away: it was said to have no body part."""
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot"))
    seen = house.orthanc.annotation("i")["revision"]
    told = []

    def ask():
        body = Undo.model_construct(instances=["i"], revisions=None)
        said = undo(body, service, "ann") if what == "taken back" else say(seen)
        told.append(said["failed"])

    asking = threading.Thread(target=ask)

    def amid():
        asking.start()
        asking.join(0.1)

    house.orthanc.after_store = amid
    house.follow()
    asking.join(5)
    assert told == [{}]


def test_a_correction_whose_answer_was_lost_is_answered_again(house, say):
    seen = house.orthanc.annotation("i")["revision"]
    first = say(seen, examined="foot")
    assert say(seen, examined="foot") == first
    assert first["reviewed"] == len(house.trail.events(0, 9)) == 1


@pytest.mark.parametrize(
    ("marker", "header", "why"),
    [
        ({"side": "R", "both": False}, None, "marker and header name different sides"),
        (
            None,
            {"label": None, "evidence": [], "laterality_conflict": True},
            "the header says left in one place and right in another",
        ),
    ],
)
def test_sides_that_contradict_each_other_are_not_confirmed_with_others(
    house, say, marker, header, why
):
    """One side of two in the header was signed by whoever confirmed a sheet, which tells none."""
    metadata = {**house.orthanc.annotation("i"), "header": header}
    metadata["image"] = {**(metadata["image"] or {}), "marker": marker}
    metadata["laterality"] = {"value": "L", "source": "header"}
    house.orthanc.annotation = lambda _: metadata
    assert say(metadata["revision"])["failed"] == {"i": f"{why}: say which"}
    word = {"examined": "hand", "laterality": "L"}
    assert say(metadata["revision"], **word)["failed"] == {}


def test_who_decided_the_side_for_the_header_may_confirm_it(house, say):
    """Its source stays the header where a person gave none: it was refused for ever."""
    said = Review(by="ann", at="2026-11-28T10:00:00Z", examined="foot")
    stands = {**house.reviewer.review("i", said)}
    stands["image"] = {**(stands["image"] or {}), "marker": {"side": "R", "both": False}}
    stands["laterality"] = {"value": "L", "source": "header"}
    house.orthanc.annotation = lambda _: stands
    assert say(stands["revision"])["failed"] == {}


def test_a_side_is_confirmed_of_parts_that_have_one_only(house, say):
    """The trail said of a chest that it was the left one."""
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:00Z", examined="chest"))
    seen = house.orthanc.annotation("i")["revision"]
    assert say(seen, laterality="L")["failed"] == {"i": "chest has no side"}
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:01Z", examined="foot"))
    assert say(house.orthanc.annotation("i")["revision"], laterality="L")["failed"] == {}
    assert house.orthanc.annotation("i")["laterality"] == {"value": "L", "source": "person"}
