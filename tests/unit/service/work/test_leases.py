"""What helpers bring: taken if it is still wanted, dropped with the reason if not; never twice."""

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bodypart.annotation import Review
from bodypart.error_rates import digest
from bodypart.memory import pack_seen
from bodypart.reviews import word_before
from service.decoders.lessons import Lessons
from service.decoders.pool import EngineDownError
from service.errors import ArchiveError, RecordError
from service.queue.tasks import Kind, Mode, Priority
from service.work.leases import Answer, Leases
from unit.memory.hospital import LABELS, MODEL, reading, words
from unit.service.house import note
from unit.service.work.failing import raiser


@pytest.fixture
def lessons():
    made = Lessons()
    made.ready = True
    return made


@pytest.fixture
def leases(house, sweep, backfill, lessons):
    """Lend and take, with a back-fill that has begun and one instance, ``i``."""
    parts = house.settings, house.orthanc, house.tasks, backfill
    made = Leases(*parts, house.annotator, house.annotations, lessons)
    sweep.run(threading.Event())
    backfill.start()
    return made


def brought(house, label="hand", instance="i", **fields):
    file = fields.pop("file", house.orthanc.versions.get(instance, "none"))
    return {instance: Answer(note(instance, label, **fields), file)}


def examined(house, instance="i"):
    return house.orthanc.annotation(instance)["examined"]["label"]


def test_what_was_lent_is_taken_once(house, leases):
    assert leases.lend(5, 60) == ["i"]
    assert leases.lend(5, 60) == []
    assert leases.take(brought(house)) == {}
    assert examined(house) == "hand"
    assert house.index.state("i") == "done"
    assert "not lent" in leases.take(brought(house, "knee"))["i"]
    assert examined(house) == "hand"


def test_no_more_is_lent_than_was_asked_for_and_in_order(house, leases):
    for name in "kj":
        house.ask(Kind.ANNOTATE, name, mode=Mode.ASKED, priority=Priority.BACKFILL)
    house.ask(Kind.REWRITE, "j")
    assert [leases.lend(1, 60) for _ in range(4)] == [["k"], ["j"], ["i"], []]
    assert house.claim(Kind.REWRITE).resource == "j"


def test_a_picture_that_just_came_in_is_not_for_a_helper_to_say(house, leases):
    """Anybody may call the route; a machine's answer would be as anybody pleases, in no trail."""
    house.orthanc.arrive("new", b"file")
    house.tasks.ask_now(Kind.ANNOTATE, ["new"])
    assert set(leases.take(brought(house, "skull", "new"))) == {"new"}
    assert house.tasks.stands(Kind.ANNOTATE, "new")
    assert house.orthanc.annotation("new") is None


def test_an_impossible_answer_on_what_was_not_lent_changes_no_task(house, leases):
    house.tasks.ask_now(Kind.ANNOTATE, ["i"])
    before = house.tasks.standing_task(Kind.ANNOTATE, "i")
    assert set(leases.take({"i": Answer({"x": 1}, "file")})) == {"i"}
    assert house.tasks.standing_task(Kind.ANNOTATE, "i") == before


def test_what_is_not_brought_back_is_lent_again(house, leases):
    assert leases.lend(5, -1) == ["i"]
    assert leases.lend(5, 60) == ["i"]
    leases.take_back(["i"])
    assert "not lent" in leases.take(brought(house))["i"]
    assert leases.lend(5, 60) == ["i"]


@pytest.mark.parametrize("late", ["unread", "answer", "nonsense", "another file", "never"])
def test_what_a_helper_has_of_a_back_fill_that_was_cancelled_is_not_read(
    house, leases, backfill, late
):
    """The service itself went on with up to 64 pictures for each worker of the helper."""
    leases.lend(5, 60)
    backfill.cancel()
    fields = {"nonsense": {"status": "fine"}, "another file": {"file": "old"}}.get(late, {})
    if late == "unread":
        leases.take_back(["i"])
    elif late != "never":
        assert "cancelled" in leases.take(brought(house, **fields))["i"]
    assert not house.tasks.stands(Kind.ANNOTATE, "i")
    backfill.start()
    assert leases.lend(5, 60) == ["i"]


