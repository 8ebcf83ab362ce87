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
