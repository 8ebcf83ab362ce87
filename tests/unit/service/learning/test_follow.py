"""From the audit trail to the decoders' memory, with records of its own and no Orthanc."""

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from bodypart.annotation import utc_now
from bodypart.evidence import ImageReading, Seen
from bodypart.memory import Recall
from postgres import Postgres
from service.databases.database import SCHEMA, Database
from service.databases.schema import (
    DURABLE_SCHEMA,
    INDEX_SCHEMA,
    LEARNED_SCHEMA,
    SEEN_SCHEMA,
    open_shared,
    prepare,
)
from service.databases.tables import instances
from service.decoders.lessons import Lessons
from service.errors import NotFoundError
from service.learning.alike import most_instructive, nearest
from service.learning.follow import Learning
from service.learning.sightings import Sightings
from service.learning.words import Words
from service.orthanc_api.resources import Parents
from service.queue.tasks import Kind, Tasks
from service.records.audit_trail import AuditTrail
from service.records.facts import Facts
from unit.memory.hospital import LABELS, MODEL, reading

AT = "2026-11-28T10:00:00Z"


class Decoders:
    hello = {"model": {"sha256": MODEL}, "labels": list(LABELS)}  # noqa: RUF012


class Archive:
    """Every instance is a patient's of its own, but for those that are gone."""

    def __init__(self):
        self.gone = set()

    def parents(self, instance):
        if instance in self.gone:
            raise NotFoundError(instance)
        return Parents("series", "study", f"patient of {instance}")


class House:
    """The parts that learning needs, on one database."""

    def __init__(self, database, mode="on"):
        self.database = database
        self.trail = AuditTrail(self.database)
        self.tasks = Tasks(self.database, "here")
        self.archive, self.decoders = Archive(), Decoders()
        self.log = []
        self.start(mode)

    def start(self, mode="on"):
        """Start the service (again) on what it kept."""
        self.lessons = Lessons()
        self.learning = Learning(
            mode,
            self.archive,
            self.decoders,
            self.tasks,
            self.trail,
            Facts(self.database, {}),
            words=Words(self.database),
            sightings=Sightings(self.database),
            lessons=self.lessons,
            log=self.log.append,
        )

    def see(self, part, number):
        """Have the model look at a picture; return its id."""
        instance = f"{part}-{number}"
        own = reading(part, number)
        self.learning.saw(instance, own.seen)
        row = {"id": instance, "series": "s", "study": "t", "patient": "p", "state": "done"}
        with self.database.write() as connection:
            connection.execute(sa.delete(instances).where(instances.c.id == instance))
            connection.execute(sa.insert(instances).values(**row, image_label=own.top(1)[0].label))
        return instance

    def say(self, instance, label):
        previous = {"examined": "hand", "laterality": None}
        self.trail.reviewed(
            instance,
            {
                "at": AT,
                "by": "reader",
                "examined": label,
                "visible": None,
                "laterality": None,
                "laterality_given": False,
                "previous": previous,
            },
        )
        with self.database.write() as connection:
            connection.execute(
                sa.update(instances).where(instances.c.id == instance).values(reviewed_at=AT)
            )

    def teach(self, count=8):
        for part in ("wrist", "hand", "knee"):
            for number in range(count):
                self.say(self.see(part, number), part)
        self.learning.step()

    def said(self, part, number):
        """Return what a decoder that knows all lessons says."""
        recall = Recall(MODEL)
        lesson = self.lessons.after(None)
        if lesson:
            assert recall.apply(*lesson)
        return recall.consult(reading(part, number))[0].top(1)[0].label


@pytest.fixture(scope="module")
def server():
    made = Postgres().start()
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        made = Database.of_file(tmp_path / "records.sqlite")
        for schema in (DURABLE_SCHEMA, LEARNED_SCHEMA, INDEX_SCHEMA, SEEN_SCHEMA):
            prepare(made, schema)
        yield made
    else:
        url = request.getfixturevalue("server").url.replace("://", "+psycopg://")
        made = open_shared(url)
        yield made
        with made.write() as connection:
            connection.execute(sa.text(f"DROP SCHEMA {SCHEMA} CASCADE"))
    made.close()


@pytest.fixture
def house(database):
    return House(database)


def test_words_reach_the_decoders(house):
    house.teach()
    assert house.said("wrist", 50) == "wrist"
    told = house.learning.told()
    assert (told["words"], told["waiting"]) == (24, 0)
    assert {part["label"] for part in told["parts"]} == {"wrist", "hand", "knee"}


