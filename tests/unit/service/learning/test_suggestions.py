"""What the memory would change, and which pictures are shown for it."""

import numpy as np
import sqlalchemy as sa

from bodypart.evidence import ImageReading, Seen
from service.databases.tables import instances
from service.learning.alike import most_instructive, nearest
from service.records.index import REMOVED
from unit.memory.hospital import MODEL, reading
from unit.service.learning.pupils import AT


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
    assert change == {
        **{"before": "hand", "after": "wrist", "instances": 2, "reviewed": 1, "right": 1},
        "examples": ["wrist-70", "wrist-71"],
    }
    assert house.learning.learned()["words"] == 24


def test_what_an_earlier_model_said_was_not_changed_by_the_memory(house):
    """After an update the new one looks at the pictures of words; its answer was no other then."""
    house.teach()
    house.see("hand", 70)
    with house.database.write() as connection:
        earlier = sa.update(instances).where(instances.c.id.in_(["hand-0", "hand-70"]))
        connection.execute(earlier.values(image_label="wrist", model="1" * 64))
    assert house.learning.changes() == []
    assert house.learning.read_otherwise(AT) == []


def test_what_would_be_read_otherwise_is_found_and_nothing_else(house):
    for part in ("wrist", "hand", "knee", "chest"):
        house.see(part, 70)
    house.teach()
    assert house.learning.read_otherwise(AT) == ["wrist-70"]
    assert house.learning.read_otherwise("2026-11-29") == []


def test_a_picture_whose_annotation_was_removed_is_neither_changed_nor_like_another(house):
    house.teach()
    gone = {house.see("hand", 70), house.see("wrist", 70)}
    with house.database.write() as connection:
        bare = {"image_label": None, "model": None, "state": REMOVED}
        connection.execute(sa.update(instances).where(instances.c.id.in_(gone)).values(**bare))
    assert house.learning.changes() == []
    assert house.learning.read_otherwise(AT) == []
    sightings, own = house.learning.sightings, reading("hand", 70).seen.embedding
    assert nearest(sightings, MODEL, own, 5, but="") == []
    assert most_instructive(sightings, MODEL, house.learning.memory, 3, []) == ([], 0)


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


def test_what_words_reject_is_read_again_once(house):
    for number in range(8):
        house.say(house.see("none", number), None)
    house.teach()
    house.see("none", 70)
    assert house.learning.read_otherwise(AT) == ["none-70"]
    with house.database.write() as connection:
        rejected = sa.update(instances).where(instances.c.id == "none-70")
        connection.execute(rejected.values(image_label=None))
    assert house.learning.read_otherwise(AT) == []


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


def test_the_most_doubtful_are_chosen_from_where_there_are_too_many(house, monkeypatch):
    monkeypatch.setattr("service.learning.alike.MOST_CANDIDATES", 1)
    house.see("chest", 70)
    house.look(house.see("knee", 70), reading("knee", 70, rejected=True).seen)
    assert most_instructive(house.learning.sightings, MODEL, None, 2, []) == (["knee-70"], 2)


def test_what_is_like_confirmed_pictures_is_not_asked_for(house):
    house.teach(2)
    for number in (70, 71, 72):
        house.look(house.see("knee", number), reading("knee", 0).seen)
    house.see("chest", 70)
    learning = house.learning
    order, _ = most_instructive(learning.sightings, MODEL, learning.memory, 1, [])
    assert order == ["chest-70"]


def test_a_decoder_that_was_taken_over_spoils_no_suggestions(house, monkeypatch):
    """It may send numbers of any length; a page of the table may hold nothing else."""
    monkeypatch.setattr("service.learning.sightings._BATCH", 3)
    house.teach(2)
    for number in range(70, 76):
        house.see("knee", number)
    odd = Seen(np.array([0.6, 0.8], np.float32), np.array([1.0], np.float32), rejected=False)
    for number in range(100, 106):
        house.see("wrist", number)
        with house.database.write() as connection:
            house.learning.sightings.put(connection, f"wrist-{number}", MODEL, odd)
    sightings, own = house.learning.sightings, reading("knee", 70).seen.embedding
    assert {one for one, _ in nearest(sightings, MODEL, own, 9, but="")} >= {"knee-70", "knee-75"}
    assert nearest(sightings, MODEL, odd.embedding, 9, but="") == []
    memory = house.learning.memory
    assert most_instructive(sightings, MODEL, memory, 3, [])[0]
    told = [one for answers in sightings.answers(MODEL) for one in answers.instances]
    assert "knee-70" in told
    assert "wrist-100" not in told
