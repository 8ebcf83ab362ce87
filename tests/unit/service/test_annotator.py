"""From an id to a written annotation, and a person's word on top of it."""

import json
from contextlib import contextmanager

import pytest

from bodypart.annotation import Review
from bodypart.reviews import apply_review
from service.decoders.pool import DecoderDiedError
from service.errors import ArchiveError, NotFoundError, RecordError, StaleError
from service.queue.tasks import Kind, Mode


def word(label="foot", at="2026-11-28T10:00:00Z", **more):
    return Review(by="ann", at=at, examined=label, **more)


def label_of(house, instance="i"):
    return house.orthanc.annotation(instance)["examined"]["label"]


def test_what_arrives_is_annotated_once(house):
    house.annotator.annotate("i", Mode.NEW)
    assert label_of(house) == "hand"
    house.annotator.annotate("i", Mode.NEW)
    house.annotator.annotate("i", Mode.ASKED)
    assert house.decoders.asked == ["annotate"]
    house.annotator.annotate("i", Mode.AGAIN)
    assert house.decoders.asked == ["annotate"] * 2


def test_another_file_under_the_same_uids_is_annotated_anew(house):
    """Metadata that outlived it, or were given back to it, are of another file."""
    house.annotator.annotate("i", Mode.NEW)
    before = dict(house.orthanc.metadata_["instances", "i"])
    house.orthanc.arrive("i", b"another")
    house.orthanc.metadata_["instances", "i"] = before
    house.decoders.label = "foot"
    house.annotator.annotate("i", Mode.NEW)
    assert label_of(house) == "foot"


def test_a_word_is_in_the_trail_before_anything_else_changes(house):
    house.annotator.annotate("i", Mode.NEW)
    with house.durable.write() as connection:
        connection.exec_driver_sql("DROP TABLE events")
    with pytest.raises(RecordError):
        house.reviewer.review("i", word())
    assert label_of(house) == "hand"
    assert house.index.children("series", "series")[0].examined == "hand"


def test_a_word_that_stands_in_the_trail_is_said_whatever_fails_after(house):
    house.annotator.annotate("i", Mode.NEW)
    put, house.orthanc.set_metadata = house.orthanc.set_metadata, _fail
    said = house.reviewer.review("i", word())
    assert said["examined"]["label"] == "foot"
    assert label_of(house) == "hand"
    house.orthanc.set_metadata = put
    _due_now(house)
    house.reviewer.apply_word(house.claim(Kind.APPLY))
    assert label_of(house) == "foot"
    assert house.orthanc.annotation("i")["revision"] == said["revision"]
    assert house.trail.open(10) == []


def test_an_open_word_is_applied_where_the_metadata_lack_it(house):
    """Killed between trail and metadata: the next start finds the event open."""
    house.annotator.annotate("i", Mode.NEW)
    annotation = house.orthanc.annotation("i")
    house.trail.reviewed("i", apply_review(annotation, word())["review"])
    ((_, instance),) = house.trail.open(10)
    house.ask(Kind.APPLY, instance)
    house.reviewer.apply_word(house.claim(Kind.APPLY))
    assert label_of(house) == "foot"
    assert house.trail.open(10) == []


def test_a_word_that_a_later_one_overtook_does_not_stay_open(house):
    house.annotator.annotate("i", Mode.NEW)
    put, house.orthanc.set_metadata = house.orthanc.set_metadata, _fail
    house.reviewer.review("i", word())
    house.orthanc.set_metadata = put
    house.reviewer.review("i", word("knee", at="2026-11-28T10:00:01Z"))
    assert house.trail.open(10) == []