def test_a_word_taken_back_is_unlearned(house):
    house.teach()
    for number in range(8):
        house.trail.withdrawn(f"wrist-{number}", by="reader", at=AT)
    house.learning.step()
    assert house.said("wrist", 50) == "hand"
    assert house.learning.told()["words"] == 16


def test_a_removed_annotation_takes_its_word_along(house):
    house.teach()
    house.trail.removed("hand-1", by="reader", at=AT, file="f")
    house.learning.step()
    assert house.learning.told()["words"] == 23


def test_a_restart_knows_what_was_learned(house):
    house.teach()
    revision = house.learning.told()["revision"]
    house.start()
    house.learning.step()
    assert house.learning.told()["revision"] == revision


def test_words_of_before_the_memory_are_looked_at_and_learned(house):
    """An archive that was reviewed under an earlier version, or another model."""
    for number in range(8):
        house.say(f"wrist-{number}", "wrist")
        house.say(f"hand-{number}", "hand")
    house.learning.step()
    assert house.learning.told()["waiting"] == 16
    assert house.tasks.count(Kind.LOOK) == 16
    house.learning.step()
    assert house.tasks.count(Kind.LOOK) == 16
    for number in range(8):
        house.see("wrist", number)
        house.see("hand", number)
    house.learning.step()
    assert house.learning.told()["waiting"] == 0
    assert house.said("wrist", 50) == "wrist"


def test_another_model_uses_no_word_until_it_has_looked(house):
    house.teach()
    house.decoders.hello = {"model": {"sha256": "1" * 64}, "labels": list(LABELS)}
    house.learning.step()
    told = house.learning.told()
    assert (told["words"], told["waiting"]) == (0, 24)
    assert house.tasks.count(Kind.LOOK) == 24


def test_a_picture_that_is_gone_says_nothing(house):
    house.archive.gone.add("wrist-0")
    house.teach()
    assert house.learning.told()["words"] == 23


def test_what_has_no_picture_is_looked_at_once_a_model(house):
    house.say("mr-0", "knee")
    house.learning.step()
    assert house.learning.told()["waiting"] == 1
    look = house.tasks.claim((Kind.LOOK,))
    house.learning.saw_nothing("mr-0")
    house.tasks.finish(look)
    house.teach()
    assert house.tasks.count(Kind.LOOK) == 0
    told = house.learning.told()
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
    assert house.learning.told()["words"] == 0
    house.see("wrist", 0)
    house.learning.step()
    assert house.learning.told()["words"] == 1
    house.learning.saw_nothing("wrist-0")
    assert house.learning.told()["words"] == 1


def test_forgetting_all_outlives_a_restart(house):
    house.teach()
    house.learning.forget_all()
    assert house.learning.told()["words"] == 0
    assert house.said("wrist", 50) == "hand"
    house.start()
    house.learning.step()
    assert house.learning.told()["words"] == 0
    house.say(house.see("knee", 90), "knee")
    house.learning.step()
    assert house.learning.told()["words"] == 1


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
    assert house.learning.told()["words"] == 5


def test_what_the_memory_changed_is_told_and_is_no_word(house):
    house.teach()
    for number in (70, 71):
        house.see("wrist", number)
    assert house.learning.changes() == []
    with house.database.write() as connection:
        changed = sa.update(instances).where(instances.c.id.in_(["wrist-70", "wrist-71"]))
        connection.execute(changed.values(image_label="wrist", examined="wrist"))
        stays = sa.update(instances).where(instances.c.id == "wrist-71")
        connection.execute(stays.values(reviewed_at=AT))
    (change,) = house.learning.changes()
    assert (change.before, change.after, change.instances) == ("hand", "wrist", 2)
    assert (change.reviewed, change.right) == (1, 1)
    assert change.examples == ["wrist-70", "wrist-71"]
    assert house.learning.told()["words"] == 24


def test_what_is_said_at_one_node_is_learned_at_the_other(house):
    other = House(house.database)
    house.teach()
    other.learning.step()
    assert other.learning.told()["revision"] == house.learning.told()["revision"]
    other.trail.withdrawn("wrist-1", by="reader", at=AT)
    other.learning.step()
    house.learning.step()
    assert other.learning.told()["revision"] == house.learning.told()["revision"]
    assert house.learning.told()["words"] == 23