def test_an_answer_that_comes_after_the_lease_is_taken_all_the_same(house, leases):
    leases.lend(5, -1)
    assert leases.take(brought(house)) == {}


@pytest.mark.parametrize("late", ["answer", "nonsense", "another file", "unread"])
def test_what_another_helper_has_by_now_is_not_for_the_first_one(house, leases, late):
    """Its lease ran out: what comes late neither ends nor gives out again what another reads."""
    assert leases.lend(5, -1, "first") == ["i"]
    assert leases.lend(5, 60, "second") == ["i"]
    before = house.tasks.standing_task(Kind.ANNOTATE, "i")
    if late == "unread":
        leases.take_back(["i"], "first")
    else:
        fields = {"nonsense": {"status": "fine"}, "another file": {"file": "old"}}.get(late, {})
        assert "not lent" in leases.take(brought(house, **fields), "first")["i"]
    assert house.tasks.standing_task(Kind.ANNOTATE, "i") == before
    assert leases.lend(5, 60, "third") == []
    assert leases.take(brought(house), "second") == {}


def test_what_the_service_reads_itself_by_now_is_not_for_a_helper(house, leases):
    assert leases.lend(5, -1, "first") == ["i"]
    task = house.claim(Kind.ANNOTATE)
    leases.take_back(["i"], "first")
    assert "not lent" in leases.take(brought(house, "knee"), "first")["i"]
    assert house.claim(Kind.ANNOTATE) is None
    house.annotator.annotate("i", Mode.ASKED, task=task)
    assert examined(house) == "hand"
    assert not house.tasks.stands(Kind.ANNOTATE, "i")


def test_what_was_annotated_meanwhile_stays(house, leases):
    leases.lend(5, 60)
    house.annotator.annotate("i", Mode.NEW)
    assert "by now" in leases.take(brought(house, "knee"))["i"]
    assert examined(house) == "hand"
    assert not house.tasks.stands(Kind.ANNOTATE, "i")


def test_what_stands_of_an_earlier_file_gives_way(house, leases):
    leases.lend(5, 60)
    earlier = {**note("i", "skull"), "file": "earlier"}
    house.orthanc.set_metadata("instances", "i", "BodyPart", json.dumps(earlier))
    assert leases.take(brought(house)) == {}
    assert examined(house) == "hand"


def test_what_a_person_said_meanwhile_stays(house, leases):
    leases.lend(5, 60)
    house.reviewer.review("i", Review(by="ann", at="2026-11-28T10:00:00Z", examined="skull"))
    leases.take(brought(house, "knee"))
    assert examined(house) == "skull"


def test_what_was_removed_meanwhile_stays_so(house, leases):
    leases.lend(5, 60)
    house.reviewer.remove("i", by="ann")
    assert "not lent" in leases.take(brought(house))["i"]
    assert house.orthanc.annotation("i") is None


def test_what_is_gone_is_taken_out(house, leases):
    leases.lend(5, 60)
    house.orthanc.delete_instance("i")
    assert "no such instance" in leases.take(brought(house))["i"]
    assert house.index.state("i") is None
    assert not house.tasks.stands(Kind.ANNOTATE, "i")


def test_an_answer_of_another_file_is_left_to_the_own_decoders(house, leases):
    leases.lend(5, 60)
    old = brought(house)
    house.orthanc.arrive("i", b"another file")
    assert "another file" in leases.take(old)["i"]
    assert leases.lend(5, 60) == []
    assert house.claim_due(Kind.ANNOTATE).priority == Priority.BACKFILL


@pytest.mark.parametrize(
    "fields", [{"review": {"by": "ann"}}, {"carried": {"examined": "knee"}}, {"status": "fine"}]
)
def test_what_cannot_be_a_decoder_s_answer_is_left_to_the_own_decoders(house, leases, fields):
    leases.lend(5, 60)
    assert "cannot be a decoder's answer" in leases.take(brought(house, **fields))["i"]
    assert house.orthanc.annotation("i") is None
    assert leases.lend(5, 60) == []
    assert house.claim_due(Kind.ANNOTATE)


