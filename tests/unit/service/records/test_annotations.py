"""Annotations go to metadata, index, labels and what follows; revisions tell answers apart."""

from service.queue.tasks import Kind
from service.records.annotations import of_file, sealed
from unit.service.house import PARENTS, House, note


def test_an_annotation_is_everywhere_and_its_parents_follow(house):
    written = house.annotations.put(note(needs_review=True), PARENTS)
    assert house.orthanc.annotation("i") == written
    assert house.orthanc.metadata("instances", "i", "BodyPartExamined") == "85562004"
    assert house.orthanc.labels("instances", "i") == ["bodypart-hand", "bodypart-review"]
    assert house.index.state("i") == "done"
    while task := house.claim_due(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)
    for level, resource in PARENTS.levels():
        assert house.orthanc.annotation(resource, level)["examined"]["label"] == "hand"
    house.annotations.erase("i", house.orthanc.stored_file("i"))
    assert house.orthanc.annotation("i") is None
    assert house.orthanc.labels("instances", "i") == []
    while task := house.claim_due(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)
    assert house.orthanc.annotation("study", "studies") is None


def test_labels_of_others_stay(house):
    house.orthanc.set_label("instances", "i", "teaching", present=True)
    house.annotations.put(note(), PARENTS)
    house.annotations.put(note(label="knee"), PARENTS)
    assert house.orthanc.labels("instances", "i") == ["bodypart-knee", "teaching"]


def test_a_file_follows_only_where_the_operator_wants_it_and_somebody_looked(tmp_path):
    never = House(tmp_path, tags="none")
    never.orthanc.arrive("i", b"file")
    assert never.annotations.put(note(), PARENTS)["tags"]["state"] == "none"
    assert never.claim(Kind.REWRITE) is None


def test_what_only_the_header_says_is_not_written_into_a_file(house):
    assert house.annotations.put(note(image=None), PARENTS)["tags"]["state"] == "none"
    assert house.claim(Kind.REWRITE) is None


def test_the_revision_changes_with_the_answer_alone():
    first = sealed(note(annotated_at="then"))
    assert sealed({**first, "tags": {"state": "written"}, "file": "another"}) == {
        **first,
        "tags": {"state": "written"},
        "file": "another",
    }
    assert sealed({**first, "group": "spine"})["revision"] != first["revision"]


def test_an_annotation_of_version_0_1_is_of_whatever_file_there_is():
    assert of_file(note(), "file-1")
    assert of_file(note(file="file-1"), "file-1")
    assert not of_file(note(file="file-1"), "file-2")


def test_of_what_is_gone_nothing_is_remembered_of_where_it_belonged(house):
    house.annotations.put(note(), PARENTS)
    house.annotations.gone("i")
    assert house.orthanc.asked_anew == [PARENTS.series]


def test_what_is_gone_takes_its_tasks_along(house):
    house.annotations.put(note(), PARENTS)
    house.ask(Kind.ANNOTATE, "i")
    house.annotations.gone("i")
    assert house.index.state("i") is None
    assert house.claim(Kind.ANNOTATE, Kind.REWRITE) is None
