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
