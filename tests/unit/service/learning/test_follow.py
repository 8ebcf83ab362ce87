"""From the audit trail to the decoders' memory, with records of its own and no Orthanc."""

import threading

import numpy as np
import pytest
import sqlalchemy as sa

from bodypart.memory import Recall
from service.databases.tables import instances, sightings, words
from service.decoders.pool import EngineDownError
from service.errors import ArchiveError, RecordError
from service.learning.sightings import Sightings
from service.queue.tasks import Kind
from service.records.facts import Facts
from unit.memory.hospital import LABELS, MODEL, reading
from unit.service.learning.pupils import AT
from unit.service.work.failing import raiser


def test_words_reach_the_decoders(house):
    house.teach()
    assert house.said("wrist", 50) == "wrist"
    told = house.learning.learned()
    assert (told["words"], told["waiting"]) == (24, 0)
    assert {part["label"] for part in told["parts"]} == {"wrist", "hand", "knee"}


def test_a_damaged_word_teaches_nothing_and_holds_no_other_up(house):
    house.teach()
    house.say(house.see("wrist", 90), "hand")
    house.say(house.see("wrist", 91), "wrist")
    with house.database.write() as connection:
        damaged = "UPDATE events SET review = '{' WHERE instance = 'wrist-90'"
        connection.exec_driver_sql(damaged)
    house.learning.step()
    assert house.learning.learned()["words"] == 25


def test_a_word_taken_back_is_unlearned(house):
    house.teach()
    for number in range(8):
        house.trail.withdrawn(f"wrist-{number}", by="reader", at=AT)
    house.learning.step()
    assert house.said("wrist", 50) == "hand"
    assert house.learning.learned()["words"] == 16


def test_a_removed_annotation_takes_its_word_along(house):
    house.teach()
    house.trail.removed("hand-1", by="reader", at=AT, file="f")
    house.learning.step()
    assert house.learning.learned()["words"] == 23


def test_a_restart_knows_what_was_learned(house):
    house.teach()
    revision = house.learning.learned()["revision"]
    house.start()
    house.learning.step()
    assert house.learning.learned()["revision"] == revision


@pytest.mark.parametrize("fails", [False, True])
def test_no_picture_is_read_before_a_restart_knows_what_was_learned(house, monkeypatch, fails):
    """The first ones, which had waited for the start, got the answers of the model alone."""
    house.teach()
    house.start()
    assert not house.lessons.ready
    stopping = threading.Event()

    def hear():
        assert house.lessons.ready
        assert house.said("wrist", 50) == ("hand" if fails else "wrist")
        stopping.set()
        house.learning.wake()

    monkeypatch.setattr("service.learning.hearing.Hearing.hear", lambda _: hear())
    if fails:
        monkeypatch.setattr(house.learning.words, "numbers", raiser(RecordError("it is locked")))
    house.learning.follow(stopping)
    assert stopping.is_set()


def test_words_of_before_the_memory_are_looked_at_and_learned(house):
    """An archive that was reviewed under an earlier version, or another model."""
    for number in range(8):
        house.say(f"wrist-{number}", "wrist")
        house.say(f"hand-{number}", "hand")
    house.learning.step()
    assert house.learning.learned()["waiting"] == 16
    assert house.tasks.count(Kind.LOOK) == 16
    house.learning.step()
    assert house.tasks.count(Kind.LOOK) == 16
    for number in range(8):
        house.see("wrist", number)
        house.see("hand", number)
    house.learning.step()
    assert house.learning.learned()["waiting"] == 0
    assert house.said("wrist", 50) == "wrist"


def test_another_model_uses_no_word_until_it_has_looked(house):
    house.teach()
    house.decoders.hello = {"model": {"sha256": "1" * 64}, "labels": list(LABELS)}
    house.learning.step()
    told = house.learning.learned()
    assert (told["words"], told["waiting"]) == (0, 24)
    assert house.tasks.count(Kind.LOOK) == 24


def test_what_is_asked_before_a_decoder_has_told_its_model_is_answered(house):
    house.teach(1)
    house.say("mr-0", "knee")
    house.learning.step()
    house.start()
    with pytest.raises(EngineDownError, match="starting"):
        house.learning.read_otherwise(AT)
    house.decoders.hello = None
    assert not any(
        row["seen"] for row in house.learning.words.page(house.learning.model, (), None, 9)
    )
    assert (house.learning.learned()["words"], house.learning.changes()) == (0, [])
    house.learning.forget_all()
    assert house.learning.words.numbers(MODEL) == set()


