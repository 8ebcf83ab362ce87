"""A removal gives the original back, and is undone by nothing but a new file."""

from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode
from unit.service.dicom_tags.rewritten import (
    killed,
)
from unit.service.house import House


def test_a_removal_gives_the_original_back_and_is_not_undone_by_it(annotated):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file"
    annotated.ask(Kind.ANNOTATE, "i", sequences={"i": annotated.orthanc.last_change()})
    annotated.annotator.annotate("i", Mode.NEW, task=annotated.claim(Kind.ANNOTATE))
    assert annotated.orthanc.annotation("i") is None


def test_a_removal_is_not_undone_by_a_kill_as_the_original_returns(annotated, tmp_path):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    killed(annotated)
    after = House(tmp_path, annotated.orthanc)
    assert after.in_place.recover() == ["i"]
    assert after.annotator.was_removed("i")


def test_a_removal_is_not_undone_by_a_kill_once_the_original_returned(annotated, tmp_path):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    killed(annotated, "after_end")
    after = House(tmp_path, annotated.orthanc)
    assert after.in_place.recover() == []
    assert annotated.orthanc.files["i"] == b"file"
    assert after.annotator.was_removed("i")


def removed_in_the_trail_alone(house, monkeypatch):
    """Have a removal said that cannot be carried out yet."""

    def fail(*_):
        raise ArchiveError("DELETE: Timeout")

    with monkeypatch.context() as failing:
        failing.setattr(house.annotations, "erase", fail)
        house.reviewer.remove("i", by="ann")


def test_a_removal_that_waits_is_not_lost_by_a_rewrite(annotated, monkeypatch):
    removed_in_the_trail_alone(annotated, monkeypatch)
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file corrected to hand"
    annotated.reviewer.apply_word(annotated.claim_due(Kind.APPLY))
    annotated.follow()
    assert annotated.orthanc.files["i"] == b"file"
    assert annotated.orthanc.annotation("i") is None
    assert annotated.annotator.was_removed("i")


def test_a_removal_that_waits_is_not_lost_by_a_rewrite_that_was_killed(
    annotated, tmp_path, monkeypatch
):
    removed_in_the_trail_alone(annotated, monkeypatch)
    killed(annotated)
    after = House(tmp_path, annotated.orthanc)
    after.in_place.recover()
    after.reviewer.apply_word(after.claim_due(Kind.APPLY))
    assert annotated.orthanc.annotation("i") is None
    assert after.annotator.was_removed("i")


def test_a_removal_spares_the_same_file_that_a_modality_sends_after_a_kill(annotated, tmp_path):
    """Its bytes are those that were about to return, and it was taken for them."""
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    killed(annotated, "before_store")
    annotated.orthanc.arrive("i", b"file")
    annotated.orthanc.senders["i"] = ("CR_1", "10.0.0.5")
    after = House(tmp_path, annotated.orthanc)
    after.in_place.recover()
    assert not after.annotator.was_removed("i")
    assert after.claim(Kind.ANNOTATE).resource == "i"


def test_a_removal_spares_what_is_sent_again_just_after_the_original_returned(
    annotated, monkeypatch
):
    annotated.follow()
    annotated.reviewer.remove("i", by="ann")
    drop = annotated.backups.drop

    def sent_again(instance):
        drop(instance)
        annotated.orthanc.arrive("i", b"another picture")

    monkeypatch.setattr(annotated.backups, "drop", sent_again)
    annotated.in_place.rewrite(annotated.claim(Kind.REWRITE))
    assert not annotated.annotator.was_removed("i")