def test_what_the_model_saw_comes_from_a_helper_as_from_a_decoder(house, leases, monkeypatch):
    kept, seen = [], pack_seen(reading("hand", 0).seen)
    monkeypatch.setattr(house.learning, "keep", lambda _, instance, seen: kept.append(seen))
    leases.lend(5, 60)
    (answer,) = brought(house).values()
    with_more = replace(answer, seen={**seen, "name": "Doe"})
    assert "cannot be a decoder's answer" in leases.take({"i": with_more})["i"]
    house.ask(Kind.ANNOTATE, "i", priority=Priority.BACKFILL)
    leases.lend(5, 60)
    assert leases.take({"i": replace(answer, seen=seen)}) == {}
    assert [pack_seen(one) for one in kept] == [seen]


def test_an_annotation_as_it_is_handed_out_is_taken_but_for_what_the_service_adds(house, leases):
    leases.lend(5, 60)
    added = {"tags": {"state": "written", "changed": [], "refused": None}, "revision": "x"}
    assert leases.take(brought(house, **added)) == {}
    annotation = house.orthanc.annotation("i")
    assert annotation["tags"]["state"] != "written"
    assert annotation["revision"] != "x"


def test_what_is_to_be_read_again_is_not_spared_for_its_old_answer(house, leases):
    house.annotator.annotate("i", Mode.NEW)
    house.tasks.ask_now(Kind.ANNOTATE, ["i"], mode=Mode.AGAIN, priority=Priority.BACKFILL)
    assert leases.lend(5, 60) == ["i"]
    assert leases.take(brought(house, "knee")) == {}
    assert examined(house) == "knee"


def test_who_asks_for_one_instance_does_not_wait_for_a_helper(house, leases):
    leases.lend(5, 600)
    house.tasks.ask_now(Kind.ANNOTATE, ["i"], mode=Mode.AGAIN, priority=Priority.PERSON)
    assert house.claim(Kind.ANNOTATE).priority == Priority.PERSON


def test_a_copy_of_what_a_person_spoke_of_has_that_word(house, leases):
    house.orthanc.arrive("copy", b"file")
    house.orthanc.metadata_["instances", "copy"]["ModifiedFrom"] = "i"
    pixels = "b3:" + "a" * 32
    house.reviewer.review("i", Review("ann", "2026-11-28T10:00:00Z", "skull", pixels=pixels))
    word = house.trail.last("i").review
    house.ask(Kind.ANNOTATE, "copy", mode=Mode.ASKED, priority=Priority.BACKFILL)
    leases.lend(5, 60)
    assert leases.take(brought(house, "knee", "copy", pixels=word.pixels)) == {}
    assert examined(house, "copy") == "skull"


@pytest.mark.parametrize("instance", ["i", "copy"])
def test_a_word_of_0_2_0_is_compared_by_the_own_decoders(house, leases, instance):
    """A helper is not told its digest: the word stood on whatever picture came back."""
    at = "2026-11-28T10:00:00Z"
    house.orthanc.arrive("copy", b"file")
    house.orthanc.metadata_["instances", "copy"]["ModifiedFrom"] = "i"
    house.reviewer.review("i", Review("ann", at, "skull", pixels="a" * 32))
    house.ask(Kind.ANNOTATE, instance, mode=Mode.AGAIN, priority=Priority.BACKFILL)
    leases.lend(5, 60)
    dropped = leases.take(brought(house, "knee", instance, pixels="b3:" + "b" * 32))
    assert "compared" in dropped[instance]
    assert leases.lend(5, 60) == []
    assert house.claim(Kind.ANNOTATE).resource == instance


def test_a_word_that_an_undo_brought_back_counts_as_the_first_one_on_a_copy(house, leases):
    """It counted as what had taken another back: the next undo left it out."""
    pixels, at = "b3:" + "a" * 32, "2026-11-28T10:00:00Z"
    house.reviewer.review("i", Review("ann", at, "skull", pixels=pixels, restored=True))
    house.orthanc.arrive("copy", b"file")
    house.orthanc.metadata_["instances", "copy"]["ModifiedFrom"] = "i"
    house.ask(Kind.ANNOTATE, "copy", mode=Mode.ASKED, priority=Priority.BACKFILL)
    leases.lend(5, 60)
    leases.take(brought(house, "knee", "copy", pixels=pixels))
    corrected = house.reviewer.review("copy", Review("ann", at, "foot"))
    assert word_before(corrected, by="bob", at=at).examined == "skull"