def test_a_picture_that_is_gone_says_nothing(house):
    house.archive.gone.add("wrist-0")
    house.teach()
    assert house.learning.learned()["words"] == 23


def test_a_word_on_a_picture_that_is_gone_outdates_the_one_before(house):
    """It was corrected and deleted: the first word was learned for ever."""
    house.teach()
    house.say("wrist-0", "hand")
    house.archive.gone.add("wrist-0")
    house.learning.step()
    assert house.learning.learned()["words"] == 23


def test_a_picture_that_orthanc_fails_to_describe_holds_up_no_word(house):
    """An error that lasts, of one picture: nothing that anybody said was learned any more."""
    house.archive.damaged.add("wrist-0")
    house.teach()
    assert house.learning.learned()["words"] == 24
    house.archive.damaged.add("unknown")  # Not to the index either: its word is not lost.
    house.say("unknown", "knee")
    with pytest.raises(ArchiveError):
        house.learning.step()
    house.archive.damaged.clear()
    house.learning.step()
    assert house.learning.learned()["waiting"] == 1


def test_what_was_heard_before_a_kill_is_heard_again_and_stays(house):
    house.teach()
    house.archive.gone.add("wrist-0")
    Facts(house.database, {}).set("memory.event", "0")
    house.learning.step()
    assert house.learning.learned()["words"] == 24


@pytest.mark.parametrize(
    "damage", [{"label": "a later version's"}, {"posterior": b"odd"}, {"posterior": None}]
)
def test_a_word_whose_row_is_damaged_holds_no_other_up(house, damage):
    """Nothing was learned any more, and no word taken back was unlearned."""
    house.teach()
    with house.database.write() as connection:
        connection.execute(sa.update(words).where(words.c.instance == "wrist-0").values(**damage))
    house.trail.withdrawn("wrist-1", by="reader", at=AT)
    house.learning.step()
    assert house.learning.learned()["words"] == 22


def test_what_was_seen_is_looked_at_again_where_its_row_is_damaged(house):
    """Nothing was learned any more."""
    house.say(house.see("wrist", 90), "wrist")
    with house.database.write() as connection:
        connection.execute(sa.update(sightings).values(embedding=b"odd"))
    house.teach()
    assert house.learning.learned()["words"] == 24
    assert house.tasks.standing(Kind.LOOK, ["wrist-90"])


def test_after_an_update_of_the_model_words_are_learned_as_it_looks(house):
    """They were once it had looked at the pictures of all of them: one that hung held up all."""
    house.teach()
    house.decoders.hello = {"model": {"sha256": "1" * 64}, "labels": list(LABELS)}
    learned = []
    for number in range(8):
        for part in ("wrist", "hand", "knee"):
            house.see(part, number)
            with house.database.write() as connection:
                connection.execute(sa.update(instances).values(reviewed_at=AT))
        house.learning.step()
        learned.append(house.learning.learned()["words"])
    assert learned == [3, 6, 9, 12, 15, 18, 21, 24]


def test_what_has_no_picture_is_looked_at_once_a_model(house):
    house.say("mr-0", "knee")
    house.learning.step()
    house.learning.tell_word("mr-0", None)
    assert house.learning.learned()["waiting"] == 1
    look = house.tasks.claim((Kind.LOOK,))
    house.learning.saw_nothing("mr-0")
    house.tasks.finish(look)
    house.teach()
    assert house.tasks.count(Kind.LOOK) == 0
    told = house.learning.learned()
    assert (told["words"], told["waiting"]) == (24, 0)
    assert not house.learning.words.page(MODEL, (), None, 25)[-1]["seen"]
    house.decoders.hello = {"model": {"sha256": "1" * 64}, "labels": list(LABELS)}
    house.learning.step()
    assert "mr-0" in house.tasks.standing(Kind.LOOK, ["mr-0"])


def test_a_picture_that_comes_after_all_is_learned_from(house):
    house.say("wrist-0", "wrist")
    house.learning.step()
    house.learning.saw_nothing("wrist-0")
    house.learning.step()
    assert house.learning.learned()["words"] == 0
    house.see("wrist", 0)
    house.learning.step()
    assert house.learning.learned()["words"] == 1
    house.learning.saw_nothing("wrist-0")
    assert house.learning.learned()["words"] == 1


