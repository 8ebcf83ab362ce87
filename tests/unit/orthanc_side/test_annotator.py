"""Who wins when a person and the machine speak of one instance at the same time."""

import pytest

from bodypart.reviews import parse_review
from unit.orthanc_side.memory import Engine, Memory


def review(label, at="2026-01-02T03:04:05Z"):
    return parse_review({"examined": label}, by="ann", at=at)


@pytest.fixture
def parts(monkeypatch, tmp_path):
    from orthanc_side.annotator import Annotator
    from orthanc_side.audit import Audit
    from orthanc_side.index import Index
    from orthanc_side.metrics import Metrics
    from orthanc_side.sinks import Sinks

    memory, engine, audit = Memory(monkeypatch), Engine(), Audit(tmp_path / "audit")
    memory.files["i"] = b"file"
    sinks = Sinks(Index(tmp_path / "index"), with_labels=False, study_changed=lambda _: None)
    annotator = Annotator(engine, sinks, Metrics(lambda *_: None), audit, lambda _: None)
    return annotator, engine, memory, audit


def test_a_word_spoken_during_a_new_classification_stands(parts):
    annotator, engine, memory, audit = parts
    annotator.annotate("i")
    annotator.review("i", review("wrist"))
    engine.during = lambda: annotator.review("i", review("foot"))
    annotator.annotate("i", again=True)
    assert memory.annotation("i")["examined"]["label"] == "foot"
    assert audit.last("i").review.examined == "foot"


def test_a_removal_during_a_new_classification_stands(parts):
    annotator, engine, memory, _ = parts
    annotator.annotate("i")
    annotator.review("i", review("wrist"))
    engine.during = lambda: annotator.forget("i", by="bob")
    annotator.annotate("i", again=True)
    assert memory.annotation("i") is None


def test_what_is_wanted_no_more_is_not_written(parts):
    annotator, _, memory, _ = parts
    annotator.annotate("i", wanted=lambda: False)
    assert memory.annotation("i") is None
    answers = [True, False]
    annotator.annotate("i", wanted=lambda: answers.pop(0))
    assert answers == []
    assert memory.annotation("i") is None


def test_a_removal_empties_the_queue_of_the_instance(parts):
    annotator, *_ = parts
    dropped = []
    annotator._drop = dropped.append
    annotator.annotate("i")
    annotator.forget("i", by="bob")
    assert dropped == ["i"]


def test_a_failure_is_written_also_after_a_removal_unless_it_is_wanted_no_more(parts):
    annotator, _, memory, _ = parts
    annotator.annotate("i")
    annotator.forget("i", by="bob")
    annotator.give_up("i", "too large", wanted=lambda: False)
    assert memory.annotation("i") is None
    annotator.give_up("i", "too large")
    assert memory.annotation("i")["status"] == "failed"


def test_a_removal_counts_until_the_instance_is_sent_again(parts, monkeypatch):
    from orthanc_side import archive

    annotator, _, _, audit = parts
    received = {"i": "20260701T000000"}
    monkeypatch.setattr(archive, "metadata", lambda _, i, __: received[i])
    assert not annotator.was_removed("i")
    audit.forgotten("i", by="bob", at="2026-08-01T00:00:00Z")
    assert annotator.was_removed("i")
    received["i"] = "20260901T000000"
    assert not annotator.was_removed("i")


def test_after_a_removal_a_new_classification_starts_afresh(parts):
    annotator, _, memory, _ = parts
    annotator.annotate("i")
    annotator.review("i", review("wrist"))
    annotator.forget("i", by="bob")
    annotator.annotate("i", again=True)
    assert memory.annotation("i")["examined"]["label"] == "hand"
    assert memory.annotation("i")["review"] is None


def test_the_trail_gives_a_word_back_that_an_overwrite_wiped(parts):
    annotator, _, memory, _ = parts
    annotator.annotate("i")
    annotator.review("i", review("wrist"))
    memory.wipe("i")
    annotator.annotate("i")
    assert memory.annotation("i")["examined"] == {
        **memory.annotation("i")["examined"],
        "label": "wrist",
        "source": "person",
    }


def test_a_word_that_only_the_metadata_know_outranks_an_older_one_of_the_trail(parts):
    annotator, _, memory, audit = parts
    annotator.annotate("i")
    old = annotator.review("i", review("wrist"))["review"]
    annotator.review("i", review("foot", at="2026-02-02T03:04:05Z"))
    audit.reviewed("i", old)  # As of a trail that came back from an older backup.
    annotator.annotate("i", again=True)
    assert memory.annotation("i")["examined"]["label"] == "foot"


def test_giving_up_leaves_an_earlier_answer(parts):
    annotator, _, memory, _ = parts
    annotator.annotate("i")
    annotator.give_up("i", "given up after 4 attempts: WorkerDiedError")
    assert memory.annotation("i")["status"] == "done"


def test_giving_up_says_why_where_there_is_no_answer(parts):
    annotator, _, memory, _ = parts
    annotator.give_up("i", "quarantined")
    assert memory.annotation("i")["status"] == "failed"
    assert memory.annotation("i")["reason"] == "quarantined"


def test_a_word_that_could_not_be_written_is_in_no_trail(parts, monkeypatch):
    annotator, _, _, audit = parts
    annotator.annotate("i")

    def full(_annotation):
        raise OSError("no space left")

    monkeypatch.setattr(annotator, "_put", full)
    with pytest.raises(OSError, match="no space"):
        annotator.review("i", review("wrist"))
    assert audit.last("i") is None