def test_an_error_that_nobody_foresaw_is_of_one_answer_not_of_its_batch(house, leases, monkeypatch):
    leases.lend(5, 60)

    def fail(*_):
        raise ValueError("a patient's name")

    with monkeypatch.context() as wrong:
        wrong.setattr(house.annotator, "take", fail)
        assert leases.take(brought(house)) == {"i": "it could not be written: ValueError"}
    assert leases.lend(5, 60) == []
    assert house.claim(Kind.ANNOTATE).resource == "i"


def test_an_instance_that_orthanc_fails_to_describe_holds_up_no_other_answer(house, leases, broken):
    """The whole batch was refused until the helper did nothing but bring it again."""
    house.ask(Kind.ANNOTATE, "broken", mode=Mode.ASKED, priority=Priority.BACKFILL)
    leases.lend(5, 60)
    dropped = leases.take({**brought(house), **brought(house, instance="broken")})
    assert dropped == {"broken": "Orthanc cannot describe the instance"}
    assert examined(house) == "hand"
    assert leases.lend(5, 60) == []
    assert house.claim(Kind.ANNOTATE).resource == "broken"


@pytest.mark.parametrize(
    "error", [ArchiveError("the disk is full"), RecordError("the disk is full")]
)
def test_an_answer_that_cannot_be_written_is_lent_again(house, leases, monkeypatch, error):
    leases.lend(5, 60, "first")
    with monkeypatch.context() as full:
        full.setattr(house.annotations, "put", raiser(error))
        assert leases.take(brought(house), "first") == {"i": "the disk is full"}
    assert leases.lend(5, 60, "second") == ["i"]


def test_what_is_deleted_as_its_answer_is_written_is_taken_out(house, leases, monkeypatch):
    leases.lend(5, 60)
    answer = brought(house)
    glance = house.orthanc.glance

    def deleted(instances):
        found = glance(instances)
        house.orthanc.delete_instance("i")
        return found

    monkeypatch.setattr(house.orthanc, "glance", deleted)
    assert "no such instance" in leases.take(answer)["i"]
    assert house.index.state("i") is None
    assert not house.tasks.stands(Kind.ANNOTATE, "i")


def test_what_is_removed_while_its_answer_waits_stays_so(house, leases, monkeypatch):
    leases.lend(5, 60)
    lock = house.annotations.lock

    @contextmanager
    def removed_before(instance):
        with lock(instance):
            monkeypatch.undo()
            house.reviewer.remove(instance, by="ann")
            yield

    monkeypatch.setattr(house.annotations, "lock", removed_before)
    assert "not lent" in leases.take(brought(house))["i"]
    assert house.orthanc.annotation("i") is None


def test_nothing_is_taken_while_orthanc_is_away(house, leases):
    leases.lend(5, 60)
    answer = brought(house)
    house.orthanc.down = True
    with pytest.raises(Exception, match="away"):
        leases.take(answer)
    house.orthanc.down = False
    assert leases.take(answer) == {}


def test_a_helper_is_told_what_an_answer_depends_on_and_no_secret(house, leases):
    told = leases.reference({"model": {"name": "m", "version": "1", "sha256": "0"}}, None)
    assert told["settings"]["ReviewThreshold"] == house.settings.review_threshold
    assert told["error_rates"] == digest()
    assert told["revision"] is None
    assert not {"Database", "Routes", "WebhookSecretFile", "Python"} & told["settings"].keys()


def test_a_helper_is_told_what_people_said_once(leases, lessons):
    lessons.learn(MODEL, LABELS, words(3, "hand"))
    hello = {"model": {"name": "m", "version": "1", "sha256": MODEL}}
    told = leases.reference(hello, None)
    assert told["revision"] == told["memory"]["record"]["revision"] == lessons.memory.revision
    assert (told["memory"]["record"], base64.b64decode(told["memory"]["numbers"])) == (
        lessons.after(None)
    )
    assert leases.reference(hello, told["revision"])["memory"] is None


def test_a_helper_waits_until_what_people_said_is_learned(leases, lessons):
    """After a restart it read its first pictures without the memory."""
    lessons.ready = False
    with pytest.raises(EngineDownError, match="is being learned"):
        leases.reference({"model": {"name": "m", "version": "1", "sha256": "0"}}, None)
