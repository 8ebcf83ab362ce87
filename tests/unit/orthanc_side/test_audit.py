import pytest

from bodypart.annotation import Annotation, Examined
from bodypart.reviews import apply_review, parse_review

AT = "2026-01-02T03:04:05Z"


def reviewed(label, before=None, **said):
    before = before or Annotation("i", "done", examined=Examined("hand", 0.8, "image")).to_json()
    return apply_review(before, parse_review({"examined": label, **said}, by="ann", at=AT))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.sqlite"


def opened(path):
    from orthanc_side.audit import Audit

    return Audit(path)


def test_an_event_tells_who_when_old_new_and_why(path):
    audit = opened(path)
    audit.reviewed("i", reviewed("wrist", laterality="R", comment="clearly")["review"])
    assert audit.events(0, 10) == [
        {
            "number": 1, "at": AT, "by": "ann", "action": "corrected", "instance": "i",
            "old": "hand", "new": "wrist", "old_laterality": None, "new_laterality": "R",
            "comment": "clearly",
        }
    ]  # fmt: skip


def test_a_confirmation_is_told_from_a_correction(path):
    audit = opened(path)
    audit.reviewed("i", reviewed("hand")["review"])
    audit.reviewed("i", reviewed("hand", laterality="L")["review"])
    assert [event["action"] for event in audit.events(0, 10)] == ["confirmed", "corrected"]


def test_the_last_word_stands_until_it_is_forgotten(path):
    audit = opened(path)
    assert audit.last("i") is None
    first = reviewed("wrist")
    audit.reviewed("i", first["review"])
    audit.reviewed("i", reviewed("finger", before=first)["review"])
    audit.close()
    audit = opened(path)
    assert audit.last("i").review.examined == "finger"
    assert audit.last("i").review.history[0]["examined"] == "wrist"
    assert audit.last("j") is None
    audit.forgotten("i", by="bob", at=AT)
    assert audit.last("i").review is None
    assert [event["by"] for event in audit.events(0, 10)] == ["ann", "ann", "bob"]


def test_events_come_in_pages(path):
    audit = opened(path)
    for _ in range(5):
        audit.reviewed("i", reviewed("hand")["review"])
    assert [event["number"] for event in audit.events(2, 2)] == [3, 4]