def test_a_word_goes_with_the_picture_that_it_was_said_of(house):
    """The file under an instance may be replaced before and after a word."""
    instance = house.see("wrist", 0)
    house.say(instance, "wrist")
    house.learning.step()
    another = reading("knee", 0).seen
    with house.database.write() as connection:
        house.learning.keep(connection, instance, another)
    house.learning.step()
    (learned,) = house.learning.words.seen_by(MODEL)
    assert np.allclose(learned.embedding, reading("wrist", 0).seen.embedding, atol=0.001)
    house.say(instance, "knee")
    house.learning.step()
    (learned,) = house.learning.words.seen_by(MODEL)
    assert learned.labels == ("knee",)
    assert np.allclose(learned.embedding, another.embedding, atol=0.001)


def test_a_word_is_not_learned_from_what_replaced_its_picture_before_it_was_heard(house):
    instance = house.see("knee", 0)
    house.say(instance, "wrist")
    with house.database.write() as connection:
        connection.execute(sa.update(instances).values(reviewed_at=None))
    house.learning.step()
    assert house.learning.learned()["words"] == 0
    assert house.tasks.count(Kind.LOOK) == 1


def test_forgetting_all_outlives_a_restart(house):
    house.teach()
    house.learning.forget_all()
    assert house.learning.learned()["words"] == 0
    assert house.said("wrist", 50) == "hand"
    house.start()
    house.learning.step()
    assert house.learning.learned()["words"] == 0
    house.say(house.see("knee", 90), "knee")
    house.learning.step()
    assert house.learning.learned()["words"] == 1


def test_words_are_looked_through_and_forgotten_one_by_one(house):
    house.teach(count=2)
    house.say("away", None)
    house.learning.step()
    page = house.learning.words.page(MODEL, (), None, 3)
    assert [row["instance"] for row in page] == ["away", "knee-1", "knee-0"]
    assert [(row["label"], row["seen"]) for row in page][:2] == [(None, False), ("knee", True)]
    rest = house.learning.words.page(MODEL, (), page[-1]["number"], 10)
    assert [row["instance"] for row in rest] == ["hand-1", "hand-0", "wrist-1", "wrist-0"]
    wrists = house.learning.words.page(MODEL, ("wrist",), None, 10)
    assert {row["label"] for row in wrists} == {"wrist"}
    house.learning.forget("knee-1")
    house.learning.step()
    assert house.learning.learned()["words"] == 5


def test_off_keeps_the_words_for_later(house):
    house.start("off")
    house.teach()
    assert house.said("wrist", 50) == "hand"
    house.start("on")
    house.learning.step()
    assert house.said("wrist", 50) == "wrist"


def test_a_decoder_gets_small_updates_and_the_whole_where_they_do_not_fit(house):
    house.teach()
    recall, late = Recall(MODEL), Recall(MODEL)
    assert recall.apply(*house.lessons.after(None))
    assert house.lessons.after(recall.revision) is None
    house.say(house.see("wrist", 60), "wrist")
    house.learning.step()
    record, numbers = house.lessons.after(recall.revision)
    assert len(record["added"]) == 1
    assert not late.apply(record, numbers)
    assert recall.apply(record, numbers)
    assert late.apply(*house.lessons.after("of another life"))
    assert late.revision == recall.revision


def test_the_oldest_sightings_go_beyond_the_bound(house, monkeypatch):
    monkeypatch.setattr("service.learning.sightings._PRUNE_EVERY", 1)
    few = Sightings(house.database, most=3)
    with house.database.write() as connection:
        for number in range(6):
            few.put(connection, f"hand-{number}", MODEL, reading("hand", number).seen)
    few.prune()
    assert [few.get(f"hand-{number}", MODEL) is None for number in range(6)] == [True] * 3 + [
        False
    ] * 3


def test_words_that_cannot_be_learned_are_not_begun_with_again_and_again(house, monkeypatch):
    tried = []

    def learn(*given):
        tried.append(given)
        raise ValueError

    house.teach()
    revision = house.learning.memory.revision
    monkeypatch.setattr(house.lessons, "learn", learn)
    house.say(house.see("wrist", 50), "wrist")
    for _ in range(3):
        house.learning.step()
    assert len(tried) == 1
    assert house.learning.memory.revision == revision
    assert ["ValueError" in line for line in house.log] == [True]
    house.say(house.see("wrist", 51), "wrist")
    house.learning.step()
    assert len(tried) == 2
