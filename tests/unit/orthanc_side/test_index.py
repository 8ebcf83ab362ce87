import sqlite3

import pytest

from bodypart.annotation import Annotation, Examined
from bodypart.evidence import Guess


@pytest.fixture
def index(tmp_path):
    from orthanc_side.index import Index

    return Index(tmp_path / "index.sqlite")


def above(study="study"):
    from orthanc_side.archive import Ancestors

    return Ancestors("series", study, "patient")


def knee(instance, **changes):
    annotation = Annotation(
        instance,
        "done",
        examined=Examined("knee", 0.9, "image+header"),
        visible=(Guess("knee", 0.9), Guess("patella", 0.7)),
        group="others",
        image={"top": [{"label": "knee", "probability": 0.9}], "rejected": False},
        header={"label": "knee", "labels": ["knee"], "evidence": []},
        agreement="agree",
    ).to_json()
    return {**annotation, **changes}


def test_what_goes_in_comes_out_for_the_roll_up(index):
    index.put(knee("i1"), above())
    index.put(knee("i2", needs_review=True), above())
    one, two = sorted(index.children("series", "series"), key=lambda child: child.instance)
    assert (one.instance, one.examined, one.probability) == ("i1", "knee", 0.9)
    assert one.visible == {"knee": 0.9, "patella": 0.7}
    assert (one.needs_review, two.needs_review) == (False, True)
    assert index.children("studies", "other") == []


def test_a_second_annotation_replaces_the_first(index):
    index.put(knee("i"), above())
    index.put(knee("i", status="failed", examined=None), above())
    assert index.counts() == {"failed": 1}


def test_an_instance_that_was_annotated_meanwhile_is_not_unseen(index):
    index.put(knee("i"), above())
    index.put_unseen("i", above())
    assert index.state("i") == "done"
    index.put_forgotten("i", above())
    assert index.state("i") == "forgotten"
    assert index.children("series", "series") == []


def test_removing_tells_what_the_instance_belonged_to(index):
    index.put(knee("i"), above("s7"))
    assert index.remove("i").study == "s7"
    assert index.remove("i") is None
    assert index.select("instances", "1", [], 0, 10) == []


def test_a_damaged_file_is_replaced(tmp_path):
    from orthanc_side.index import Index

    path = tmp_path / "index.sqlite"
    path.write_bytes(b"this is no database" * 100)
    index = Index(path)
    index.put(knee("i"), above())
    assert index.state("i") == "done"


def test_the_index_survives_a_restart(tmp_path):
    from orthanc_side.index import Index

    first = Index(tmp_path / "index.sqlite")
    first.put(knee("i"), above())
    first.close()
    assert Index(tmp_path / "index.sqlite").state("i") == "done"


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ({"Examined": "knee"}, {"i1", "i2"}),
        ({"Examined": "72696002", "Evidence": "image"}, {"i1"}),
        ({"Examined": "knee", "Evidence": "header"}, {"i1", "i2"}),
        ({"Examined": "knee", "Evidence": "both"}, {"i1"}),
        ({"Examined": "foot", "Evidence": "any"}, {"i2"}),
        ({"Examined": "foot", "Evidence": "final"}, set()),
        ({"Examined": "lower_limb"}, {"i1", "i2"}),
        ({"Examined": "upper limb"}, set()),
        ({"Visible": ["knee", "patella"]}, {"i1", "i2"}),
        ({"Visible": ["hand"]}, set()),
        ({"NeedsReview": True}, {"i2"}),
        ({"Group": "others", "NeedsReview": False}, {"i1"}),
        ({"Level": "Study"}, {"s1", "s2"}),
        ({}, {"i1", "i2"}),
    ],
)
def test_find(index, question, found):
    from orthanc_side.find import parse

    foot = {"top": [{"label": "foot", "probability": 0.5}], "rejected": False}
    index.put(knee("i1"), above("s1"))
    index.put(knee("i2", image=foot, needs_review=True), above("s2"))
    index.put_unseen("i3", above("s3"))
    q = parse(question)
    where = " AND ".join(q.where)
    assert set(index.select(q.level, where, q.parameters, q.since, q.limit)) == found


def test_a_damaged_file_is_replaced_and_one_in_use_is_not(tmp_path):
    from orthanc_side.index import Index

    path = tmp_path / "damaged.sqlite"
    path.write_bytes(b"damaged" * 1000)
    first = Index(path)
    first.put(knee("i"), above())
    first.close()
    holder = sqlite3.connect(path)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Index(path, wait=0.1)
    holder.rollback()
    holder.close()
    assert Index(path).state("i") == "done"


def test_a_kill_while_the_file_is_made_leaves_all_or_nothing(tmp_path, monkeypatch):
    from orthanc_side import index as module

    path = tmp_path / "index.sqlite"
    monkeypatch.setattr(module, "_SCHEMA", module._SCHEMA + "CREATE TABLE broken (;")
    with pytest.raises(sqlite3.OperationalError):
        module.Index(path)
    monkeypatch.undo()
    module.Index(path).put(knee("i"), above())


def test_a_back_fill_that_starts_reopens_what_was_forgotten_until_then(index):
    index.put_forgotten("i", above())
    index.reopen_forgotten()
    index.put_forgotten("j", above())
    assert index.in_state("unseen", 10) == ["i"]