def test_a_word_that_comes_right_after_an_earlier_one_was_applied_stays_open(house, monkeypatch):
    """Its metadata are not written yet; a kill here must leave it to the next start."""
    house.annotator.annotate("i", Mode.NEW)
    annotation = house.orthanc.annotation("i")
    first = house.trail.reviewed("i", apply_review(annotation, word())["review"])
    house.ask(Kind.APPLY, "i")
    lock = house.annotations.lock
    later = apply_review(annotation, word("knee", at="2026-11-28T10:00:01Z"))["review"]

    @contextmanager
    def let_another_in(instance):
        with lock(instance):
            yield
        house.trail.reviewed(instance, later)

    monkeypatch.setattr(house.annotations, "lock", let_another_in)
    house.reviewer.apply_word(house.claim(Kind.APPLY))
    assert label_of(house) == "foot"
    assert house.trail.open(10) == [(first + 1, "i")]


def test_a_word_outlives_classifying_again_overwriting_and_lost_metadata(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word())
    house.annotator.annotate("i", Mode.AGAIN)
    assert label_of(house) == "foot"
    house.orthanc.arrive("i", b"file")
    house.annotator.annotate("i", Mode.NEW)
    assert label_of(house) == "foot"


def with_digests(house, *digests):
    """Have decoders tell the first of some digests of a picture, or another that they are given."""
    known, ask = list(digests), house.decoders.ask

    def with_digest(task, request, payload, *, urgent=False):
        answer, drawn = ask(task, request, payload, urgent=urgent)
        if task == "annotate":
            said_of = request.get("said_of")
            answer["annotation"]["pixels"] = said_of if said_of in known else known[0]
        return answer, drawn

    house.decoders.ask = with_digest
    return known


def test_a_word_of_0_2_0_is_of_the_picture_that_its_digest_tells(house):
    """Its digest cannot be compared with today's: a decoder compares it with the picture."""
    old, today, of_another = "a" * 32, "b3:" + "b" * 32, "b3:" + "c" * 32
    digests = with_digests(house, old)
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word())
    digests[:] = [today, old]
    house.annotator.annotate("i", Mode.AGAIN)
    assert label_of(house) == "foot"
    digests[:] = [of_another]
    house.orthanc.arrive("i", b"another")
    for mode in (Mode.NEW, Mode.AGAIN):
        house.annotator.annotate("i", mode)
        assert label_of(house) == "hand"
        assert "another picture" in house.orthanc.annotation("i")["review_reason"]


def test_a_word_of_0_2_0_reaches_a_copy_of_its_picture(house):
    old, today = "a" * 32, "b3:" + "b" * 32
    digests = with_digests(house, old)
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word())
    digests[:] = [today, old]
    for copy, same in (("copy", True), ("other", False)):
        house.orthanc.arrive(copy, b"file")
        house.orthanc.metadata_["instances", copy]["ModifiedFrom"] = "i"
        digests[:] = [today, old] if same else [today]
        house.annotator.annotate(copy, Mode.NEW)
        assert label_of(house, copy) == ("foot" if same else "hand")


def test_a_word_of_0_2_0_that_the_trail_has_lost_is_compared_as_well(house):
    old, today = "a" * 32, "b3:" + "b" * 32
    digests = with_digests(house, old)
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word())
    with house.durable.write() as connection:
        connection.exec_driver_sql("DELETE FROM events")
    digests[:] = [today]
    house.annotator.annotate("i", Mode.AGAIN)
    assert label_of(house) == "hand"


