"""Which word counts: the audit trail's last, or a newer one that only the metadata have."""

import json

import pytest

from bodypart.annotation import Review
from service.queue.tasks import Mode


@pytest.mark.parametrize(
    ("at", "counts"), [("2026-11-28T11:00:00Z", "knee"), ("2026-11-28T09:00:00Z", "foot")]
)
def test_a_word_that_the_trail_lacks_counts_if_it_is_newer(house, at, counts):
    """It was said in another Orthanc, before its metadata came here, or the trail was lost."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "foot"))
    other = house.orthanc.annotation("i")
    other["review"] |= {"by": "bob", "at": at, "examined": "knee"}
    house.orthanc.set_metadata("instances", "i", "BodyPart", json.dumps(other))
    house.annotator.annotate("i", Mode.AGAIN)
    found = house.orthanc.annotation("i")
    assert (found["examined"]["label"], found["review"]["examined"]) == (counts, counts)


FOOT = Review("ann", "2026-11-28T10:00:00Z", "foot")
HAND = Review("ann", "2026-11-28T12:00:00Z", "hand")
KNEE = {"examined": "knee", "laterality": "L"}


def come_in(house):
    house.orthanc.arrive("i", b"file, corrected elsewhere")
    house.annotator.annotate("i", Mode.NEW)


@pytest.mark.parametrize(
    ("at", "counts"),
    [("2026-11-28T11:00:00Z", "knee"), ("2026-11-28T10:00:00Z", "foot"), (None, "foot")],
)
def test_of_two_archives_words_the_newer_counts(house, at, counts):
    """The word said here stood for ever, and nothing showed that a newer one had come."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", FOOT)
    house.decoders.fields = {"carried": KNEE | ({"at": at} if at else {})}
    come_in(house)
    found = house.orthanc.annotation("i")
    assert (found["examined"]["label"], found["review"]["examined"]) == (counts, counts)
    events = house.trail.events(0, 10)
    assert [event["new"] for event in events] == ["foot", "knee"][: 1 + (counts == "knee")]
    house.annotator.annotate("i", Mode.AGAIN)
    assert house.orthanc.annotation("i")["examined"] == found["examined"]
    assert house.trail.events(0, 10) == events
    assert not house.trail.open(10)


@pytest.mark.parametrize(
    "since",
    [
        lambda reviewer: reviewer.review("i", HAND),
        lambda reviewer: reviewer.withdraw("i", by="ann"),
    ],
)
def test_a_word_that_came_in_counts_once(house, since):
    """Else the file, which still has it, would undo what is said here later, by a slower clock."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", FOOT)
    house.decoders.fields = {"carried": KNEE | {"at": "2999-01-01T00:00:00Z"}}
    come_in(house)
    assert house.orthanc.annotation("i")["examined"]["label"] == "knee"
    since(house.reviewer)
    come_in(house)
    assert house.orthanc.annotation("i")["examined"]["label"] == "hand"


def test_a_word_on_the_same_file_is_not_undone_by_what_the_file_brought(house):
    house.decoders.fields = {"carried": KNEE | {"at": "2999-01-01T00:00:00Z"}}
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", FOOT)
    house.annotator.annotate("i", Mode.AGAIN)
    assert house.orthanc.annotation("i")["examined"]["label"] == "foot"


def test_a_word_that_says_the_same_is_not_noted_once_more(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", FOOT)
    house.decoders.fields = {
        "carried": {"examined": "foot", "laterality": None, "at": "2999-01-01T00:00:00Z"}
    }
    come_in(house)
    assert len(house.trail.events(0, 10)) == 1


@pytest.mark.parametrize(("link", "told"), [("ModifiedFrom", True), ("AnonymizedFrom", False)])
def test_an_anonymised_copy_has_a_word_without_who_said_it_when_and_why(house, link, told):
    """Whoever was given an anonymised study could read there what was written of the patient."""
    house.decoders.fields = {"pixels": "b3:" + "b" * 32}
    house.annotator.annotate("i", Mode.NEW)
    word = Review("ann", "2026-11-28T10:00:00Z", "foot", comment="Mrs. Smith fell")
    house.reviewer.review("i", word)
    house.orthanc.arrive("copy", b"file")
    house.orthanc.set_metadata("instances", "copy", link, "i")
    house.annotator.annotate("copy", Mode.NEW)
    annotation = house.orthanc.annotation("copy")
    assert annotation["examined"]["label"] == "foot"
    assert annotation["review"]["carried"]
    text = json.dumps(annotation)
    assert [one in text for one in ('"ann"', word.at, word.comment)] == [told] * 3