def test_what_is_said_this_second_waits_where_other_nodes_write_too(house, monkeypatch):
    """An event with a smaller number may still be on its way."""
    house.teach()
    monkeypatch.setattr(f"{__name__}.AT", utc_now())
    house.say(house.see("knee", 90), "knee")
    house.learning.step()
    assert house.learning.told()["words"] == (24 if house.database.shared else 25)
    monkeypatch.setattr("service.learning.follow._SURELY_WRITTEN", timedelta(seconds=-5))
    house.learning.step()
    assert house.learning.told()["words"] == 25


def test_off_keeps_the_words_for_later(house):
    house.start("off")
    house.teach()
    assert house.said("wrist", 50) == "hand"
    house.start("on")
    house.learning.step()
    assert house.said("wrist", 50) == "wrist"


def test_what_would_be_read_otherwise_is_found_and_nothing_else(house):
    for part in ("wrist", "hand", "knee", "chest"):
        house.see(part, 70)
    house.teach()
    assert house.learning.read_otherwise(AT) == ["wrist-70"]
    assert house.learning.read_otherwise("2026-11-29") == []


def test_no_reading_is_made_of_pictures_that_nothing_concerns(house, monkeypatch):
    for number in range(70, 90):
        house.see("knee", number)
    house.see("wrist", 70)
    house.teach()
    made = []

    def counted(*given, **named):
        made.append(given)
        return ImageReading(*given, **named)

    monkeypatch.setattr("service.learning.alike.ImageReading", counted)
    assert house.learning.read_otherwise("2026-11-29") == []
    assert not made
    assert house.learning.read_otherwise(AT) == ["wrist-70"]
    assert made


def test_what_words_had_changed_is_found_when_they_are_taken_back(house):
    house.see("wrist", 70)
    house.teach()
    with house.database.write() as connection:
        connection.execute(
            sa.update(instances).where(instances.c.id == "wrist-70").values(image_label="wrist")
        )
    assert house.learning.read_otherwise(AT) == []
    house.learning.forget_all()
    assert house.learning.read_otherwise(AT) == ["wrist-70"]


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


def test_the_nearest_are_unreviewed_and_not_the_picture_itself(house):
    house.teach(2)
    for number in range(70, 75):
        house.see("wrist", number)
        house.see("knee", number)
    own = reading("wrist", 70).seen
    found = nearest(house.learning.sightings, MODEL, own.embedding, 5, but="wrist-70")
    assert {instance for instance, _ in found[:4]} == {f"wrist-{n}" for n in range(71, 75)}
    assert "wrist-70" not in dict(found)


def test_what_teaches_most_comes_from_the_unreviewed(house):
    house.teach(2)
    for number in range(70, 75):
        house.see("chest", number)
    house.see("knee", 70)
    order, candidates = most_instructive(
        house.learning.sightings, MODEL, house.learning.memory, 3, []
    )
    assert order[0].startswith("chest")
    assert len(order) == 3
    assert candidates == 6


def test_a_decoder_that_was_taken_over_spoils_no_suggestions(house, monkeypatch):
    """It may send numbers of any length; a page of the table may hold nothing else."""
    monkeypatch.setattr("service.learning.sightings._BATCH", 3)
    house.teach(2)
    for number in range(70, 76):
        house.see("knee", number)
    odd = Seen(np.array([0.6, 0.8], np.float32), np.array([1.0], np.float32), rejected=False)
    for number in range(100, 106):
        house.see("wrist", number)
        house.learning.sightings.put(f"wrist-{number}", MODEL, odd)
    sightings, own = house.learning.sightings, reading("knee", 70).seen.embedding
    assert {one for one, _ in nearest(sightings, MODEL, own, 9, but="")} >= {"knee-70", "knee-75"}
    assert nearest(sightings, MODEL, odd.embedding, 9, but="") == []
    memory = house.learning.memory
    assert most_instructive(sightings, MODEL, memory, 3, [])[0]
    told = [one for answers in sightings.answers(MODEL) for one in answers.instances]
    assert "knee-70" in told
    assert "wrist-100" not in told


def test_the_oldest_sightings_go_beyond_the_bound(house, monkeypatch):
    monkeypatch.setattr("service.learning.sightings._PRUNE_EVERY", 1)
    few = Sightings(house.database, most=3)
    for number in range(6):
        few.put(f"hand-{number}", MODEL, reading("hand", number).seen)
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