def test_a_clock_that_was_set_back_does_not_bring_an_earlier_word_back(house):
    """Killed between the trail and the metadata, which still hold the word before."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word("foot", at="2026-11-28T12:00:00Z"))
    before = house.orthanc.metadata("instances", "i", "BodyPart")
    house.reviewer.review("i", word("knee", at="2026-11-28T11:00:00Z"))
    house.orthanc.set_metadata("instances", "i", "BodyPart", before)
    house.annotator.annotate("i", Mode.AGAIN)
    assert label_of(house) == "knee"


def test_a_stale_revision_is_refused_with_what_stands_there(house):
    house.annotator.annotate("i", Mode.NEW)
    seen = frozenset({house.orthanc.annotation("i")["revision"]})
    house.reviewer.review("i", word(), seen)
    with pytest.raises(StaleError) as refused:
        house.reviewer.review("i", word("knee"), seen)
    assert refused.value.present["examined"]["label"] == "foot"
    with pytest.raises(StaleError):
        house.reviewer.remove("i", by="ann", seen=seen)
    assert label_of(house) == "foot"


def test_the_file_that_follows_does_not_make_a_revision_stale(house):
    house.annotator.annotate("i", Mode.NEW)
    seen = frozenset({house.reviewer.review("i", word())["revision"]})
    house.follow()
    assert house.orthanc.annotation("i")["tags"]["state"] == "written"
    house.reviewer.review("i", word("knee"), seen)


def test_a_word_that_is_taken_back_leaves_the_machine_s_and_both_in_the_trail(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word())
    assert house.reviewer.withdraw("i", by="bob")["review"] is None
    assert house.trail.open(10) == []
    assert label_of(house) == "hand"
    assert [event["action"] for event in house.trail.events(0, 10)] == ["corrected", "withdrawn"]
    house.annotator.annotate("i", Mode.AGAIN)
    assert label_of(house) == "hand"
    with pytest.raises(NotFoundError):
        house.reviewer.withdraw("i", by="bob")


def test_what_was_removed_stays_so_until_it_is_sent_again(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.remove("i", by="ann")
    assert house.trail.open(10) == []
    house.ask(Kind.ANNOTATE, "i", sequences={"i": 1})
    house.annotator.annotate("i", Mode.NEW, task=house.claim(Kind.ANNOTATE))
    assert house.orthanc.annotation("i") is None
    house.orthanc.arrive("i", b"file")
    house.ask(Kind.ANNOTATE, "i", sequences={"i": 2})
    house.annotator.annotate("i", Mode.NEW, task=house.claim(Kind.ANNOTATE))
    assert label_of(house) == "hand"


@pytest.mark.parametrize("sequence", [1, None])
def test_what_is_sent_again_is_annotated_whatever_clocks_and_numbers_say(house, sequence):
    """Of two nodes one has the slower clock; PostgreSQL may give its entry the lower number."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.remove("i", by="ann")
    house.orthanc.arrive("i", b"file", received="20200101T000000")
    assert not house.annotator.was_removed("i")
    house.ask(Kind.ANNOTATE, "i", sequences={"i": sequence})
    house.annotator.annotate("i", Mode.NEW, task=house.claim(Kind.ANNOTATE))
    assert label_of(house) == "hand"


def test_what_an_earlier_version_removed_is_told_by_number_and_time(house):
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.remove("i", by="ann")
    with house.durable.write() as connection:
        connection.exec_driver_sql("UPDATE events SET file = NULL, change = 1")
    assert house.annotator.was_removed("i")
    house.orthanc.arrive("i", b"file", received="20990101T000000")
    assert not house.annotator.was_removed("i")


def test_what_is_sent_again_during_its_removal_is_annotated(house):
    """What another node asked for it goes with what was asked before: it is asked for anew."""
    house.annotator.annotate("i", Mode.NEW)
    delete = house.orthanc.delete_metadata

    def sent_again(*which):
        house.orthanc.delete_metadata = delete
        house.orthanc.arrive("i", b"another")
        house.ask(Kind.ANNOTATE, "i", sequences={"i": 2})
        delete(*which)

    house.orthanc.delete_metadata = sent_again
    house.reviewer.remove("i", by="ann")
    task = house.claim(Kind.ANNOTATE)
    assert task
    house.annotator.annotate("i", Mode.NEW, task=task)
    assert label_of(house) == "hand"


def test_a_removal_that_is_applied_late_spares_what_was_sent_again(house):
    house.annotator.annotate("i", Mode.NEW)
    erase, house.annotations.erase = house.annotations.erase, _fail
    house.reviewer.remove("i", by="ann")
    house.annotations.erase = erase
    house.orthanc.arrive("i", b"another")
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.apply_word(house.claim_due(Kind.APPLY))
    assert label_of(house) == "hand"
    assert house.index.state("i") == "done"
    assert house.trail.open(10) == []


def test_what_is_removed_while_a_decoder_looks_stays_removed(house):
    house.decoders.while_asked = lambda: house.reviewer.remove("i", by="ann")
    house.annotator.annotate("i", Mode.NEW)
    assert house.orthanc.annotation("i") is None


def test_what_is_gone_leaves_nothing(house):
    house.orthanc.delete_instance("i")
    with pytest.raises(NotFoundError):
        house.annotator.annotate("i", Mode.NEW)
    with pytest.raises(NotFoundError):
        house.reviewer.review("i", word())


def test_giving_up_keeps_an_earlier_answer(house):
    house.annotator.annotate("i", Mode.NEW)
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "it hangs")
    assert label_of(house) == "hand"
    house.orthanc.arrive("i", b"another")
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "it hangs")
    assert house.orthanc.annotation("i")["status"] == "failed"


def test_what_came_in_while_a_decoder_died_is_read_itself(house):
    """It was failed, and stayed it, because the picture before it had been given up."""

    def die():
        house.orthanc.arrive("i", b"another")
        house.decoders.while_asked = lambda: None
        raise DecoderDiedError("the decoder took longer than 60 s")

    house.decoders.while_asked = die
    with pytest.raises(DecoderDiedError):
        house.annotator.annotate("i", Mode.NEW)
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "it hangs")
    house.annotator.annotate("i", Mode.NEW)
    assert label_of(house) == "hand"


def test_what_comes_in_while_giving_up_fails_is_read_itself(house):
    """The next try to note that the picture before it was given up noted it of this one."""
    house.decoders.while_asked = _die
    with pytest.raises(DecoderDiedError):
        house.annotator.annotate("i", Mode.NEW)
    house.decoders.while_asked = lambda: None
    house.ask(Kind.ANNOTATE, "i")
    task = house.claim(Kind.ANNOTATE)
    put, house.orthanc.set_metadata = house.orthanc.set_metadata, _fail
    with pytest.raises(ArchiveError):
        house.annotator.give_up(task, "it hangs")
    house.orthanc.set_metadata = put
    house.orthanc.arrive("i", b"another")
    house.annotator.give_up(task, "it hangs")
    house.annotator.annotate("i", Mode.NEW)
    assert label_of(house) == "hand"


def test_giving_up_keeps_no_answer_of_another_file(house):
    house.annotator.annotate("i", Mode.NEW)
    before = dict(house.orthanc.metadata_["instances", "i"])
    house.orthanc.arrive("i", b"another")
    house.orthanc.metadata_["instances", "i"] = before
    house.ask(Kind.ANNOTATE, "i")
    house.annotator.give_up(house.claim(Kind.ANNOTATE), "it hangs")
    assert house.orthanc.annotation("i")["status"] == "failed"


def test_metadata_are_what_is_answered(house):
    house.annotator.annotate("i", Mode.NEW)
    corrected = house.reviewer.review("i", word())
    stored = json.loads(house.orthanc.metadata("instances", "i", "BodyPart"))
    assert stored == json.loads(json.dumps(corrected))


def test_the_second_word_of_one_second_is_applied_after_a_kill_as_well(house):
    """Words were told apart by their second: the later one stood in the trail alone."""
    house.annotator.annotate("i", Mode.NEW)
    house.reviewer.review("i", word("knee"))
    first = house.orthanc.metadata("instances", "i", "BodyPart")
    house.reviewer.review("i", word("foot"))
    house.orthanc.set_metadata("instances", "i", "BodyPart", first)
    house.ask(Kind.APPLY, "i")
    house.reviewer.apply_word(house.claim(Kind.APPLY))
    assert label_of(house) == "foot"
    assert house.orthanc.annotation("i")["review"]["previous"]["examined"] == "knee"


def _fail(*_):
    raise ArchiveError("Orthanc is away")


def _due_now(house):
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE tasks SET due = 0")


def _die():
    raise DecoderDiedError("the decoder died")
